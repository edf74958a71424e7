"""The reading of a list of classic profiles: one call a row, a few rows a job, a result per row.

A list can be interrupted at any point: what counts is in its rows, and a row is counted in the transaction that
writes what became of it.
"""

from __future__ import annotations

import time
import uuid
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.audit import PORTAL
from portal.domain.integrations.external_ids import BadExternalId, ExternalIdStands, ExternalIdTaken
from portal.logs import place_of
from portal.models import ImportState, ProfileImport, ProfileImportRow, ProfileRowState, Provider
from portal.providers.ports import ClassicGateway, GatewayRefused, GatewayUnavailable, Reading, Refusal
from portal.queries import subscriptions
from portal.queries.merchants import paypal_accounts
from portal.queries.operating import profile_imports
from portal.queries.people import customers
from portal.secrets import CannotOpen
from portal.services.arrivals import classic_arrivals
from portal.services.arrivals.import_pages import KEY_REFUSALS
from portal.services.arrivals.import_rows import Origin
from portal.services.context import Context
from portal.services.imports.imports import StopReason
from portal.services.imports.profile_imports import OwnIdFault, RowResult, defer, finish_if_done
from portal.services.paypal import gateways
from portal.services.paypal.gateways import NoKey
from portal.services.people import customer_identity

log = structlog.get_logger(__name__)

ROWS_PER_JOB: Final = 50  # then another merchant's turn; about as long as a worker that stops may take
GAP: Final = 0.2  # seconds from one call to the next: PayPal's limits are not published (FACTS.md 5)
SILENCES: Final = 3  # so many reads without an answer in a row: PayPal is away, not the profile bad
AWAY: Final = timedelta(minutes=5)  # then the rest waits so long,
MOST_WAITS: Final = 24  # so many times, before somebody has to press the button
CALM: Final = 30  # seconds to wait after a 429 that names none (FACTS.md 5)
OLD_PROFILE: Final = "11592"  # PayPal's error for a profile that the API does not manage


class _Lost(Exception):
    """Somebody stopped the list meanwhile: this job leaves it alone."""


class _Away(Exception):
    """PayPal no longer answers: the rest has to wait."""

    def __init__(self, wait: timedelta, reason: StopReason, debug_id: str) -> None:
        super().__init__(reason)
        self.wait = wait
        self.reason = reason
        self.debug_id = debug_id


def run_share(ctx: Context, import_id: uuid.UUID, *, waits: int = 0, gap: float = GAP) -> None:
    """Read a few profiles, as one job does, and give the rest to another job that waits its turn.

    `waits` counts how often PayPal was away since the last answer; `gap` is the least time between two calls in
    seconds.  Killed at any point, the job may run again: it goes on with the rows that still wait.
    """
    with ctx.db.read() as session:
        found = profile_imports.get(session, import_id)
    if found.state is not ImportState.RUNNING:
        return
    share = _Share(ctx, found, gap=gap)
    try:
        share.read()
    except (NoKey, CannotOpen) as error:
        _stop(ctx, found, StopReason.NO_KEY if isinstance(error, NoKey) else StopReason.KEY_UNREADABLE)
    except GatewayRefused as refused:
        _stop_for_key(ctx, found, refused)
    except _Away as away:
        _wait(ctx, found, away, waits=0 if share.heard else waits + 1)
    except _Lost:
        log.info("profile_import_left", import_id=str(import_id))
    else:
        _hand_on(ctx, found)


class _Share:
    """The work of one job: it reads the next rows and writes what became of each."""

    def __init__(self, ctx: Context, found: ProfileImport, *, gap: float) -> None:
        self._ctx = ctx
        self._import = found
        self._origin = Origin(found.merchant_id, found.environment, Provider.PAYPAL_CLASSIC)
        self._gap = gap
        self._called_at = -gap
        self._silences = 0
        self.heard = False  # PayPal answered at least once

    def read(self) -> None:
        """Read up to ROWS_PER_JOB rows; one without an answer gets a second try at the end."""
        gateway = self._gateway()
        with self._ctx.db.read() as session:
            rows = profile_imports.waiting(session, self._import.id, after=0, limit=ROWS_PER_JOB)
        silent = [row for row in rows if not self._take(gateway, row)]
        for row in silent:
            if not self._take(gateway, row):
                self._write(row, reason=RowResult.NO_ANSWER)

    def _gateway(self) -> ClassicGateway:
        with self._ctx.db.read() as session:
            account = paypal_accounts.of_merchant(session, self._import.merchant_id, Provider.PAYPAL_CLASSIC)
        if account is None or account.environment != self._import.environment:
            raise NoKey
        try:
            return gateways.classic_gateway(self._ctx, self._import.merchant_id)
        except GatewayUnavailable as calm:
            raise _away(calm) from None

    def _take(self, gateway: ClassicGateway, row: ProfileImportRow) -> bool:
        """Read one profile and write it; return False when PayPal did not answer."""
        self._pace()
        asked_at = utc_now()
        try:
            reading = gateway.show_subscription(row.profile_id)
        except GatewayUnavailable as unavailable:
            self._silences += 1
            if self._silences >= SILENCES or unavailable.http_status == 429:
                raise _away(unavailable) from None
            return False
        except GatewayRefused as refused:
            self._hear()
            if refused.refusal in KEY_REFUSALS:
                raise
            self._write(row, reason=_reason(refused))
            return True
        self._hear()
        self._write(row, reading=reading, asked_at=asked_at)
        return True

    def _hear(self) -> None:
        self._silences, self.heard = 0, True

    def _pace(self) -> None:
        time.sleep(max(0.0, self._called_at + self._gap - time.monotonic()))
        self._called_at = time.monotonic()

    def _write(
        self,
        row: ProfileImportRow,
        *,
        reading: Reading | None = None,
        asked_at: datetime | None = None,
        reason: str = "",
    ) -> None:
        """Write the subscription, the row and the counts in one transaction."""
        now = utc_now()
        with self._ctx.db.begin() as session:
            held = profile_imports.lock(session, self._import.id)
            mine = profile_imports.row(session, row.id)
            if held.state is not ImportState.RUNNING or mine.state is not ProfileRowState.WAITING:
                raise _Lost
            if reading is not None:
                mine.state, mine.reason = self._take_in(session, reading, asked_at=asked_at, now=now)
                if mine.external_id and mine.state is not ProfileRowState.FAILED:
                    mine.reason = self._name(session, reading, mine.external_id, now=now)
                    mine.external_id = None
            else:
                mine.state, mine.reason = ProfileRowState.FAILED, reason
            _count(held, mine.state)
            held.touched_at, held.error = now, ""
            finish_if_done(held, now=now)

    def _take_in(
        self, session: Session, reading: Reading, *, asked_at: datetime | None, now: datetime
    ) -> tuple[ProfileRowState, str]:
        """Write one subscription; a bad one is undone alone and stops nobody."""
        try:
            with session.begin_nested():
                is_new = classic_arrivals.write(self._ctx, session, self._origin, reading, now=now, asked_at=asked_at)
        except classic_arrivals.Outdated:  # somebody else read it a moment ago and wrote what they saw
            return ProfileRowState.KNOWN, ""
        except (OperationalError, InterfaceError):
            raise  # the database, not the row
        except Exception as error:
            log.error(
                "profile_import_row_failed",
                import_id=str(self._import.id),
                provider_id=reading.provider_id,
                error=type(error).__name__,
                place=place_of(error),
            )
            return ProfileRowState.FAILED, RowResult.NOT_WRITTEN
        return (ProfileRowState.ADDED if is_new else ProfileRowState.KNOWN), ""

    def _name(self, session: Session, reading: Reading, external_id: str, *, now: datetime) -> str:
        """Write the merchant's own id of the row's customer, who came in; return why it is not written."""
        found = subscriptions.by_provider_id(
            session, self._import.merchant_id, environment=self._import.environment, provider_id=reading.provider_id
        )
        if found is None:
            return ""
        (customer,) = customers.lock(session, found.merchant_id, found.customer_id)
        if customer.erased_at is not None:
            return ""
        try:
            customer_identity.name(self._ctx, session, customer, external_id, by=PORTAL, now=now)
        except BadExternalId:
            return OwnIdFault.BAD
        except ExternalIdTaken:
            return OwnIdFault.TAKEN
        except ExternalIdStands:
            return OwnIdFault.OTHER
        return ""


def _count(held: ProfileImport, state: ProfileRowState) -> None:
    held.added += state is ProfileRowState.ADDED
    held.known += state is ProfileRowState.KNOWN
    held.failed += state is ProfileRowState.FAILED


def _hand_on(ctx: Context, found: ProfileImport) -> None:
    with ctx.db.begin() as session:
        if profile_imports.lock(session, found.id).state is ImportState.RUNNING:
            defer(session, found.id)


def _stop_for_key(ctx: Context, found: ProfileImport, refused: GatewayRefused) -> None:
    """Stop, and have the key tested: whoever repairs it makes the list go on."""
    bad = refused.refusal is Refusal.BAD_CREDENTIALS
    _stop(ctx, found, StopReason.BAD_CREDENTIALS if bad else StopReason.FORBIDDEN, refused.debug_id)
    with ctx.db.begin() as session:
        gateways.suspect_key(session, found.merchant_id, Provider.PAYPAL_CLASSIC, now=utc_now())


def _stop(ctx: Context, found: ProfileImport, reason: StopReason, debug_id: str = "") -> None:
    with ctx.db.begin() as session:
        held = profile_imports.lock(session, found.id)
        if held.state is ImportState.RUNNING:
            held.state, held.touched_at = ImportState.STOPPED, utc_now()
            held.error = f"{reason} {debug_id}".strip()
    log.warning("profile_import_stopped", import_id=str(found.id), reason=reason, debug_id=debug_id)


def _wait(ctx: Context, found: ProfileImport, away: _Away, *, waits: int) -> None:
    """Plan the rest for later; after two hours of silence it stops, and the page says so."""
    now = utc_now()
    limited = away.reason is StopReason.RATE_LIMITED
    if waits > MOST_WAITS:
        _stop(ctx, found, away.reason, away.debug_id)
        return
    with ctx.db.begin() as session:
        held = profile_imports.lock(session, found.id)
        if held.state is not ImportState.RUNNING:
            return
        held.touched_at, held.error = now, f"{away.reason} {away.debug_id}".strip()
        if limited:
            gateways.slow_down(session, found.merchant_id, Provider.PAYPAL_CLASSIC, until=now + away.wait)
        defer(session, found.id, at=now + away.wait, waits=waits)
    log.warning("profile_import_waits", import_id=str(found.id), reason=away.reason, debug_id=away.debug_id)


def _away(error: GatewayUnavailable) -> _Away:
    if error.http_status == 429:
        return _Away(timedelta(seconds=error.retry_after or CALM), StopReason.RATE_LIMITED, error.debug_id)
    return _Away(AWAY, StopReason.UNAVAILABLE, error.debug_id)


def _reason(refused: GatewayRefused) -> RowResult:
    if refused.refusal is Refusal.NOT_FOUND:
        return RowResult.OLD_ID if refused.issue == OLD_PROFILE else RowResult.UNKNOWN_PROFILE
    return RowResult.REFUSED

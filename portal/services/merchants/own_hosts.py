"""A merchant's own host name: entered, proved by a record in its zone, looked at each day, given up.

Links name it while it is active and no longer: a host that does not lead here for a day is *lost*, and customers are
sent to the installation's again until it does (docs/decisions/0050).
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import structlog
from sqlalchemy.exc import IntegrityError, NoResultFound
from sqlalchemy.orm import Session

from portal.domain.audit import PORTAL, Act, By
from portal.domain.merchants import own_hosts as rules
from portal.domain.merchants.own_hosts import Fault, HostTaken
from portal.models import Merchant, OwnHost
from portal.providers.host_names import NoAnswer
from portal.queries.merchants import own_hosts
from portal.queries.people import merchants
from portal.secrets import new_token
from portal.services.audit import audit
from portal.services.context import Context

log = structlog.get_logger("portal.own_hosts")

UNPROVED: Final = frozenset({Fault.NO_RECORD, Fault.OTHER_RECORD})


def enter(ctx: Context, merchant_id: uuid.UUID, typed: str, *, by: By, now: datetime) -> OwnHost:
    """Keep a host that has to be proved yet; raise HostRefused for what cannot be one.

    The one of before is given up: a merchant has one.
    """
    host = rules.parsed(typed, ours=urlsplit(ctx.base_url).hostname or "")
    with ctx.db.begin() as session:
        merchant = merchants.lock(session, merchant_id)
        before = own_hosts.of_merchant(session, merchant_id)
        if before is not None and before.host == host:
            return before
        if before is not None:
            _give_up(session, merchant, before, by=by, now=now)
        row = OwnHost(id=uuid.uuid4(), merchant_id=merchant_id, host=host, token=new_token(), created_at=now)
        session.add(row)
        _tell(session, row, Act.HOST_ENTERED, by=by, now=now)
        return row


def check(ctx: Context, merchant_id: uuid.UUID, *, by: By, now: datetime) -> Fault | None:
    """Look for the challenge, then open the host as a visitor does; active when both are right.

    Returns what is wrong. Raises NoResultFound without a host, HostTaken while another merchant's pages are there.
    """
    with ctx.db.read() as session:
        row = own_hosts.of_merchant(session, merchant_id)
    if row is None:
        raise NoResultFound
    fault = _fault_of_record(ctx, row)
    if fault is None:
        # First the record, kept by itself: what stands in front asks for a certificate only then.
        _note_proof(ctx, row.id, now=now)
        fault = ctx.host_names.fault(row.host, row.token, str(row.id))
    _note(ctx, row, fault, by=by, now=now)
    return fault


def check_all(ctx: Context, *, now: datetime) -> int:
    """Look again at every host that is or was active; return how many do not lead here."""
    with ctx.db.read() as session:
        found = own_hosts.watched(session)
    failing = 0
    for merchant_id in found:
        try:
            failing += check(ctx, merchant_id, by=PORTAL, now=now) is not None
        except (NoResultFound, HostTaken) as error:  # given up in this moment, or somebody else's now
            log.warning("own_host.not_checked", merchant_id=str(merchant_id), error=type(error).__name__)
    return failing


def give_up(ctx: Context, merchant_id: uuid.UUID, *, host: str | None = None, by: By, now: datetime) -> bool:
    """Stop using it: links name the installation's; visitors of the host are led there for KEPT.

    `host`: the one that a page showed; False, and nothing is done, where another was entered since.  Raises
    NoResultFound.
    """
    with ctx.db.begin() as session:
        merchant = merchants.lock(session, merchant_id)
        row = own_hosts.of_merchant(session, merchant_id)
        if row is None:
            raise NoResultFound
        if host is not None and row.host != host:
            return False
        _give_up(session, merchant, row, by=by, now=now)
        return True


def _fault_of_record(ctx: Context, row: OwnHost) -> Fault | None:
    try:
        return rules.record_fault(ctx.host_names.texts(rules.challenge_name(row.host)), row.token)
    except NoAnswer:
        return Fault.NO_DNS


def _note_proof(ctx: Context, host_id: uuid.UUID, *, now: datetime) -> None:
    with ctx.db.begin() as session:
        row = own_hosts.lock(session, host_id)
        if row is not None and row.proved_at is None:
            row.proved_at = now


def _note(ctx: Context, checked: OwnHost, fault: Fault | None, *, by: By, now: datetime) -> None:
    try:
        with ctx.db.begin() as session:
            merchant = merchants.lock(session, checked.merchant_id)
            row = own_hosts.lock(session, checked.id)
            if row is None or row.given_up_at is not None:
                return
            row.checked_at, row.fault = now, fault
            row.failing_since = None if fault is None else row.failing_since or now
            if fault is None and merchant.own_host != row.host:
                merchant.own_host, row.active_since = row.host, now
                _tell(session, row, Act.HOST_ACTIVE, by=by, now=now)
                session.flush()
            elif _is_lost(row, now=now):
                if (
                    fault in UNPROVED
                ):  # whose the name is may have changed: no certificate is asked for until it is back
                    row.proved_at = None
                if merchant.own_host == row.host:
                    merchant.own_host = None
                    _tell(session, row, Act.HOST_LOST, by=by, now=now)
    except IntegrityError:  # of two who proved it, the pages are the first one's until its record is gone
        raise HostTaken from None


def _is_lost(row: OwnHost, *, now: datetime) -> bool:
    """Say whether links must not name it any more: nobody is led to where nothing answers, or somebody else does."""
    is_known = row.fault is not Fault.NO_DNS  # our own name servers' silence says nothing about the host
    return is_known and row.failing_since is not None and now - row.failing_since >= rules.PATIENCE


def _give_up(session: Session, merchant: Merchant, row: OwnHost, *, by: By, now: datetime) -> None:
    row.given_up_at = now
    if merchant.own_host == row.host:
        merchant.own_host = None
    session.flush()
    _tell(session, row, Act.HOST_GIVEN_UP, by=by, now=now)


def _tell(session: Session, row: OwnHost, act: Act, *, by: By, now: datetime) -> None:
    about = ("own_host", row.id)
    audit.append(session, row.merchant_id, act, by=by, at=now, subject=about, host=row.host)

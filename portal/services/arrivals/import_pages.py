"""One page of PayPal's list: fill in what PayPal's list leaves out, then write each row on its own.

A bad row is counted and logged and stops nobody.  What the merchant decided (a product's name, its
access rule) is never written over.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from portal.domain.subscriptions import PROVIDER_NOT_STARTED
from portal.i18n import LOCALES, Translator
from portal.logs import place_of
from portal.models import Merchant, Plan, Product
from portal.providers.ports import (
    GatewayRefused,
    GatewayUnavailable,
    Page,
    PlanReading,
    Reading,
    Refusal,
    RestGateway,
)
from portal.queries import subscriptions
from portal.queries.operating import import_runs
from portal.queries.people import merchants
from portal.services.arrivals import comeback_arrivals
from portal.services.arrivals.import_rows import Offer, Origin, write_row
from portal.services.context import Context

log = structlog.get_logger(__name__)

SILENCES: Final = 3  # so many single reads without an answer in a row: PayPal is away, not the row bad
KEY_REFUSALS: Final = frozenset({Refusal.BAD_CREDENTIALS, Refusal.FORBIDDEN})


@dataclass(kw_only=True)
class Gathered:
    """A page with what was asked for one by one. `plans` holds those that were not known before."""

    readings: list[Reading] = field(default_factory=list)
    plans: dict[str, PlanReading | None] = field(default_factory=dict)
    unreadable: int = 0


class _Silence:
    """Counts answers that did not come, one after the other; raises the last when there are too many."""

    def __init__(self) -> None:
        self._count = 0

    def note(self, error: GatewayUnavailable) -> None:
        self._count += 1
        if self._count >= SILENCES or error.http_status == 429:
            raise error

    def broken(self) -> None:
        self._count = 0


def gather(ctx: Context, origin: Origin, gateway: RestGateway, page: Page) -> Gathered:
    """Ask PayPal for what the page leaves out. No transaction is open here.

    Raises GatewayRefused when the key is refused, GatewayUnavailable when PayPal no longer answers.
    """
    found, silence = Gathered(unreadable=page.unreadable), _Silence()
    for row in page.readings:
        reading = _whole(gateway, row, silence) if _lacks_facts(row) else row
        if reading is None:
            found.unreadable += 1
        else:
            found.readings.append(reading)
    with ctx.db.read() as session:
        found.readings = comeback_arrivals.without_unapproved(
            session, origin.merchant_id, origin.environment, found.readings
        )
        wanted = {reading.plan_id for reading in found.readings if reading.plan_id}
        known = import_runs.plans_by_provider_id(session, origin.merchant_id, origin.environment, wanted)
    for plan_id in sorted(wanted - {key for key, plan in known.items() if _was_read(plan)}):
        found.plans[plan_id] = _plan(gateway, plan_id, silence)
    return found


def write_plans(session: Session, origin: Origin, plans: Iterable[PlanReading], *, now: datetime) -> dict[str, Plan]:
    """Write plans, each unknown one with a product of its own; return the rows by PayPal's id.

    A known plan gets PayPal's facts; its product keeps the name and the rules it has here.
    """
    given = {plan.provider_id: plan for plan in plans}
    rows = import_runs.plans_by_provider_id(session, origin.merchant_id, origin.environment, given)
    merchant = session.get_one(Merchant, origin.merchant_id)
    for provider_id, plan in given.items():
        row = rows.get(provider_id) or _new_plan(session, origin, merchant, provider_id, now=now)
        _take_over_plan(row, plan, now=now)
        rows[provider_id] = row
    session.flush()
    return rows


@dataclass(kw_only=True)
class Written:
    """How many rows of a page were new here, known, or could not be written."""

    created: int = 0
    updated: int = 0
    failed: int = 0


def write_page(
    ctx: Context, session: Session, origin: Origin, page: Gathered, *, now: datetime, asked_at: datetime | None = None
) -> Written:
    """Write a page's rows and count them; a row that fails is undone alone.

    A subscription that was read again after `asked_at` keeps what that newer answer said.
    """
    comebacks = comeback_arrivals.matching(session, origin.merchant_id, origin.environment, page.readings)
    _lock(session, origin, page, others=[comeback.subscription_id for comeback in comebacks.values()])
    plans = _plans_of(session, origin, page, now=now)
    offers = {plan_id: Offer(plan, plan.product) for plan_id, plan in plans.items()}
    written = Written()
    for reading in page.readings:
        try:
            with session.begin_nested():
                is_new = write_row(
                    ctx,
                    session,
                    origin,
                    reading,
                    offers.get(reading.plan_id or ""),
                    now=now,
                    asked_at=asked_at,
                    comeback=comebacks.get(reading.provider_id),
                )
        except (OperationalError, InterfaceError):
            raise  # the database, not the row
        except Exception as error:
            written.failed += 1
            _log_failure(origin, reading.provider_id, error)
            continue
        written.created, written.updated = written.created + is_new, written.updated + (not is_new)
    return written


def _lock(session: Session, origin: Origin, page: Gathered, *, others: list[uuid.UUID]) -> None:
    """Lock what the page will write: the known subscriptions and `others` (what somebody came back from).

    Two messages of one new subscription come at once: the second waits for the first, and then knows it.
    """
    wanted = {reading.provider_id for reading in page.readings}
    known = subscriptions.lock_known(session, origin.merchant_id, origin.environment, wanted, others=others)
    plans = {reading.plan_id for reading in page.readings if reading.plan_id}
    if (
        wanted - known
        or plans - import_runs.plans_by_provider_id(session, origin.merchant_id, origin.environment, plans).keys()
    ):
        merchants.lock(session, origin.merchant_id)


def _lacks_facts(row: Reading) -> bool:
    """Say whether PayPal's list left out what it shows of a single one (FACTS.md 1.3: `billing_info`, payer, plan)."""
    begun = row.status not in PROVIDER_NOT_STARTED
    nobody = row.payer_id is None and row.payer_email is None
    return row.plan_id is None or (begun and (row.outstanding is None or nobody)) or _has_own_price(row)


def _has_own_price(row: Reading) -> bool:
    return row.plan_overridden and row.plan is None


def _whole(gateway: RestGateway, row: Reading, silence: _Silence) -> Reading | None:
    """Read one subscription on its own; None when PayPal does not show it."""
    try:
        reading = gateway.show_subscription(row.provider_id)
    except GatewayRefused as refused:
        if refused.refusal in KEY_REFUSALS:
            raise
        log.warning("import_row_refused", provider_id=row.provider_id, debug_id=refused.debug_id)
        return None
    except GatewayUnavailable as unavailable:
        silence.note(unavailable)
        log.warning("import_row_unanswered", provider_id=row.provider_id, debug_id=unavailable.debug_id)
        return None
    silence.broken()
    return reading


def _plan(gateway: RestGateway, plan_id: str, silence: _Silence) -> PlanReading | None:
    """Read one plan; None when PayPal does not show it: its subscriptions come in all the same."""
    try:
        plan = gateway.show_plan(plan_id)
    except GatewayRefused as refused:
        if refused.refusal in KEY_REFUSALS:
            raise
        log.warning("import_plan_unknown", plan_id=plan_id, debug_id=refused.debug_id)
        return None
    except GatewayUnavailable as unavailable:
        silence.note(unavailable)
        return None
    silence.broken()
    return plan


def _plans_of(session: Session, origin: Origin, page: Gathered, *, now: datetime) -> dict[str, Plan]:
    """Return the row of every plan of the page, made where there was none."""
    rows = write_plans(session, origin, (plan for plan in page.plans.values() if plan is not None), now=now)
    wanted = {reading.plan_id for reading in page.readings if reading.plan_id} - rows.keys()
    rows |= import_runs.plans_by_provider_id(session, origin.merchant_id, origin.environment, wanted)
    merchant = session.get_one(Merchant, origin.merchant_id)
    for plan_id in sorted(wanted - rows.keys()):
        rows[plan_id] = _new_plan(session, origin, merchant, plan_id, now=now)
    session.flush()
    return rows


def _was_read(plan: Plan) -> bool:
    """Say whether PayPal ever showed the plan itself."""
    return plan.name != ""


def _new_plan(session: Session, origin: Origin, merchant: Merchant, provider_id: str, *, now: datetime) -> Plan:
    product = Product(merchant_id=origin.merchant_id, name=_unknown_name(merchant.locale, provider_id), contents=[])
    plan = Plan(
        merchant_id=origin.merchant_id,
        product=product,
        environment=origin.environment,
        provider_id=provider_id,
        name="",
        interval_count=1,
        total_cycles=0,
        failure_threshold=0,
        read_at=now,
    )
    session.add(plan)
    return plan


def _take_over_plan(row: Plan, plan: PlanReading, *, now: datetime) -> None:
    price, before = plan.price, _terms(row) if _was_read(row) else None
    if plan.name and row.product.name in {_unknown_name(locale, row.provider_id) for locale in LOCALES}:
        row.product.name = plan.name  # nobody has named it yet
    row.name = plan.name
    row.amount, row.currency = (price.amount, price.currency) if price else (row.amount, row.currency)
    row.interval_unit, row.interval_count = plan.interval_unit or row.interval_unit, plan.interval_count
    row.total_cycles, row.failure_threshold = plan.total_cycles, plan.failure_threshold
    row.read_at = now
    if before is not None and _terms(row) != before:
        row.changed_at = now  # whoever stands on it is read again (queries/comparisons/comparison_turns.py)


def _terms(row: Plan) -> tuple[object, ...]:
    return (row.amount, row.currency, row.interval_unit, row.interval_count, row.total_cycles, row.failure_threshold)


def _unknown_name(locale: str, provider_id: str) -> str:
    return Translator(locale).gettext("Unknown plan %(id)s", id=provider_id)


def _log_failure(origin: Origin, provider_id: str, error: Exception) -> None:
    name, place = type(error).__name__, place_of(error)
    log.error(
        "import_row_failed", merchant_id=str(origin.merchant_id), provider_id=provider_id, error=name, place=place
    )

"""What goes back after an end that was free of charge for want of a proved reminder (law.md R-FR-23).

Within 30 days of the end: what was paid after the last renewal, less what was performed until the day of the end.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal
from functools import partial

import structlog
from sqlalchemy.orm import Session

from portal.domain.audit import PORTAL, Act, By
from portal.domain.dates.billing import HOURS, period_end
from portal.domain.law.renewals import REFUND_WITHIN, advance
from portal.domain.law.withdrawals import Verdict
from portal.domain.money.money import Money
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import EndRequest, Payment, RenewalRefund, Subscription
from portal.queries import subscriptions
from portal.queries.law import renewals, withdrawals
from portal.queries.people import merchants
from portal.services.audit import audit
from portal.services.batches import each
from portal.services.context import Context
from portal.services.dates.end_schedules import beginning_of
from portal.services.dates.paid_time import terms_of
from portal.services.dates.renewal_terms import day_of
from portal.services.notices import renewal_notices

log = structlog.get_logger(__name__)

OWN = frozenset({Actor.CUSTOMER, Actor.PROVIDER})  # who ends it at PayPal is its customer, as far as anybody can tell


def owe(ctx: Context, session: Session, subscription: Subscription, request: EndRequest, *, now: datetime) -> None:
    """Write what goes back after an end that PayPal has confirmed; nothing where it was no end free of charge.

    The subscription's lock is held.
    """
    since = subscription.free_from
    if (
        since is None
        or request.asked_at < since
        or request.asked_by not in OWN
        or request.outcome is not Status.CANCELLED
        or _goes_back_whole(session, subscription)
    ):
        return
    paid = renewals.advances(session, subscription.id, since=since - HOURS)
    zone = merchants.of(session, subscription.merchant_id).time_zone
    parts = {one.id: _back(subscription, one, request, zone) for one in paid if one.currency == paid[0].currency}
    total = sum(parts.values(), Decimal(0))
    if not total:
        return
    newest = next(one for one in paid if parts.get(one.id))
    owed = RenewalRefund(
        merchant_id=subscription.merchant_id,
        subscription_id=subscription.id,
        end_request_id=request.id,
        payment_id=newest.id,
        amount=total,
        currency=newest.currency,
        renewed_at=since - HOURS,
        left_before=renewals.left_of(paid),
        due_at=max(request.asked_at, beginning_of(_ended_on(request, zone), zone)) + REFUND_WITHIN,
        created_at=now,
    )
    session.add(owed)
    _note(session, owed, Act.RENEWAL_REFUND_OWED, by=PORTAL, now=now)
    renewal_notices.tell_owed(ctx, session, owed, now=now)
    log.info("renewal_refund_owed", subscription_id=str(subscription.id), request_id=str(request.id))


def _goes_back_whole(session: Session, subscription: Subscription) -> bool:
    """Say whether a withdrawal in time has made all of it due already: nothing is paid twice."""
    found = withdrawals.of_subscription(session, subscription.id) if subscription.withdrawn_at is not None else None
    return found is not None and found.verdict is Verdict.IN_TIME


def give_way(session: Session, subscription: Subscription, *, by: By, now: datetime) -> None:
    """Close what an end made due, where a withdrawal in time makes all of it due; the subscription's lock is held."""
    owed = renewals.refund_of(session, subscription.id)
    if owed is not None and owed.settled_at is None and _goes_back_whole(session, subscription):
        owed.settled_at = now
        _note(session, owed, Act.RENEWAL_REFUND_SETTLED, by=by, now=now)


def _back(subscription: Subscription, payment: Payment, request: EndRequest, time_zone: str) -> Decimal:
    """Return what goes back of one payment; one whose period nobody knows is left to the merchant, whole."""
    left, until = Money(payment.left, payment.currency), period_end(terms_of(subscription), payment.paid_at)
    if until is None:
        return left.amount
    return advance(
        Money(payment.amount, payment.currency),
        left,
        paid_on=day_of(payment.paid_at, time_zone),
        paid_until=day_of(until, time_zone),
        ended_on=_ended_on(request, time_zone),
    ).amount


def _ended_on(request: EndRequest, time_zone: str) -> date:
    """Return the day of the end: the one that was chosen, or that of the asking."""
    asked_on = day_of(request.asked_at, time_zone)
    return max(request.wished_on or asked_on, asked_on)


def follow(ctx: Context, *, now: datetime) -> None:
    """Close what the refunds made since cover. Raises Unfinished at the end when a row failed."""
    each(ctx.db, renewals.open_refunds, partial(_follow, now), event="renewal_refund_not_followed")


def _follow(now: datetime, session: Session, key: renewals.RowKey) -> None:
    subscriptions.lock(session, key.merchant_id, key.subscription_id)
    owed = renewals.lock_refund(session, key.merchant_id, key.id)
    left = renewals.left_of(renewals.advances(session, owed.subscription_id, since=owed.renewed_at))
    if owed.settled_at is None and owed.left_before - left >= owed.amount:
        owed.settled_at = now
        _note(session, owed, Act.RENEWAL_REFUND_SETTLED, by=PORTAL, now=now)


def settle(ctx: Context, merchant_id: uuid.UUID, refund_id: uuid.UUID, *, by: By, now: datetime) -> uuid.UUID:
    """Write that staff gave it back another way; return the subscription's id. Raises NoResultFound."""
    with ctx.db.begin() as session:
        owed = renewals.lock_refund(session, merchant_id, refund_id)
        if owed.settled_at is None:
            owed.settled_at, owed.settled_by = now, by.name
            _note(session, owed, Act.RENEWAL_REFUND_SETTLED, by=by, now=now)
        return owed.subscription_id


def _note(session: Session, owed: RenewalRefund, act: Act, *, by: By, now: datetime) -> None:
    session.flush()
    money = Money(owed.amount, owed.currency)
    told = {"amount": money.figures, "currency": money.currency, "due_at": owed.due_at.isoformat()}
    audit.append(session, owed.merchant_id, act, by=by, at=now, subject=("subscription", owed.subscription_id), **told)

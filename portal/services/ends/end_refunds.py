"""A refund that staff decide together with an end: shown and confirmed with it, asked for once the end is confirmed.

Nothing goes back while PayPal may still take the next payment.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.orm import Session

from portal.domain.ends.duties import Duty, may
from portal.domain.ends.end_requests import Channel
from portal.domain.errors import Denial, NotAllowed
from portal.domain.money import refunds as rules
from portal.domain.money.money import Money
from portal.domain.money.refunds import CannotRefund, NoRefund, WithEnd, WithEndState
from portal.models import EndRefund, EndRequest, Payment, Subscription
from portal.queries.money import payments, refunds
from portal.queries.people import merchants
from portal.services.ends.end_wishes import Wish
from portal.services.money.refunds import By, ask, why_not

log = structlog.get_logger(__name__)


def offered(
    subscription: Subscription, payment: Payment, *, time_zone: str, now: datetime
) -> Mapping[WithEnd, Money] | NoRefund:
    """Return what may go back with an end now, by choice; or why nothing may.

    The unused part goes by the merchant's days; it is left out where the payment pays no day ahead, or all of it.
    """
    left = Money(payment.left, payment.currency)
    why = why_not(subscription, payment, amount=left.amount, now=now)
    if why is not None:
        return why
    found = {WithEnd.LAST_PAYMENT: left}
    if subscription.paid_until is not None:
        days = [at.astimezone(ZoneInfo(time_zone)).date() for at in (payment.paid_at, subscription.paid_until, now)]
        paid = Money(payment.amount, payment.currency)
        part = rules.unused(paid, left, paid_on=days[0], paid_until=days[1], ended_on=days[2])
        if 0 < part.amount < left.amount:
            found[WithEnd.UNUSED] = part
    return found


def decide(session: Session, subscription: Subscription, request: EndRequest, wish: Wish, *, now: datetime) -> None:
    """Write what goes back once this end is confirmed, as its page showed it; the subscription's lock is held.

    Raises CannotRefund where it cannot, or is another sum by now, and NotAllowed: then nothing of the end is written.
    """
    if wish.refund is WithEnd.NOTHING:
        return
    if wish.role is None or not may(wish.role, Duty.REFUNDS):
        raise NotAllowed(Denial.ROLE_TOO_LOW)
    payment = payments.newest_of_subscription(session, subscription.id)
    if request.due_at is not None or payment is None or refunds.open_of(session, payment.id) is not None:
        raise CannotRefund(NoRefund.ANOTHER_AMOUNT)
    time_zone = merchants.of(session, request.merchant_id).time_zone
    sums = offered(subscription, payment, time_zone=time_zone, now=now)
    if isinstance(sums, NoRefund):
        raise CannotRefund(sums)
    given = sums.get(wish.refund)
    if given is None or given.amount != wish.refund_amount or wish.actor_id is None:
        raise CannotRefund(NoRefund.ANOTHER_AMOUNT)
    session.add(
        EndRefund(
            merchant_id=request.merchant_id,
            end_request_id=request.id,
            payment_id=payment.id,
            choice=wish.refund,
            amount=given.amount,
            currency=given.currency,
            left_before=payment.left,
            actor_id=wish.actor_id,
            actor_name=wish.actor_name,
            created_at=now,
        )
    )


def check_taken_along(decided: EndRefund | None, wish: Wish) -> None:
    """Raise CannotRefund where a wish to give something back meets an end that came without: then nothing happens."""
    if wish.refund is not WithEnd.NOTHING and decided is None:
        raise CannotRefund(NoRefund.ANOTHER_AMOUNT)


def release(session: Session, subscription: Subscription, request: EndRequest, *, now: datetime) -> None:
    """Ask for what was decided with an end that PayPal has confirmed, but for what went back meanwhile.

    No other refund of the payment can be open: none begins while this one waits.
    """
    if request.channel is not Channel.STAFF:
        return  # only their own page offers it
    decided = refunds.with_end(session, request.id)
    if decided is None or decided.state is not WithEndState.WAITING:
        return
    payment = payments.of_merchant(session, decided.merchant_id, decided.payment_id)
    amount = rules.rest(decided.amount, left_before=decided.left_before, left=payment.left)
    if amount <= 0:
        decided.state = WithEndState.NOTHING_LEFT
        log.warning("end_refund_has_nothing_left", request_id=str(request.id))
        return
    by = By(id=decided.actor_id, name=decided.actor_name)
    refund = ask(session, subscription, payment, by, amount=amount, now=now)
    decided.state, decided.refund_id = WithEndState.ASKED, refund.id

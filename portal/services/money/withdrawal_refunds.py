"""The refund that a withdrawal makes due within 14 days (law.md, R-FR-33, R-FR-34): its sum, and what became of it.

The portal gives nothing back by itself: staff do, by the page of the payment or by another way, and say so.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.orm import Session

from portal.domain.audit import PROVIDER, By
from portal.domain.errors import DomainError
from portal.domain.law.withdrawals import ConsentKind, Contract, RefundDuty, Verdict, used_sum
from portal.domain.money.money import Money
from portal.models import Payment, Subscription, TimelineKind, Withdrawal
from portal.queries import subscriptions
from portal.queries.law import withdrawals
from portal.queries.money import payments, refunds
from portal.services.audit import timeline
from portal.services.context import Context

log = structlog.get_logger(__name__)


class ClosedAlready(DomainError):
    """Somebody has said meanwhile what became of it, or it was seen at PayPal."""


class RefundUnderWay(DomainError):
    """A refund by PayPal is under way, or waits for the merchant or for an end: paid another way too, it would be paid
    twice."""


@dataclass(frozen=True, kw_only=True)
class Sums:
    """What a withdrawal comes to: `left` of all payments is with the merchant, `owed` of it for the days used."""

    left: Money | None = None  # None: nothing was ever taken
    owed: Decimal = Decimal(0)

    @property
    def due(self) -> Decimal:
        """What is to go back."""
        return max(self.left.amount - self.owed, Decimal(0)) if self.left is not None else Decimal(0)


def sums(
    session: Session, subscription: Subscription, contract: Contract, *, declared_at: datetime, time_zone: str
) -> Sums:
    """Return what goes back: all that was taken and is left, but for the days used where that was agreed.

    Of several currencies, which PayPal never mixes in one subscription, that of the newest payment counts.
    """
    taken = _taken(session, subscription)
    if not taken:
        return Sums()
    currency = taken[0].currency
    counted = [one for one in taken if one.currency == currency]
    left = Money(sum((one.left for one in counted), Decimal(0)), currency)
    kept = (one.amount for one in counted if one.left > 0)  # what went back whole pays for no day (`paid_until`)
    paid = Money(sum(kept, Decimal(0)), currency)
    return Sums(left=left, owed=_owed(subscription, contract, paid, declared_at=declared_at, time_zone=time_zone))


def _owed(
    subscription: Subscription, contract: Contract, paid: Money, *, declared_at: datetime, time_zone: str
) -> Decimal:
    """Return what the customer owes: nothing unless it was expressly agreed to begin at once (L221-25).

    The days of a free trial are no paid ones: neither is any of them owed, nor do they make the others cheaper.
    """
    begun, until = contract.charged_since or subscription.started_at, subscription.paid_until
    if not contract.consents.has(ConsentKind.EXPRESS_REQUEST) or begun is None or until is None:
        return Decimal(0)
    zone = ZoneInfo(time_zone)
    start, end, declared = (_day(at, zone) for at in (begun, until, declared_at))
    return used_sum(paid, started_on=start, paid_until=end, declared_on=declared).amount


def _day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def _taken(session: Session, subscription: Subscription) -> list[Payment]:
    """Return the payments that came, the newest first, whatever went back of them."""
    rows = payments.all_of_subscription(session, subscription.merchant_id, subscription.id)
    return sorted((one for one in rows if one.was_taken), key=lambda one: one.paid_at, reverse=True)


@dataclass(frozen=True, kw_only=True)
class Share:
    """How much of one payment is to go back."""

    payment: Payment
    amount: Money


def shares(session: Session, withdrawal: Withdrawal) -> list[Share]:
    """Return what is still to go back by each payment, the newest first; its subscription is loaded."""
    still, found = _rest(session, withdrawal.subscription, withdrawal), []
    for payment in _unsettled(session, withdrawal.subscription, withdrawal):
        amount = min(payment.left, still)
        if payment.currency == withdrawal.currency and amount > 0:
            found.append(Share(payment=payment, amount=Money(amount, payment.currency)))
            still -= amount
    return found


def rest(session: Session, withdrawal: Withdrawal) -> Money | None:
    """Return how much is still to go back, whoever sent what went back since; None where nothing was taken.

    Its subscription is loaded.
    """
    if withdrawal.currency is None:
        return None
    return Money(_rest(session, withdrawal.subscription, withdrawal), withdrawal.currency)


def _rest(session: Session, subscription: Subscription, withdrawal: Withdrawal) -> Decimal:
    """What PayPal still took after the declaration goes back too."""
    counted = _unsettled(session, subscription, withdrawal)
    left = sum((one.left for one in counted if one.currency == withdrawal.currency), Decimal(0))
    owed = withdrawal.owed if withdrawal.settled_until is None else Decimal(0)  # that was part of what was settled
    return max(left - owed, Decimal(0))


def _unsettled(session: Session, subscription: Subscription, withdrawal: Withdrawal) -> list[Payment]:
    """Return the payments of which staff have not said what became of them: all, or what came to be known since.

    One that PayPal had not settled when they said it has come since, whenever it began.
    """
    taken, until = _taken(session, subscription), withdrawal.settled_until
    if until is None:
        return taken
    were_coming = withdrawals.were_coming(session, subscription.id, said_at=until)
    return [one for one in taken if _has_come_since(one, until, were_coming)]


def _has_come_since(payment: Payment, until: datetime, were_coming: frozenset[str]) -> bool:
    return str(payment.id) in were_coming or max(payment.created_at, payment.paid_at) > until


def settled_otherwise(session: Session, payment: Payment) -> Withdrawal | None:
    """Return the withdrawal of which staff have said that this payment goes back by no refund here; None for none.

    Whoever looks at the payment alone would pay twice.
    """
    found = withdrawals.of_subscription(session, payment.subscription_id)
    if found is None or found.settled_until is None or payment.left <= 0:
        return None
    if found.refund not in (RefundDuty.OTHERWISE, RefundDuty.NOTHING):
        return None
    were_coming = withdrawals.were_coming(session, payment.subscription_id, said_at=found.settled_until)
    return None if _has_come_since(payment, found.settled_until, were_coming) else found


def follow(session: Session, subscription: Subscription, *, now: datetime) -> None:
    """Close the duty once nothing that is due is left, whoever sent it back; open it again where money came since.

    What staff have said stands for the payments that they knew.  The subscription's lock is held.
    """
    if subscription.withdrawn_at is None:
        return
    session.flush()
    found = withdrawals.of_subscription(session, subscription.id)
    if found is None or (found.verdict is not Verdict.IN_TIME and found.due <= 0):
        return
    _take_currency(session, subscription, found)
    still = _rest(session, subscription, found)
    if found.is_open and still <= 0 < found.due:
        _close(session, subscription, found, RefundDuty.REFUNDED, by=PROVIDER, note="", now=now)
    elif still > 0 and (not found.is_open or found.due <= 0):  # also of what nobody knew whether it was paid
        found.refund, found.closed_at = RefundDuty.OPEN, None
        found.closed_by = found.closed_note = ""  # the timeline keeps what was said
        found.due = still


def _take_currency(session: Session, subscription: Subscription, found: Withdrawal) -> None:
    """Take the currency of a first payment that came to be known after the declaration."""
    taken = _taken(session, subscription)
    if found.currency is None and taken:
        found.currency = taken[0].currency


def close(
    ctx: Context,
    merchant_id: uuid.UUID,
    withdrawal_id: uuid.UUID,
    duty: RefundDuty,
    *,
    by: By,
    note: str,
    now: datetime,
) -> None:
    """Write what staff say became of it: paid by another way, or nothing is owed, with their words.

    Raises NoResultFound, ClosedAlready, RefundUnderWay.
    """
    with ctx.db.begin() as session:
        found = withdrawals.of_merchant(session, merchant_id, withdrawal_id)
        subscription = subscriptions.lock(session, merchant_id, found.subscription_id)
        session.refresh(found)
        if not found.is_open:
            raise ClosedAlready
        waits = refunds.waits_with_an_end(session, subscription.id)
        if waits or refunds.open_of_subscription(session, subscription.id):
            raise RefundUnderWay
        coming = _coming(session, subscription)
        _close(session, subscription, found, duty, by=by, note=note, coming=coming, now=now)
        found.settled_until = now


def _coming(session: Session, subscription: Subscription) -> list[str]:
    """Return which payments have begun and were not taken so far: of them staff cannot say what became of them."""
    rows = payments.all_of_subscription(session, subscription.merchant_id, subscription.id)
    return [str(one.id) for one in rows if not one.was_taken]


def _close(
    session: Session,
    subscription: Subscription,
    found: Withdrawal,
    duty: RefundDuty,
    *,
    by: By,
    note: str,
    coming: Sequence[str] = (),
    now: datetime,
) -> None:
    found.refund, found.closed_at = duty, now
    found.closed_by, found.closed_note = by.name, note
    timeline.note(
        session,
        subscription,
        TimelineKind.WITHDRAWAL_CLOSED,
        key=f"{found.id}:{now.isoformat()}",  # money that comes afterwards opens it again
        at=now,
        by=by,
        reference=found.reference,
        refund=duty.value,
        note=note,
        **({"coming": list(coming)} if coming else {}),
        **({"amount": str(found.due), "currency": found.currency} if found.currency else {}),
    )
    log.info("withdrawal_refund_closed", withdrawal_id=str(found.id), refund=duty)

"""The money in an IPN that PayPal vouched for: the rows of `payments` of a classic subscription (FACTS.md 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from sqlalchemy import update
from sqlalchemy.orm import Session

from portal.domain.money import Money
from portal.models import EventState, PayPalEvent, Subscription
from portal.providers.ports import PaymentReading
from portal.queries import ipn_events, subscriptions
from portal.queries import payments as stored_payments
from portal.services import payments
from portal.services.context import Context
from portal.services.event_outcomes import Handled, NotYet
from portal.services.ipn_messages import IpnMessage
from portal.services.payments import Told

# IPN's `payment_status` in the words of PayPal's transactions. A reversal that is taken back changes nothing here.
WORDS: Final[Mapping[str, str]] = {
    "completed": "COMPLETED",
    "processed": "COMPLETED",
    "pending": "PENDING",
    "denied": "DECLINED",
    "failed": "DECLINED",
    "expired": "DECLINED",
    "voided": "DECLINED",
}
REFUNDS: Final = frozenset({"refunded", "partially_refunded"})
REVERSED: Final = "reversed"
DAY: Final = timedelta(days=1)
STRANGER: Final = DAY  # so long a refund may wait for the message of its sale

DONE: Final = Handled(EventState.DONE)


def take_over(ctx: Context, event: PayPalEvent, message: IpnMessage, profile_id: str, *, now: datetime) -> Handled:
    """Write the message's payment, refund or reversal, if it has one, and say what became of the message.

    Raises NotYet for a refund whose sale is not known yet: messages come in any order.
    """
    status = message.text("payment_status").lower()
    back = status in REFUNDS or status == REVERSED
    if not back and status not in WORDS:
        return DONE
    with ctx.db.begin() as session:
        subscription = subscriptions.lock_by_provider_id(
            session, event.merchant_id, environment=event.environment, provider_id=profile_id
        )
        if subscription is None:
            raise NotYet("not_written")
        told = _told(session, subscription, message, is_refund=status in REFUNDS) if back else Told(sale_ids=())
        sale = () if back else _sale(event, message, status)
        missing = payments.take_over(session, subscription, sale, told, now=now)
        if missing and now - (event.replayed_at or event.received_at) < STRANGER:
            raise NotYet(missing)
        if missing:
            return Handled(EventState.DONE, "sale_unknown")  # paid before the portal heard of this merchant
        _settle(session, event, now=now)
    return DONE


def _sale(event: PayPalEvent, message: IpnMessage, status: str) -> tuple[PaymentReading, ...]:
    sale_id = message.transaction("txn_id")
    if not sale_id:
        return ()
    reading = PaymentReading(
        provider_id=sale_id,
        status=WORDS[status],
        amount=message.money("mc_gross", "mc_currency") or message.money("amount", "currency_code"),
        at=message.moment("payment_date") or event.happened_at or event.received_at,
    )
    return (reading,)


def _told(session: Session, subscription: Subscription, message: IpnMessage, *, is_refund: bool) -> Told:
    parent = message.transaction("parent_txn_id")
    if not parent:
        return Told(sale_ids=())
    in_all = _refunded_in_all(session, subscription, parent, message) if is_refund else None
    return Told(sale_ids=(parent,), refunded=is_refund, refunded_in_all=in_all, reversed=not is_refund)


def _refunded_in_all(session: Session, subscription: Subscription, parent: str, message: IpnMessage) -> Money | None:
    """Add up what this message and the believed ones before it gave back of the sale, each refund once.

    An IPN names its own refund only, and the same one may be handled twice: so the sum is made anew each time.
    """
    merchant_id, environment = subscription.merchant_id, subscription.environment
    known = stored_payments.by_provider_ids(session, merchant_id, environment, {parent})
    if not known:
        return None
    bodies = ipn_events.believed_about_parent(session, merchant_id, environment, parent, since=known[0].paid_at - DAY)
    given: dict[str, Decimal] = {}
    for one in (message, *map(IpnMessage.read, bodies)):
        money = one.money("mc_gross", "mc_currency")
        is_refund = one.text("payment_status").lower() in REFUNDS and one.text("parent_txn_id") == parent
        if is_refund and money is not None and money.currency == known[0].currency:
            given[one.text("txn_id")] = abs(money.amount)
    return Money(min(sum(given.values(), Decimal(0)), known[0].amount), known[0].currency) if given else None


def _settle(session: Session, event: PayPalEvent, *, now: datetime) -> None:
    """Write that the message is done together with its money: the next refund of the sale has to count it."""
    session.execute(
        update(PayPalEvent)
        .where(PayPalEvent.id == event.id, PayPalEvent.state == EventState.WAITING)
        .values(state=EventState.DONE, error="", handled_at=now, next_try_at=None)
    )

"""The money in an IPN that PayPal vouched for: the rows of `payments` of a classic subscription (FACTS.md 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from sqlalchemy.orm import Session

from portal.domain.money import Money
from portal.models import EventState, PayPalEvent, Subscription
from portal.providers.ports import PaymentReading
from portal.queries import payments as stored_payments
from portal.queries import subscriptions
from portal.services import payments
from portal.services.context import Context
from portal.services.event_outcomes import Handled, NotYet
from portal.services.ipn_messages import IpnMessage
from portal.services.payments import Told

# IPN's `payment_status` in the words of PayPal's transactions. `Canceled_Reversal`, which gives a reversed payment
# back, changes nothing: the ladder only climbs, and « reversed » is its last rung (docs/operations.md).
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
        missing = payments.take_over(ctx, session, subscription, sale, told, now=now)
        if missing and now - (event.replayed_at or event.received_at) < STRANGER:
            raise NotYet(missing)
        if missing:
            return Handled(EventState.DONE, "sale_unknown")  # paid before the portal heard of this merchant
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
    """Write down this refund of the sale, and add up all of them, each once; the subscription is locked.

    An IPN names its own refund only, the same one may be handled twice, and the next may come in half a year: so
    what each gave back is kept with its payment, where a message's body is not.
    """
    known = stored_payments.by_provider_ids(session, subscription.merchant_id, subscription.environment, {parent})
    if not known:
        return None
    sale, money = known[0], message.money("mc_gross", "mc_currency")
    if money is not None and money.currency == sale.currency:
        sale.refunds = {**sale.refunds, message.text("txn_id"): str(abs(money.amount))}
    given = sum(map(Decimal, sale.refunds.values()), Decimal(0))
    return Money(min(given, sale.amount), sale.currency) if sale.refunds else None

"""The money in an IPN that PayPal vouched for: the rows of `payments` of a classic subscription (FACTS.md 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from portal.domain.money.payments import Move, MoveKind
from portal.models import EventState, PayPalEvent
from portal.providers.ports import PaymentReading
from portal.queries import subscriptions
from portal.queries.money import payments as stored_payments
from portal.services.arrivals.event_outcomes import Handled, NotYet
from portal.services.context import Context
from portal.services.messages.ipn_messages import IpnMessage
from portal.services.money import payments
from portal.services.money.payments import Told

# IPN's `payment_status` in the words of PayPal's transactions.
WORDS: Final[Mapping[str, str]] = {
    "completed": "COMPLETED",
    "processed": "COMPLETED",
    "pending": "PENDING",
    "denied": "DECLINED",
    "failed": "DECLINED",
    "expired": "DECLINED",
    "voided": "DECLINED",
}
# And the words for money that goes back, or comes again (FACTS.md 3.2). Each message names its own sum only.
MOVES: Final[Mapping[str, MoveKind]] = {
    "refunded": MoveKind.REFUND,
    "partially_refunded": MoveKind.REFUND,
    "reversed": MoveKind.REVERSAL,
    "canceled_reversal": MoveKind.REVERSAL_CANCELLED,
}
DAY: Final = timedelta(days=1)
STRANGER: Final = DAY  # so long a refund may wait for the message of its sale

DONE: Final = Handled(EventState.DONE)


def take_over(ctx: Context, event: PayPalEvent, message: IpnMessage, profile_id: str, *, now: datetime) -> Handled:
    """Write the message's payment, refund or reversal, if it has one, and say what became of the message.

    Raises NotYet for a refund whose sale is not known yet: messages come in any order.
    """
    status = message.text("payment_status").lower()
    back = MOVES.get(status)
    if back is None and status not in WORDS:
        return DONE
    with ctx.db.begin() as session:
        subscription = subscriptions.lock_by_provider_id(
            session, event.merchant_id, environment=event.environment, provider_id=profile_id
        )
        if subscription is None:
            raise NotYet("not_written")
        told = _told(session, event, message, back) if back else Told(sale_ids=())
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


def _told(session: Session, event: PayPalEvent, message: IpnMessage, kind: MoveKind) -> Told:
    """Return what went back, under its own id: the same message may be handled twice, the next come in half a year."""
    parent = message.transaction("parent_txn_id")
    if not parent:
        return Told(sale_ids=())
    amount = message.money("mc_gross", "mc_currency")  # below nothing when it went back
    own_id = message.transaction("txn_id") or str(event.id)
    move = Move(kind=kind, id=own_id, amount=abs(amount) if amount is not None else None)
    # A cancelled reversal may name the reversal in place of the sale (sandbox checklist).
    known = stored_payments.by_parent(session, event.merchant_id, event.environment, parent)
    return Told(sale_ids=(known[0].provider_id if known else parent,), move=move)

"""Payments as both faces show them: day, amount, state in words, what was given back."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.domain.money.money import Money
from portal.queries.money.payments import Payment, PaymentState
from portal.web.formatting import formatter

if TYPE_CHECKING:
    from portal.models import Subscription

STATE: Final[Mapping[PaymentState, LazyString]] = {
    PaymentState.PENDING: _l("Not settled yet"),
    PaymentState.DENIED: _l("Refused"),
    PaymentState.COMPLETED: _l("Paid"),
    PaymentState.PARTIALLY_REFUNDED: _l("Partly refunded"),  # or taken back: the line says which
    PaymentState.REFUNDED: _l("Refunded"),
    PaymentState.REVERSED: _l("Reversed through PayPal"),
}

REFUNDED: Final = STATE[PaymentState.REFUNDED]
GONE_BACK: Final[Mapping[str, LazyString]] = {
    "refund": REFUNDED,
    "reversal": STATE[PaymentState.REVERSED],
    "both": _l("Returned"),
}
PARTLY_TAKEN_BACK: Final = _l("Partly reversed through PayPal")


@dataclass(frozen=True, kw_only=True)
class PaymentLine:
    """One payment in words."""

    day: str
    amount: str
    state: LazyString
    refunded: str  # empty where nothing went back
    provider_id: str
    id: uuid.UUID


def lines(payments: Iterable[Payment]) -> list[PaymentLine]:
    """Return payments as lines of a table."""
    return [_line(payment) for payment in payments]


def spared(subscription: Subscription, at: datetime | None) -> str | None:
    """Return the first payment that an end prevents, with its sum where that is known; None while its day is not."""
    if at is None:
        return None
    amount, currency = subscription.amount, subscription.currency
    if amount is None or not currency:
        return formatter().day(at)
    return _("%(amount)s, due on %(date)s", amount=formatter().money(Money(amount, currency)), date=formatter().day(at))


def still_taken(at: datetime | None, *, now: datetime) -> str | None:
    """Return the last payment that an end leaves; one that was taken already is none to come. None is unknown."""
    if at is None:
        return None
    return formatter().day(at) if at > now else _("none")


def _line(payment: Payment) -> PaymentLine:
    say = formatter()
    refunded = say.money(Money(payment.went_back, payment.currency)) if payment.went_back else ""
    if not payment.is_back_known:
        refunded = _("PayPal does not say how much")
    return PaymentLine(
        day=say.short_day(payment.paid_at),
        amount=say.money(Money(payment.amount, payment.currency)),
        state=PARTLY_TAKEN_BACK if _is_partly_taken_back(payment) else STATE[payment.state],
        refunded=refunded,
        provider_id=payment.provider_id,
        id=payment.id,
    )


def _is_partly_taken_back(payment: Payment) -> bool:
    return payment.state is PaymentState.PARTIALLY_REFUNDED and bool(payment.taken_back)

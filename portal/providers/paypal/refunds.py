"""Refunds of payments: PayPal's older payments API, which alone knows the sales of subscriptions."""

from __future__ import annotations

from typing import Any, Final

from portal.domain.money.money import WITHOUT_CENTS, Money
from portal.providers.paypal import errors, mapping
from portal.providers.paypal.caller import RestCaller
from portal.providers.paypal.transport import Answer
from portal.providers.ports import RefundReading

SALES: Final = "/v1/payments/sale"
REFUNDS: Final = "/v1/payments/refund"
LONGEST_TOTAL: Final = 10  # characters
LONGEST_REQUEST_ID: Final = 78


class RefundCalls(RestCaller):
    """Give a payment back, and see what became of it. Every call may raise the port's two errors."""

    def refund_sale(self, sale_id: str, *, request_id: str, amount: Money | None = None) -> RefundReading:
        """Give back `amount` of a payment, or (None) what is left of it. PayPal keeps `request_id` for 30 days."""
        if not 1 <= len(request_id) <= LONGEST_REQUEST_ID:
            raise ValueError(f"a request id has 1 to {LONGEST_REQUEST_ID} characters")
        answer = self._call(
            "refund",
            "POST",
            SALES,
            provider_id=sale_id,
            action="refund",
            headers={"PayPal-Request-Id": request_id},
            json={} if amount is None else {"amount": written(amount)},
            expected=201,
            repeated=200,
        )
        return _read(answer, operation="refund", sale_id=sale_id)

    def show_refund(self, refund_id: str) -> RefundReading:
        """Read one refund."""
        answer = self._call("show_refund", "GET", REFUNDS, provider_id=refund_id)
        return _read(answer, operation="show_refund", refund_id=refund_id)


def written(amount: Money) -> dict[str, str]:
    """Write an amount as sales have it."""
    return {"total": in_decimals(amount), "currency": amount.currency}


def in_decimals(amount: Money) -> str:
    """Write a sum with two decimals, none for a few currencies, in at most ten characters; it is above nothing."""
    total = f"{amount.amount:.0f}" if amount.currency in WITHOUT_CENTS else f"{amount.amount:.2f}"
    if amount.amount <= 0 or len(total) > LONGEST_TOTAL:
        raise ValueError("not an amount that can be moved")
    return total


def _read(answer: Answer, *, operation: str, sale_id: str = "", refund_id: str = "") -> RefundReading:
    """Read a refund; one that is not of the sale, or not the refund, that was asked for is no answer."""
    body: Any = answer.body
    found, state = mapping.identifier(body.get("id")), mapping.text(body.get("state"), longest=64)
    of_sale = mapping.identifier(body.get("sale_id")) or ""
    strange = (sale_id and of_sale not in ("", sale_id)) or (refund_id and found != refund_id)
    if found is None or state is None or strange:
        raise errors.unavailable(f"{operation}: not the refund asked for", status=200, debug_id=answer.debug_id)
    amount = body.get("amount")
    money = Money.parse(amount.get("total"), amount.get("currency")) if isinstance(amount, dict) else None
    return RefundReading(
        provider_id=found, state=state.lower(), sale_id=of_sale or sale_id, amount=money, debug_id=answer.debug_id
    )

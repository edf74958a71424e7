"""A customer sees what was taken for a subscription, and what was given back."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from portal.models import Payment, PaymentState


def pay(make, subscription, days: int, state: PaymentState, refunded: str = "0") -> None:
    make.add(
        Payment(
            merchant_id=subscription.merchant_id,
            subscription_id=subscription.id,
            environment="sandbox",
            provider_id=f"SALE{days:013}",
            state=state,
            amount=Decimal("29.90"),
            currency="EUR",
            refunded=Decimal(refunded),
            paid_at=make.now() - timedelta(days=days),
        )
    )


def test_payments_are_shown_with_what_was_given_back_and_without_anothers(visit, make):
    mine = make.subscription(merchant=visit.merchant, customer=visit.customer)
    other = make.subscription(merchant=visit.merchant)
    assert visit.browser.get(visit.page(mine)).select("table") == []
    pay(make, mine, 40, PaymentState.PARTIALLY_REFUNDED, "10")
    pay(make, mine, 9, PaymentState.COMPLETED)
    pay(make, other, 1, PaymentState.DENIED)
    page = visit.browser.get(visit.page(mine))
    shown = [[cell.get_text(" ", strip=True) for cell in row.select("td")] for row in page.select("tbody tr")]
    assert shown == [["€29.90", "Paid"], ["€29.90", "Partly refunded €10.00"]]
    assert "SALE" not in page.text

"""A customer sees what was taken for a subscription, and what was given back."""

from __future__ import annotations

from portal.models import PaymentState


def test_payments_are_shown_with_what_was_given_back_and_without_anothers(visit, make):
    mine = make.subscription(merchant=visit.merchant, customer=visit.customer)
    other = make.subscription(merchant=visit.merchant)
    assert visit.browser.get(visit.page(mine)).select("table") == []
    make.payment(mine, 40, PaymentState.PARTIALLY_REFUNDED, "10")
    make.payment(mine, 9, PaymentState.COMPLETED)
    make.payment(other, 1, PaymentState.DENIED)
    page = visit.browser.get(visit.page(mine))
    shown = [[cell.get_text(" ", strip=True) for cell in row.select("td")] for row in page.select("tbody tr")]
    assert shown == [["€29.90", "Paid"], ["€29.90", "Partly refunded €10.00"]]
    assert "SALE" not in page.text

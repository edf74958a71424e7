"""Refunds seen through the real client, judged by PayPal's own file on payments."""

from __future__ import annotations

from decimal import Decimal

import pytest

from portal.domain.money.money import Money
from portal.providers.ports import GatewayRefused, GatewayUnavailable, Refusal


@pytest.fixture
def sale(paypal):
    row = paypal.add_subscription()
    paypal.happen(row.id, "charge")
    return row, row.payments[-1].id


def test_the_same_request_id_gives_back_once(gateway, sale):
    row, sale_id = sale
    first = gateway.refund_sale(sale_id, request_id="r-1")
    again = gateway.refund_sale(sale_id, request_id="r-1")
    assert (first.provider_id, first.state, first.sale_id) == (again.provider_id, "completed", sale_id)
    assert gateway.show_refund(first.provider_id).amount == first.amount
    assert len(row.refunds) == 1
    with pytest.raises(GatewayRefused) as refused:
        gateway.refund_sale(sale_id, request_id="r-2")
    assert refused.value.issue == "TRANSACTION_ALREADY_REFUNDED"


def test_a_part_and_never_more_than_is_left(gateway, sale):
    _row, sale_id = sale
    part = Money(Decimal("9.9"), "EUR")
    assert gateway.refund_sale(sale_id, request_id="r-1", amount=part).amount == Money(Decimal("9.90"), "EUR")
    with pytest.raises(GatewayRefused) as refused:
        gateway.refund_sale(sale_id, request_id="r-2", amount=Money(Decimal(25), "EUR"))
    assert refused.value.issue == "REFUND_EXCEEDED_TRANSACTION_AMOUNT"


def test_an_unknown_sale_is_not_found(gateway, paypal):
    paypal.add_subscription()
    for call in (
        lambda: gateway.refund_sale("51702746VX892953R", request_id="r"),
        lambda: gateway.show_refund("5170274"),
    ):
        with pytest.raises(GatewayRefused) as refused:
            call()
        assert refused.value.refusal is Refusal.NOT_FOUND


def test_a_broken_answer_is_unknown(gateway, paypal, sale):
    paypal.rule("refund", "empty-200")
    with pytest.raises(GatewayUnavailable):
        gateway.refund_sale(sale[1], request_id="r-1")


def test_a_disturbance_may_be_for_the_refunds_of_one_subscription_alone(gateway, paypal, sale):
    row, sale_id = sale
    other = paypal.add_subscription()
    paypal.happen(other.id, "charge")
    paypal.rule("refund", "500", only=row.id)
    paypal.rule("show_refund", "404", only=row.id)
    gateway.show_refund(gateway.refund_sale(other.payments[-1].id, request_id="r-1").provider_id)
    with pytest.raises(GatewayUnavailable):
        gateway.refund_sale(sale_id, request_id="r-2")
    paypal.rules.pop(0)
    with pytest.raises(GatewayRefused):
        gateway.show_refund(gateway.refund_sale(sale_id, request_id="r-3").provider_id)

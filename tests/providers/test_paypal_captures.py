"""What is outstanding, taken through the real client, judged by PayPal's own file on subscriptions."""

from __future__ import annotations

from decimal import Decimal

import pytest

from portal.domain.money.money import Money
from portal.providers.ports import GatewayRefused, GatewayUnavailable, Refusal

DUE = Money(Decimal("29.9"), "EUR")


@pytest.fixture
def row(paypal):
    row = paypal.add_subscription()
    row.failed_payments, row.outstanding = 1, "29.90"
    return row


@pytest.fixture
def capture(gateway, row):
    def capture(*, request_id="s-1", amount=DUE, note="Requested by the subscriber"):
        return gateway.capture_outstanding(row.id, amount=amount, note=note, request_id=request_id)

    return capture


def test_the_same_request_id_takes_once(gateway, capture, row):
    first, again = capture(), capture()
    assert (first.status, first.amount, first.provider_id) == ("COMPLETED", DUE, again.provider_id)
    assert [paid.id for paid in row.payments if paid.status == "COMPLETED"][-1] == first.provider_id
    shown = gateway.show_subscription(row.id)
    assert (shown.outstanding, shown.failed_payments) == (Money(Decimal("0.0"), "EUR"), 0)
    with pytest.raises(GatewayRefused) as refused:
        capture(request_id="s-2")
    assert refused.value.refusal is Refusal.NOTHING_OUTSTANDING


@pytest.mark.parametrize(
    ("amount", "refusal"),
    [
        (Money(Decimal("30"), "EUR"), Refusal.OTHER_SUM),
        (Money(Decimal("29.90"), "USD"), Refusal.OTHER_SUM),
    ],
)
def test_never_more_than_is_outstanding_and_in_its_currency(capture, row, amount, refusal):
    with pytest.raises(GatewayRefused) as refused:
        capture(amount=amount)
    assert refused.value.refusal is refusal
    assert row.outstanding == "29.90"


@pytest.mark.parametrize("status", ["APPROVAL_PENDING", "CANCELLED"])
def test_only_of_one_that_lives_or_has_run_out(capture, row, status):
    row.status = status
    with pytest.raises(GatewayRefused) as refused:
        capture()
    assert refused.value.refusal is Refusal.STATUS_INVALID


def test_accepted_is_not_taken(capture, paypal, row):
    paypal.rule("capture", "202", times=1)
    assert capture() is None
    assert row.outstanding == "29.90"


def test_a_long_note_is_cut_and_a_sum_that_is_none_is_never_sent(capture, paypal):
    assert capture(note="x" * 200) is not None
    with pytest.raises(ValueError, match="not an amount"):
        capture(request_id="s-2", amount=Money(Decimal(0), "EUR"))
    assert paypal.count("capture") == 1


@pytest.mark.parametrize("behaviour", ["500", "empty-200", "timeout", "html-502"])
def test_what_is_no_answer_is_unknown(open_gateway, paypal, row, behaviour):
    paypal.rule("capture", behaviour)
    with pytest.raises(GatewayUnavailable):
        open_gateway(patience=1).capture_outstanding(row.id, amount=DUE, note="n", request_id="s-1")

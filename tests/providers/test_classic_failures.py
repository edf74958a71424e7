"""How late a classic profile is: PayPal's count is of every failed cycle since the beginning (FACTS.md 3.1)."""

from __future__ import annotations

import pytest

from portal.domain.subscriptions import Status, can_resume, status_from_provider
from portal.providers.paypal.classic_mapping import read_profile


def shown(status: str = "Active", **fields: str):
    common = {"PROFILEID": "I-ABC", "STATUS": status, "AMT": "10.00", "CURRENCYCODE": "EUR", "MAXFAILEDPAYMENTS": "3"}
    return read_profile(common | fields)


def meaning(reading) -> str:
    return status_from_provider(reading.status, failed_payments=reading.failed_payments).value


@pytest.mark.parametrize("owed", ["0.00", "", "-10.00", "none"])
def test_a_failure_that_was_paid_since_is_none_now(owed):
    reading = shown(FAILEDPAYMENTCOUNT="4", OUTSTANDINGBALANCE=owed)
    assert (reading.failed_payments, meaning(reading)) == (0, "active")


@pytest.mark.parametrize(
    ("in_all", "owed", "in_a_row"),
    [
        ("1", "10.00", 1),
        ("5", "10.00", 1),
        ("5", "24.00", 2),  # with a tax of a fifth
        ("5", "4.00", 1),  # the price went up since
        ("2", "90.00", 2),  # never more than PayPal counts
        ("0", "10.00", 0),
    ],
)
def test_what_is_outstanding_tells_how_many_failed_in_a_row(in_all, owed, in_a_row):
    reading = shown(FAILEDPAYMENTCOUNT=in_all, OUTSTANDINGBALANCE=owed)
    assert reading.failed_payments == in_a_row
    assert (meaning(reading) == "past_due") is (in_a_row > 0)


@pytest.mark.parametrize("price", ["0.00", "1e2"])
def test_without_a_price_to_count_by_paypals_count_stands(price):
    assert shown(AMT=price, FAILEDPAYMENTCOUNT="2", OUTSTANDINGBALANCE="10.00").failed_payments == 2


@pytest.mark.parametrize(("owed", "may"), [("0.00", True), ("30.00", False)])
def test_old_failures_do_not_forbid_to_resume(owed, may):
    """Three failures in all, and PayPal allows three in a row: paid since, it was somebody who paused it."""
    reading = shown("Suspended", FAILEDPAYMENTCOUNT="3", OUTSTANDINGBALANCE=owed)
    failed, threshold = reading.failed_payments, reading.plan.failure_threshold
    assert can_resume(Status(meaning(reading)), failed_payments=failed, failure_threshold=threshold) is may

"""What happens at the simulated PayPal, and what its webhooks are told of it: retries, refunds, ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portal.demo.simulator import Simulator
from portal.demo.simulator.profiles import profile_fields
from tests.demo.conftest import URL, log_in

#  what happens            status before      what is told, in this order
TOLD = """
buyer-approves             APPROVAL_PENDING   BILLING.SUBSCRIPTION.ACTIVATED
buyer-cancels              ACTIVE             BILLING.SUBSCRIPTION.CANCELLED
buyer-cancels              CANCELLED
expire                     ACTIVE             BILLING.SUBSCRIPTION.EXPIRED
fix-payments               SUSPENDED          BILLING.SUBSCRIPTION.RE-ACTIVATED
raise-price                ACTIVE             BILLING.SUBSCRIPTION.UPDATED
charge                     CANCELLED          PAYMENT.SALE.COMPLETED
pending-payment            ACTIVE             PAYMENT.SALE.PENDING
deny-payment               ACTIVE             PAYMENT.SALE.DENIED
refund                     ACTIVE             PAYMENT.SALE.REFUNDED
refund-part                ACTIVE             PAYMENT.SALE.REFUNDED
reverse                    ACTIVE             PAYMENT.SALE.REVERSED
reverse-part               ACTIVE             PAYMENT.SALE.REVERSED
cancel-reversal            ACTIVE
clear-payment              ACTIVE
fail-payments              ACTIVE
"""


@pytest.mark.parametrize("line", TOLD.strip().splitlines())
def test_what_each_happening_tells(paypal, told, line):
    happening, status, *expected = line.split()
    row = paypal.add_subscription(status=status)
    assert told() == []
    paypal.happen(row.id, happening)
    assert [kind for kind, _ in told()] == expected


@pytest.mark.parametrize(
    ("action", "before", "kind"),
    [
        ("cancel", "ACTIVE", "CANCELLED"),
        ("suspend", "ACTIVE", "SUSPENDED"),
        ("activate", "SUSPENDED", "RE-ACTIVATED"),
    ],
)
def test_our_own_acts_are_told_too(paypal, told, action, before, kind):
    row = paypal.add_subscription(status=before, custom_id="shop:42")
    with log_in(paypal.url) as http:
        http.post(f"{paypal.url}/v1/billing/subscriptions/{row.id}/{action}", json={"reason": "Je pars"}, timeout=5)
    ((said, resource),) = told()
    assert said == f"BILLING.SUBSCRIPTION.{kind}"
    assert (resource["id"], resource["status"], resource["custom_id"]) == (row.id, row.status, "shop:42")
    assert resource["status_change_note"] == "Je pars"


def test_a_life_from_its_creation(paypal, told):
    plan = paypal.add_plan(total_cycles=2, amount="10")
    row = paypal.add_subscription(plan_id=plan.id, started_at=paypal.now(), announce=True)
    paypal.advance(32)
    assert [kind for kind, _ in told()] == [
        "BILLING.SUBSCRIPTION.CREATED",
        "BILLING.SUBSCRIPTION.ACTIVATED",
        "PAYMENT.SALE.COMPLETED",
        "PAYMENT.SALE.COMPLETED",
        "BILLING.SUBSCRIPTION.EXPIRED",
    ]
    sales = [resource for kind, resource in told() if "SALE" in kind]
    assert [sale["id"] for sale in sales] == [paid.id for paid in row.payments]
    assert {sale["billing_agreement_id"] for sale in sales} == {row.id}
    assert sales[0]["amount"] == {"total": "10.00", "currency": "EUR", "details": {"subtotal": "10.00"}}


def test_a_failing_payment_is_tried_three_times_in_its_cycle_and_counts_once(paypal, told):
    at = datetime(2027, 3, 1, 10, tzinfo=UTC)
    plan = paypal.add_plan(failure_threshold=2, amount="10")
    row = paypal.add_subscription(plan_id=plan.id, started_at=at - timedelta(days=1))
    days = (at - paypal.now()).days + 2
    paypal.advance(days)
    before = len(told())
    paypal.happen(row.id, "fail-payments")
    paypal.advance(59)  # the second cycle's third try is still to come
    declined = [paid.time for paid in row.payments if paid.status == "DECLINED"]
    assert declined == [f"2027-{day}T10:00:00Z" for day in ("03-28", "04-02", "04-07", "04-28")]
    assert (row.status, row.failed_payments, row.outstanding) == ("ACTIVE", 1, "10")
    assert row.retry_at == "2027-05-03T10:00:00Z"
    paypal.advance(10)
    assert (row.status, row.failed_payments, row.outstanding) == ("SUSPENDED", 2, "20")
    kinds = [kind.removeprefix("BILLING.SUBSCRIPTION.") for kind, _ in told()[before:]]
    assert kinds == ["PAYMENT.FAILED"] * 6 + ["SUSPENDED"]
    paypal.advance(365)
    assert len(told()) == before + 7


def test_a_payment_that_comes_at_its_second_try_costs_nothing_more(paypal):
    plan = paypal.add_plan(amount="10")
    row = paypal.add_subscription(plan_id=plan.id, started_at=paypal.now() - timedelta(days=1))
    paypal.happen(row.id, "fail-payments")
    paypal.advance(31)
    with log_in(paypal.url) as http:
        address = f"{paypal.url}/v1/billing/subscriptions/{row.id}?fields=last_failed_payment"
        failed = http.get(address, timeout=5).json()["billing_info"]["last_failed_payment"]
    assert failed["next_payment_retry_time"] == row.retry_at
    paypal.happen(row.id, "fix-payments")
    paypal.advance(6)
    assert [paid.status for paid in row.payments] == ["COMPLETED", "DECLINED", "COMPLETED"]
    assert (row.payments[-1].amount, row.failed_payments, row.retry_at) == ("10", 0, None)


def test_a_weekly_payment_is_tried_again_only_within_its_week(paypal):
    plan = paypal.add_plan(interval_unit="WEEK", failure_threshold=0)
    row = paypal.add_subscription(plan_id=plan.id, started_at=paypal.now() - timedelta(days=1))
    paypal.happen(row.id, "fail-payments")
    paypal.advance(19)  # payments on days 6 and 13, tried again on days 11 and 18
    assert [paid.status for paid in row.payments].count("DECLINED") == 4
    assert row.failed_payments == 2


def test_money_goes_back_in_parts_and_is_found_by_its_payment(paypal, told):
    plan = paypal.add_plan(amount="29.90")
    row = paypal.add_subscription(plan_id=plan.id)
    (paid,) = row.payments
    paypal.happen(row.id, "refund-part")
    with log_in(paypal.url) as http:
        address = f"{paypal.url}/v1/billing/subscriptions/{row.id}/transactions"
        window = {"start_time": "2020-01-01T00:00:00Z", "end_time": "2030-01-01T00:00:00Z"}
        statuses = [http.get(address, params=window, timeout=5).json()["transactions"][0]["status"]]
        paypal.happen(row.id, "refund")
        statuses.append(http.get(address, params=window, timeout=5).json()["transactions"][0]["status"])
    paypal.happen(row.id, "refund")  # nothing is left
    assert statuses == ["PARTIALLY_REFUNDED", "REFUNDED"]
    assert [(resource["sale_id"], resource["total_refunded_amount"]["value"]) for _, resource in told()] == [
        (paid.id, "14.95"),
        (paid.id, "29.90"),
    ]
    assert [resource["amount"]["total"] for _, resource in told()] == ["14.95", "14.95"]
    assert not any("billing_agreement_id" in resource for _, resource in told())


def test_a_pending_payment_ends_either_way(paypal, told):
    first, second = paypal.add_subscription(), paypal.add_subscription()
    for row, end in ((first, "clear-payment"), (second, "deny-payment")):
        paypal.happen(row.id, "pending-payment")
        assert row.payments[-1].status == "PENDING"
        paypal.happen(row.id, end)
    assert [(resource["id"], resource["state"]) for _, resource in told()] == [
        (first.payments[-1].id, "pending"),
        (first.payments[-1].id, "completed"),
        (second.payments[-1].id, "pending"),
        (second.payments[-1].id, "denied"),
    ]
    assert [row.payments[-1].status for row in (first, second)] == ["COMPLETED", "DECLINED"]


def test_a_payment_put_off_by_hand_is_not_forgotten():
    at = [datetime(2026, 5, 1, 12, tzinfo=UTC)]
    moving = Simulator(clock=lambda: at[0])
    row = moving.add_subscription(started_at=at[0])
    row.next_billing_time = "2026-06-10T12:00:00Z"
    paid = []
    for day in (2, 12):
        at[0] = datetime(2026, 6, day, tzinfo=UTC)
        moving.settle()
        paid.append(len(row.payments))
    assert paid == [1, 2]


def test_yen_have_no_decimals(paypal, told):
    plan = paypal.add_plan(amount="1800", currency="JPY")
    row = paypal.add_subscription(plan_id=plan.id)
    for happening in ("charge", "refund"):
        paypal.happen(row.id, happening)
    assert [resource["amount"]["total"] for _, resource in told()] == ["1800", "1800"]


def test_only_what_a_webhook_wants_goes_there(paypal):
    paypal.automatic = False
    one = paypal.add_webhook(URL, ["BILLING.SUBSCRIPTION.CANCELLED"])
    all_of_them = paypal.add_webhook(URL + "2")
    paypal.add_account("other", "secret-of-the-other")
    foreign = paypal.add_webhook(URL + "3", client_id="other")
    row = paypal.add_subscription()
    for happening in ("charge", "buyer-cancels"):
        paypal.happen(row.id, happening)
    counts = [len(paypal.messages(webhook.id)) for webhook in (one, all_of_them, foreign)]
    assert counts == [1, 2, 0]


def test_the_classic_api_counts_every_failure_and_rest_those_in_a_row(paypal):
    row = paypal.add_profile(interval_unit="WEEK", failure_threshold=0, amount="10.00")
    paypal.happen(row.id, "fail-payments")
    paypal.advance(28)
    late = profile_fields(row, paypal.plan_of(row))
    assert (late["FAILEDPAYMENTCOUNT"], late["OUTSTANDINGBALANCE"]) == (str(row.failed_payments), f"{row.outstanding}")
    assert row.failed_payments > 0
    paypal.happen(row.id, "fix-payments")
    paid = profile_fields(row, paypal.plan_of(row))
    assert row.failed_payments == 0
    assert (paid["FAILEDPAYMENTCOUNT"], paid["OUTSTANDINGBALANCE"]) == (late["FAILEDPAYMENTCOUNT"], "0.00")

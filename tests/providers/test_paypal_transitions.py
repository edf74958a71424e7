"""FACTS.md 1.4, pair by pair: what each act does in each state, seen through the real client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portal.providers.ports import GatewayRefused, Refusal

#                        cancel     suspend    activate
TABLE = """
APPROVAL_PENDING         refused    refused    refused
APPROVED-by-system       refused    refused    by-system
APPROVED-by-merchant     refused    refused    ACTIVE
ACTIVE                   CANCELLED  SUSPENDED  refused
SUSPENDED                CANCELLED  refused    ACTIVE
SUSPENDED-for-failures   CANCELLED  refused    threshold
CANCELLED                refused    refused    refused
EXPIRED                  refused    refused    refused
"""
ISSUES = {
    "refused": (Refusal.STATUS_INVALID, "SUBSCRIPTION_STATUS_INVALID"),
    "by-system": (Refusal.CANNOT_BE_ACTIVATED, "SUBSCRIPTION_CANNOT_BE_ACTIVATED"),
    "threshold": (Refusal.CANNOT_BE_ACTIVATED, "SUBSCRIPTION_CANNOT_BE_ACTIVATED"),
}
PAIRS = [
    (cells[0], action, cell)
    for cells in (line.split() for line in TABLE.strip().splitlines())
    for action, cell in zip(("cancel", "suspend", "activate"), cells[1:], strict=True)
]


def test_the_table_is_whole():
    assert len(PAIRS) == 8 * 3


def subscription_in(paypal, state):
    status, _, how = state.partition("-")
    if how == "for-failures":
        row = paypal.add_subscription()
        return paypal.happen(row.id, "suspend-for-failures")
    start = paypal.now() + timedelta(days=3) if status == "APPROVED" else None
    return paypal.add_subscription(status=status, started_at=start, merchant_activates=how == "by-merchant")


@pytest.mark.parametrize(("state", "action", "expected"), PAIRS)
def test_an_act_in_a_state(paypal, gateway, state, action, expected):
    row = subscription_in(paypal, state)
    before = gateway.show_subscription(row.id)
    act = getattr(gateway, f"{action}_subscription")

    if expected in ISSUES:
        with pytest.raises(GatewayRefused) as caught:
            act(row.id, reason="Because")
        assert (caught.value.refusal, caught.value.issue) == ISSUES[expected]
        assert caught.value.http_status == 422
        assert caught.value.debug_id
        assert gateway.show_subscription(row.id) == before
    else:
        assert act(row.id, reason="Because")
        after = gateway.show_subscription(row.id)
        assert after.status == expected
        assert after.status_at >= before.status_at
        assert (after.next_billing_at is not None) == (expected == "ACTIVE")
    assert paypal.cancelled == ([row.id] if expected == "CANCELLED" else [])


def test_a_cancel_drops_the_next_payment_and_keeps_the_last(paypal, gateway):
    row = paypal.add_subscription()
    before = gateway.show_subscription(row.id)
    gateway.cancel_subscription(row.id, reason="Je pars")
    after = gateway.show_subscription(row.id)

    assert before.next_billing_at is not None
    assert after.next_billing_at is None
    assert after.last_payment == before.last_payment is not None
    assert paypal.subscriptions[row.id].status_change_note == "Je pars"


#  what happens at PayPal without us        from              to
BY_PAYPAL = """
buyer-approves                              APPROVAL_PENDING  ACTIVE
buyer-cancels                               ACTIVE            CANCELLED
buyer-cancels                               SUSPENDED         CANCELLED
suspend-for-failures                        ACTIVE            SUSPENDED
fix-payments                                SUSPENDED         ACTIVE
expire                                      ACTIVE            EXPIRED
buyer-cancels                               EXPIRED           EXPIRED
expire                                      CANCELLED         CANCELLED
"""


@pytest.mark.parametrize("line", BY_PAYPAL.strip().splitlines())
def test_what_paypal_and_the_buyer_do(paypal, gateway, line):
    happening, before, after = line.split()
    row = paypal.add_subscription(status=before)
    assert gateway.show_subscription(row.id).status == before
    paypal.happen(row.id, happening)
    assert gateway.show_subscription(row.id).status == after


def test_failures_up_to_the_threshold_suspend(paypal, gateway):
    plan = paypal.add_plan(failure_threshold=2, amount="10.00")
    row = paypal.add_subscription(plan_id=plan.id, started_at=paypal.now() - timedelta(days=1))
    paypal.happen(row.id, "fail-payments")

    paypal.advance(41)  # a failed payment counts when its two further tries, five days apart, have failed too
    once = gateway.show_subscription(row.id)
    paypal.advance(31)
    twice = gateway.show_subscription(row.id)

    assert (once.status, once.failed_payments, once.outstanding.amount) == ("ACTIVE", 1, 10)
    assert (twice.status, twice.failed_payments, twice.outstanding.amount) == ("SUSPENDED", 2, 20)
    assert twice.plan.failure_threshold == 2


def test_a_finite_plan_expires_with_its_last_payment(paypal, gateway):
    plan = paypal.add_plan(total_cycles=3)
    row = paypal.add_subscription(plan_id=plan.id, started_at=paypal.now())
    first = gateway.show_subscription(row.id)
    paypal.advance(93)
    last = gateway.show_subscription(row.id)

    assert first.status == "ACTIVE"
    assert first.final_payment_at > first.next_billing_at
    assert last.status == "EXPIRED"
    assert last.next_billing_at is None
    assert [paid.status for paid in paypal.subscriptions[row.id].payments] == ["COMPLETED"] * 3


@pytest.mark.parametrize(
    ("start", "unit", "next_one"),
    [
        ("2027-01-31T10:00:00Z", "MONTH", datetime(2027, 2, 28, 10, tzinfo=UTC)),
        ("2028-01-31T10:00:00Z", "MONTH", datetime(2028, 2, 29, 10, tzinfo=UTC)),
        ("2028-02-29T10:00:00Z", "YEAR", datetime(2029, 2, 28, 10, tzinfo=UTC)),
        ("2027-12-31T10:00:00Z", "WEEK", datetime(2028, 1, 7, 10, tzinfo=UTC)),
    ],
)
def test_the_simulator_bills_at_month_ends(paypal, gateway, start, unit, next_one):
    plan = paypal.add_plan(interval_unit=unit)
    row = paypal.add_subscription(plan_id=plan.id, started_at=start)
    days = (datetime.fromisoformat(start) - paypal.now()).days + 1
    paypal.advance(days)
    assert gateway.show_subscription(row.id).next_billing_at == next_one

"""Comparing plans: a new price, another plan, one that PayPal does not show."""

from __future__ import annotations

from decimal import Decimal

import pytest

from portal.models import ComparisonState, ComparisonTrigger
from portal.queries.comparisons import comparison_turns
from tests.services.comparisons.comparing import compare, differences, grow_old, stored


def test_another_plan_is_followed_with_its_price_and_what_it_opens(ctx, merchant, paypal, bring_in):
    row = paypal.add_subscription()
    bring_in()
    compare(ctx, merchant)
    grow_old(ctx)
    other = paypal.add_plan("Cours du soir", amount="45.00")
    old, row.plan_id = row.plan_id, other.id
    run = compare(ctx, merchant)
    (found,) = differences(ctx, run)
    assert (found.before["plan"], found.after["plan"]) == (old, other.id)
    assert found.corrected
    with ctx.db.read() as session:
        now_stored = comparison_turns.known(session, merchant.id, "sandbox", [row.id])[row.id]
        assert (now_stored.plan.provider_id, now_stored.product.name) == (other.id, "Cours du soir")
    assert now_stored.amount == Decimal("45.00")
    assert compare(ctx, merchant, everything=True).differed == 0


def test_a_plans_new_price_is_seen_the_same_night_by_whoever_pays_it(ctx, merchant, paypal, bring_in):
    row, dearer = paypal.add_subscription(), paypal.add_subscription(email="autre@client.test")
    dearer.own_amount = "40.00"
    bring_in()
    compare(ctx, merchant)  # read a moment ago: nobody's turn comes for three days
    paypal.state.plans[row.plan_id].amount = "35.00"
    run = compare(ctx, merchant, trigger=ComparisonTrigger.NIGHTLY)
    (found,) = differences(ctx, run)
    assert (found.provider_id, found.after["price"]) == (row.id, {"amount": "35", "currency": "EUR"})
    assert stored(ctx, row.id).amount == Decimal("35.00")
    assert stored(ctx, dearer.id).amount == Decimal("40.00")
    with ctx.db.read() as session:
        plan = comparison_turns.known(session, merchant.id, "sandbox", [row.id])[row.id].plan
    assert plan.amount == Decimal("35.00"), "a new subscription is shown at it too"
    again = compare(ctx, merchant, trigger=ComparisonTrigger.NIGHTLY)
    assert (again.differed, again.failed) == (0, 0)


@pytest.mark.parametrize("answer", ["403", "500", "404"])
def test_plans_that_paypal_does_not_show_keep_no_subscription_waiting(ctx, merchant, paypal, bring_in, answer):
    row = paypal.add_subscription()
    bring_in()
    paypal.rule("list_plans", answer)
    row.own_amount = "35.50"
    run = compare(ctx, merchant)
    assert (run.state, run.differed, run.failed) == (ComparisonState.DONE, 1, 0)


def test_a_dry_run_leaves_plans_as_they_are(ctx, merchant, paypal, bring_in):
    row = paypal.add_subscription()
    bring_in()
    paypal.state.plans[row.plan_id].amount = "35.00"
    compare(ctx, merchant, dry_run=True)
    with ctx.db.read() as session:
        assert comparison_turns.known(session, merchant.id, "sandbox", [row.id])[row.id].plan.amount == Decimal("29.90")

"""What the merchant decides about a product, and when it begins to hold."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.ends.end_requests import RequestState
from portal.domain.policies import Actor, Override
from portal.domain.subscriptions import Status
from portal.models import Subscription
from portal.services import products
from portal.services.imports import imports
from portal.services.products import ProductWish
from tests.services.carrying.carried import ask, carry, row

WISH = ProductWish(
    name="Cours de piano",
    external_id=None,
    keep_after_completion=False,
    keep_after_cancellation=False,
    stops_at_once=False,
    kept_while_paused=False,
    grace_days=7,
    commitment_months=None,
    commitment_binds=True,
    self_cancellation=Override.INHERIT,
    notice_days=0,
    pause_offered=False,
    pause_longest_days=90,
    contents=(),
)


@pytest.fixture
def merchant(make):
    return make.merchant()


@pytest.fixture
def imported(ctx, merchant, make):
    """Bring everything in from PayPal; return the one subscription asked for."""

    def bring_in(provider_id):
        imports.run_import(ctx, imports.start_or_resume(ctx, merchant.id).id)
        with ctx.db.read() as session:
            return make.reload(session.query(Subscription).filter_by(provider_id=provider_id).one())

    return bring_in


def commit(ctx, subscription, months):
    wish = dataclasses.replace(WISH, commitment_months=months)
    products.save(ctx, subscription.merchant_id, subscription.product_id, wish)


def test_months_set_after_the_import_make_a_customers_cancel_wait(ctx, make, paypal, imported, now):
    seen = paypal.add_subscription(started_at=now - timedelta(days=40))
    subscription = imported(seen.id)
    assert ask_due(ctx, make, imported(paypal.add_subscription(started_at=now).id)) is None, "nothing binds yet"
    commit(ctx, subscription, 12)
    request = ask(ctx, make, subscription)
    started = now - timedelta(days=40)
    assert request.due_at > started + timedelta(days=300), "after the eleventh payment"
    assert request.due_at < started.replace(year=started.year + 1), "before the one that is no longer owed"
    request = carry(ctx, request)
    assert (request.state, paypal.cancelled) == (RequestState.RECORDED, [])


def ask_due(ctx, make, subscription):
    return ask(ctx, make, subscription).due_at


def test_months_bind_customers_and_not_the_merchant(ctx, make, paypal, imported, now):
    subscription = imported(paypal.add_subscription(started_at=now - timedelta(days=40)).id)
    commit(ctx, subscription, 12)
    assert ask(ctx, make, subscription, actor=Actor.STAFF).due_at is None


@pytest.mark.parametrize(
    ("started", "months", "until"),
    [
        (datetime(2026, 8, 31, 10, tzinfo=UTC), 6, datetime(2027, 2, 28, 10, tzinfo=UTC)),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), 1, datetime(2026, 11, 25, 0, 30, tzinfo=UTC)),
        (datetime(2024, 2, 29, 23, 59, tzinfo=UTC), 12, datetime(2025, 2, 28, 23, 59, tzinfo=UTC)),
    ],
)
def test_the_months_count_from_the_start_of_each_subscription(ctx, make, merchant, started, months, until):
    product = make.product(merchant)
    first = make.subscription(product=product, started_at=started)
    second = make.subscription(product=product, started_at=started + timedelta(hours=1))
    commit(ctx, first, months)
    assert make.reload(first).committed_until == until
    assert make.reload(second).committed_until == until + timedelta(hours=1)


def test_only_living_subscriptions_of_that_product_are_bound(ctx, make, merchant):
    product = make.product(merchant)
    bound = {status: make.subscription(product=product, status=status) for status in Status}
    unbegun = make.subscription(product=product, status=Status.PENDING, started_at=None)
    elsewhere = make.subscription(product=make.product(merchant))
    commit(ctx, bound[Status.ACTIVE], 12)
    living = {Status.PENDING, Status.ACTIVE, Status.PAST_DUE, Status.PAUSED}
    assert {status for status, row in bound.items() if make.reload(row).committed_until is not None} == living
    assert make.reload(unbegun).committed_until is None
    assert make.reload(elsewhere).committed_until is None


def test_without_months_a_plan_with_a_last_payment_keeps_its_own_length(ctx, make, paypal, imported, now):
    plan = paypal.add_plan("En dix fois", interval_unit="WEEK", interval_count=2, total_cycles=10)
    started = now - timedelta(days=20)
    finite = imported(paypal.add_subscription(plan_id=plan.id, started_at=started).id)
    assert finite.committed_until == started + timedelta(weeks=20)
    commit(ctx, finite, 12)
    assert make.reload(finite).committed_until > started + timedelta(days=360)
    commit(ctx, finite, None)
    assert make.reload(finite).committed_until == started + timedelta(weeks=20)


@pytest.mark.parametrize(("way", "end"), [("clamp", "2027-03-31"), ("move", "2027-04-01")])
def test_7_a_plans_own_length_is_the_same_day_whoever_reckons_it(ctx, make, paypal, imported, way, end):
    """Read from PayPal, or set back by the product page: a month's end and a trial count the same."""
    plan = paypal.add_plan("En quatorze fois", total_cycles=14, month_ends=way)
    started = datetime(2026, 1, 31, 10, tzinfo=UTC)
    finite = imported(paypal.add_subscription(plan_id=plan.id, started_at=started).id)
    assert str(finite.committed_until)[:10] == end
    commit(ctx, finite, 12)
    assert str(make.reload(finite).committed_until)[:10] == "2027-01-31"
    commit(ctx, finite, None)
    assert make.reload(finite).committed_until == finite.committed_until


def test_months_taken_away_leave_no_commitment_on_a_plan_without_end(ctx, make):
    subscription = make.subscription()
    commit(ctx, subscription, 12)
    commit(ctx, subscription, None)
    assert make.reload(subscription).committed_until is None
    assert ask(ctx, make, subscription).due_at is None


def test_a_product_saved_with_the_same_months_changes_no_subscription(ctx, make):
    subscription = make.subscription()
    commit(ctx, subscription, 12)
    own = datetime(2027, 5, 1, tzinfo=UTC)
    with ctx.db.begin() as session:
        session.get_one(Subscription, subscription.id).committed_until = own
    commit(ctx, subscription, 12)
    assert make.reload(subscription).committed_until == own


def test_a_request_that_waits_keeps_the_date_it_was_given(ctx, make):
    subscription = make.subscription()
    commit(ctx, subscription, 12)
    request = ask(ctx, make, subscription)
    commit(ctx, subscription, 24)
    assert row(ctx, request.id).due_at == request.due_at is not None

"""A plan sells one product at a time: what runs under it goes along, what has ended stays where it was sold."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import timedelta

import pytest
from sqlalchemy.exc import NoResultFound

from portal.clock import utc_now
from portal.domain.access.access import windows
from portal.domain.audit import PORTAL
from portal.domain.dates.periods import add_months
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import Plan, Subscription
from portal.queries.access import products as queries
from portal.services import product_plans, products
from portal.services.edits import EditedMeanwhile
from portal.services.ends import end_withdrawals
from portal.services.product_plans import MovedMeanwhile
from portal.services.rules import rule_of
from tests.services.audit.test_audit import rows_of
from tests.services.carrying.carried import ask
from tests.services.test_promises import GENEROUS, STRICT


@pytest.fixture
def merchant(make):
    return make.merchant()


@pytest.fixture
def piano(make, merchant):
    return make.product(merchant, name="Piano", contents=(("Lesson 1", 0),), commitment_binds=True, **GENEROUS)


@pytest.fixture
def choir(make, merchant):
    return make.product(merchant, name="Choir", commitment_months=12, **STRICT)


def move(ctx, plan_id, left, to, **seen):
    return product_plans.move(ctx, left.merchant_id, plan_id, left=left.id, to=to and to.id, by=PORTAL, **seen)


def under(ctx, subscription, *others):
    """Let the others be of the first one's plan; return the plan's id."""
    with ctx.db.begin() as session:
        for other in others:
            session.get_one(Subscription, other.id).plan_id = subscription.plan_id
    return subscription.plan_id


def opened(make, subscription):
    seen = make.reload(subscription)
    return windows(seen.facts, rule_of(seen))


def test_what_runs_goes_along_and_what_has_ended_stays(ctx, make, piano, choir):
    runs, waits, over, elsewhere = (
        make.subscription(product=piano, status=status)
        for status in (Status.ACTIVE, Status.PENDING, Status.CANCELLED, Status.ACTIVE)
    )
    plan = under(ctx, runs, waits, over)
    before = opened(make, over)
    assert move(ctx, plan, piano, choir) == choir.id
    at = {one: make.reload(one).product_id for one in (runs, waits, over, elsewhere)}
    assert at == {runs: choir.id, waits: choir.id, over: piano.id, elsewhere: piano.id}
    products.save(ctx, piano.merchant_id, piano.id, wish(ctx, piano, **STRICT))
    assert opened(make, over) == before


def wish(ctx, product, **answers):
    with ctx.db.read() as session:
        found = products.wish_of(queries.of_merchant(session, product.merchant_id, product.id))
    return dataclasses.replace(found, **answers)


def test_the_new_products_commitment_binds_who_goes_along(ctx, make, piano, choir, now):
    runs = make.subscription(product=piano, started_at=now - timedelta(days=10))
    move(ctx, runs.plan_id, piano, choir)
    assert make.reload(runs).committed_until > now + timedelta(days=350)
    move(ctx, runs.plan_id, choir, piano)
    assert make.reload(runs).committed_until is None


def test_whoever_asked_for_the_end_keeps_what_the_old_product_leaves(ctx, make, piano, choir):
    asked = make.subscription(product=piano, committed_until=utc_now() + timedelta(days=100))
    ask(ctx, make, asked)
    move(ctx, asked.plan_id, piano, choir)
    assert make.reload(asked).product_id == piano.id, "nothing of the other product comes to it, nothing goes"
    seen = rule_of(make.reload(asked))
    assert (seen.keep_after_cancellation, seen.stops_at_once) == (True, False)
    assert {content.title for content in seen.contents} == {content.title for content in rule_of(asked).contents}


@pytest.mark.parametrize("how", ["by its customer", "for another end"])
def test_an_end_taken_back_runs_on_with_what_its_plan_sells_by_now(ctx, make, piano, choir, how):
    """Else who pays for the choir would open the piano, for good: no payment and no comparison looks at it again."""
    asked = make.subscription(product=piano, committed_until=utc_now() + timedelta(days=100))
    request = ask(ctx, make, asked)
    move(ctx, asked.plan_id, piano, choir)
    if how == "for another end":
        ask(ctx, make, asked, actor=Actor.STAFF)
        assert make.reload(asked).product_id == piano.id, "it still ends, and was told what the piano leaves"
        return
    end_withdrawals.withdraw(ctx, asked.merchant_id, asked.customer_id, request.reference, now=utc_now())
    seen = make.reload(asked)
    assert (seen.product_id, seen.status) == (choir.id, Status.ACTIVE)
    assert "Lesson 1" not in {window.title for window in opened(make, asked)}
    assert seen.committed_until == add_months(seen.started_at, 12), "the choir's commitment, as of all who went along"


def test_a_plan_gets_a_product_of_its_own_with_the_same_rules(ctx, make, piano):
    runs = make.subscription(product=piano)
    before = [(window.title, window.since, window.end) for window in opened(make, runs)]
    new = move(ctx, runs.plan_id, piano, None)
    assert new != piano.id
    row = make.reload(runs)
    assert (row.product.name, row.product_id) == ("Mensuel", new)
    assert [(window.title, window.since, window.end) for window in opened(make, runs)] == before


def test_a_plan_that_somebody_moved_meanwhile_is_not_moved_again(ctx, make, merchant, piano, choir):
    runs, third = make.subscription(product=piano), make.product(merchant, name="Third")
    move(ctx, runs.plan_id, piano, choir)
    with pytest.raises(MovedMeanwhile):
        move(ctx, runs.plan_id, piano, third)
    assert make.reload(runs).product_id == choir.id


def shown(ctx, left, to):
    """What a page that is opened now has seen."""
    with ctx.db.read() as session:
        return product_plans.seen(session, left.merchant_id, left=left.id, to=to and to.id)


@pytest.mark.parametrize("which", ["piano", "choir"])
def test_nobody_follows_rules_that_the_page_did_not_show(ctx, make, piano, choir, which):
    """A colleague saves one of the two in between: who confirms has compared others."""
    runs = make.subscription(product=piano)
    seen = shown(ctx, piano, choir)
    products.save(ctx, piano.merchant_id, {"piano": piano, "choir": choir}[which].id, wish(ctx, choir, grace_days=99))
    with pytest.raises(EditedMeanwhile):
        move(ctx, runs.plan_id, piano, choir, seen=seen)
    assert make.reload(runs).product_id == piano.id
    assert not [row for row in rows_of(ctx, piano.merchant_id) if row.act == "product.plan_moved"]
    move(ctx, runs.plan_id, piano, choir, seen=shown(ctx, piano, choir))
    assert make.reload(runs).product_id == choir.id


def test_a_product_of_its_own_takes_the_rules_as_they_are(ctx, make, piano):
    runs = make.subscription(product=piano)
    seen = shown(ctx, piano, None)
    products.save(ctx, piano.merchant_id, piano.id, wish(ctx, piano, grace_days=99))
    move(ctx, runs.plan_id, piano, None, seen=seen)
    assert make.reload(runs).product.grace_days == 99


def test_nothing_of_another_merchant_is_moved_or_moved_to(ctx, make, piano):
    runs = make.subscription(product=piano)
    foreign = make.product(make.merchant())
    for left, to, plan in ((piano, foreign, runs.plan_id), (foreign, piano, runs.plan_id), (piano, None, uuid.uuid4())):
        with pytest.raises(NoResultFound):
            product_plans.move(ctx, piano.merchant_id, plan, left=left.id, to=to and to.id, by=PORTAL)
    with ctx.db.read() as session:
        assert session.get_one(Plan, runs.plan_id).product_id == piano.id


def test_the_chain_says_what_was_moved_and_how_many_went_along(ctx, make, piano, choir):
    runs = make.subscription(product=piano)
    move(ctx, runs.plan_id, piano, choir)
    (row,) = [row for row in rows_of(ctx, piano.merchant_id) if row.act == "product.plan_moved"]
    assert row.subject_id == choir.id
    assert row.details == {
        "plan": str(runs.plan_id), "product": [str(piano.id), str(choir.id)], "subscriptions": 1,
    }  # fmt: skip

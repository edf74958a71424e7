"""A product's new rule holds for those who come to their end later: whoever was told something keeps it."""

from __future__ import annotations

import dataclasses
import threading
from datetime import timedelta

import pytest
from sqlalchemy import text

from portal.clock import utc_now
from portal.domain.access.access import windows
from portal.domain.subscriptions import Status
from portal.models import Subscription
from portal.queries import subscriptions
from portal.queries.access import products as queries
from portal.queries.ends import end_requests
from portal.services import products
from portal.services.dates import planned_ends
from portal.services.ends import end_withdrawals
from portal.services.products import ContentWish
from portal.services.rules import access_left, rule_of, write_end
from tests.services.carrying.carried import ask, carry
from tests.services.test_products import WISH

GENEROUS = {"keep_after_completion": True, "keep_after_cancellation": True, "stops_at_once": False}
STRICT = {"keep_after_completion": False, "keep_after_cancellation": False, "stops_at_once": True}


@pytest.fixture
def merchant(make):
    return make.merchant()


@pytest.fixture
def lessons(make, merchant):
    return make.product(merchant, contents=(("Lesson 1", 0), ("Lesson 2", 400)), **GENEROUS)


def save(ctx, product, *, without=(), more=(), **answers):
    """Save the product with these answers, without those titles, and with some more."""
    with ctx.db.read() as session:
        wish = products.wish_of(queries.of_merchant(session, product.merchant_id, product.id))
    contents = tuple(one for one in wish.contents if one.title not in without)
    contents += tuple(ContentWish(title=title) for title in more)
    products.save(ctx, product.merchant_id, product.id, dataclasses.replace(wish, contents=contents, **answers))


def opened(make, subscription):
    seen = make.reload(subscription)
    return windows(seen.facts, rule_of(seen))


def titles(make, subscription):
    return [window.title for window in opened(make, subscription)]


ENDS = [(status, told) for status in ("completed", "cancelled", "abandoned") for told in (GENEROUS, STRICT)]


@pytest.mark.parametrize(("status", "told"), ENDS)
def test_what_has_ended_is_open_as_it_was_whatever_the_rule_becomes(ctx, make, merchant, status, told):
    product = make.product(merchant, contents=(("Lesson 1", 0), ("Lesson 2", 5)), **told)
    over = make.subscription(product=product, status=Status(status))
    before = opened(make, over)
    for answers in (STRICT, GENEROUS, STRICT):
        save(ctx, product, **answers)
        assert opened(make, over) == before


def test_what_runs_follows_the_new_rule_to_its_end(ctx, make, lessons):
    runs = make.subscription(product=lessons)
    save(ctx, lessons, **STRICT)
    carry(ctx, ask(ctx, make, runs))
    assert make.reload(runs).status is Status.CANCELLED
    assert [window for window in opened(make, runs) if window.is_open(utc_now() + timedelta(seconds=1))] == []


def test_a_lesson_taken_out_stays_with_those_who_kept_it_and_closes_for_the_others(ctx, make, lessons):
    runs, over = make.subscription(product=lessons), make.subscription(product=lessons, status=Status.CANCELLED)
    save(ctx, lessons, without=("Lesson 1",), more=("Bonus",))
    assert titles(make, over) == ["Lesson 1"]
    assert titles(make, runs) == ["Lesson 2", "Bonus"]
    assert access_left(make.reload(over)).kept == ("Lesson 1",)


def test_whoever_ends_after_the_change_is_promised_the_new_rule(ctx, make, lessons):
    save(ctx, lessons, without=("Lesson 1",), more=("Bonus",))
    late = make.subscription(product=lessons)
    carry(ctx, ask(ctx, make, late))
    save(ctx, lessons, more=("Third",))
    assert titles(make, late) == ["Bonus"]


def planned(ctx, make, product):
    """A subscription whose customer has asked for the end, which waits for the commitment."""
    subscription = make.subscription(product=product, committed_until=utc_now() + timedelta(days=200))
    request = ask(ctx, make, subscription)
    assert request.due_at is not None
    return subscription, request


@pytest.fixture
def binding(make, merchant):
    return make.product(merchant, contents=(("Lesson 1", 0),), commitment_binds=True, **GENEROUS)


def test_an_end_that_was_asked_for_leaves_what_was_told(ctx, make, binding):
    subscription, _request = planned(ctx, make, binding)
    save(ctx, binding, without=("Lesson 1",), more=("Bonus",), **STRICT)
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, binding.merchant_id, subscription.id)
        write_end(locked, locked.facts, Status.CANCELLED, utc_now())
    assert titles(make, subscription) == ["Lesson 1", "Bonus"], "what came meanwhile was open to it, too"
    save(ctx, binding, more=("Third",))
    assert titles(make, subscription) == ["Lesson 1", "Bonus"]


def test_the_plan_shown_meanwhile_is_the_one_that_was_told(ctx, make, binding, now):
    subscription, request = planned(ctx, make, binding)

    def told():
        with ctx.db.read() as session:
            found = end_requests.of_customer(session, binding.merchant_id, subscription.customer_id, request.reference)
            row = make.reload(subscription)
            return planned_ends.windows_of(row, found, now=now)

    before = told()
    save(ctx, binding, **STRICT)
    assert told() == before


def test_an_end_taken_back_runs_on_by_the_rule_of_now(ctx, make, binding, now):
    subscription, request = planned(ctx, make, binding)
    save(ctx, binding, **STRICT)
    assert make.reload(subscription).promised is not None
    end_withdrawals.withdraw(ctx, binding.merchant_id, subscription.customer_id, request.reference, now=now)
    assert make.reload(subscription).promised is None


def test_a_new_name_or_order_or_address_keeps_nothing_apart(ctx, make, lessons):
    over = make.subscription(product=lessons, status=Status.CANCELLED)
    save(ctx, lessons, name="Piano", grace_days=3)
    assert make.reload(over).promised is None


def test_an_end_that_is_being_written_is_waited_for(ctx, make, lessons):
    """It was reckoned by the old rule: the new one must not find it still running, and pass it by."""
    subscription = make.subscription(product=lessons)
    saving = threading.Thread(target=save, args=(ctx, lessons), kwargs=STRICT)
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, lessons.merchant_id, subscription.id)
        write_end(locked, locked.facts, Status.CANCELLED, utc_now())
        session.flush()
        saving.start()
        waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        for _look in range(2000):
            with ctx.db.read() as other:
                if other.scalar(waiting):
                    break
            saving.join(0.005)
    saving.join(30)
    assert titles(make, subscription) == ["Lesson 1"]
    with ctx.db.read() as session:
        assert session.get_one(Subscription, subscription.id).promised["stops_at_once"] is False


def test_the_example_wish_is_what_the_page_stores(ctx, make, merchant):
    """`wish_of` reads every answer: one that it forgot would be wiped out."""
    product = make.product(merchant)
    products.save(ctx, merchant.id, product.id, WISH)
    with ctx.db.read() as session:
        assert products.wish_of(queries.of_merchant(session, merchant.id, product.id)) == WISH

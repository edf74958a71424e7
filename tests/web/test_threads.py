"""The thread of a life: what lies where on its line."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.domain.dates.end_dates import Schedule, WaitReason
from portal.domain.subscriptions import Status
from portal.web import threads


def at(thread, kind):
    return [float(mark.at.rstrip("%")) for mark in thread.marks if mark.kind == kind]


def number(place):
    return float(place.rstrip("%"))


@pytest.fixture
def paying(make, now):
    make.merchant()
    return make.subscription(
        started_at=now - timedelta(days=70),
        last_payment_at=now - timedelta(days=10),
        next_payment_at=now + timedelta(days=20),
        paid_until=now + timedelta(days=20),
    )


def test_a_running_one_lies_from_its_start_to_the_next_payment(paying, now):
    thread = threads.of(paying, payments=[now - timedelta(days=40)], now=now)
    assert number(thread.today) == pytest.approx(100 * 70 / 90, abs=0.2)
    assert [number(place) for place in thread.paid] == pytest.approx([100 * 60 / 90, 100], abs=0.2)
    assert at(thread, "tick") == pytest.approx([100 * 30 / 90, 100 * 60 / 90], abs=0.2)
    assert at(thread, "due") == [100]
    assert (at(thread, "end"), at(thread, "told"), thread.is_over) == ([], [], False)


def test_a_long_life_begins_three_periods_ago(make, now, paying):
    paying.started_at = now - timedelta(days=2000)
    assert number(threads.of(paying, now=now).today) == pytest.approx(100 * 90 / 110, abs=0.2)


def test_one_that_is_over_ends_before_today_and_nothing_comes(make, now):
    make.merchant()
    over = make.subscription(
        status=Status.CANCELLED,
        started_at=now - timedelta(days=90),
        last_payment_at=now - timedelta(days=60),
        paid_until=now - timedelta(days=30),
    )
    thread = threads.of(over, ends_at=now - timedelta(days=30), now=now)
    assert thread.is_over
    assert at(thread, "end")[0] < number(thread.today) == 100
    assert at(thread, "due") == []


@pytest.mark.parametrize("columns", [{"started_at": None}, {"started_at": "now"}])
def test_one_that_has_hardly_begun_has_none(make, now, columns):
    make.merchant()
    young = make.subscription(last_payment_at=None, next_payment_at=None, paid_until=None)
    young.started_at = now if columns["started_at"] else None
    assert threads.of(young, now=now) is None


def test_no_mark_ever_leaves_the_line(paying, now):
    paying.last_payment_at = now + timedelta(days=900)  # a clock that was wrong
    thread = threads.of(paying, payments=[now - timedelta(days=4000)], now=now)
    assert all(0 <= number(mark.at) <= 100 for mark in thread.marks)


def test_an_end_at_once_of_what_is_paid_by_nothing_has_its_end_today(make, now):
    make.merchant()
    bare = make.subscription(last_payment_at=None, next_payment_at=None, paid_until=None)
    thread = threads.of(bare, ends_at=now, now=now)
    assert (at(thread, "end"), number(thread.today), thread.paid) == ([100], 100, None)


@pytest.mark.parametrize(("closes_in", "ends_in"), [(None, 20), (5, 5), (0, 0)])
def test_an_end_stands_where_something_closes_else_where_what_is_paid_runs_out(paying, now, closes_in, ends_in):
    closes = now + timedelta(days=closes_in) if closes_in is not None else None
    thread = threads.of_end(paying, closes, planned=None, now=now)
    (end,) = at(thread, "end")
    assert end == pytest.approx(100 * (70 + ends_in) / 90, abs=0.2)


def said(thread):
    return [(one.kind, len(one.also)) for one in thread.dates]


def test_beneath_a_running_one_stand_what_is_paid_and_what_comes(paying, now):
    assert said(threads.of(paying, now=now)) == [("paid", 0), ("due", 0)]
    paying.paid_until = now - timedelta(days=3)  # it is late
    assert said(threads.of(paying, now=now)) == [("today", 0), ("due", 0)]


def test_beneath_a_planned_end_the_payments_that_are_still_taken_count_as_one_day_and_its_followers(paying, now):
    planned = Schedule(
        reason=WaitReason.WISH,
        owed_until=now + timedelta(days=80),
        due_at=now + timedelta(days=65),
        taken=(now + timedelta(days=20), now + timedelta(days=50)),
        prevented_at=now + timedelta(days=80),
    )
    thread = threads.of(paying, planned=planned, now=now)
    assert said(thread) == [("today", 1), ("due", 1), ("told", 0), ("paid-end", 0)]
    assert thread.dates[-1].at == now + timedelta(days=80)
    assert [one.at for one in thread.dates] == sorted(one.at for one in thread.dates)


def test_beneath_an_end_that_would_come_now_stands_the_last_payment(paying, now):
    assert said(threads.of_end(paying, now + timedelta(days=20), planned=None, now=now)) == [
        ("last", 0), ("today", 0), ("access", 0),
    ]  # fmt: skip
    assert said(threads.of_end(paying, None, planned=None, now=now))[-1] == ("paid-end", 0)
    assert said(threads.of_end(paying, now, planned=None, now=now)) == [("last", 0), ("access", 0)]


def test_a_payment_to_come_is_told_unless_none_is(paying, now):
    assert threads.of(paying, now=now).tells_next
    assert not threads.of_end(paying, None, planned=None, now=now).tells_next


@pytest.mark.parametrize(
    ("awaited_in", "runs_out_in", "told_in", "latest_in"),
    [
        (None, None, 65, None),
        (50, None, 60, 65),  # as soon as the payment has come, but not before payments are owed no more
        (65, None, 65, None),
        (-3, None, 60, 65),
        (50, 80, 65, None),  # PayPal ends it itself: it is told only where it has not
    ],
)
def test_the_ring_stands_where_the_text_says_that_paypal_is_told(
    paying, now, awaited_in, runs_out_in, told_in, latest_in
):
    def day(number):
        return now + timedelta(days=number) if number is not None else None

    planned = Schedule(
        reason=WaitReason.WISH,
        owed_until=day(60),
        due_at=day(65),
        awaited_at=day(awaited_in),
        taken=(day(20), day(50)),
        prevented_at=None if runs_out_in else day(80),
        runs_out_at=day(runs_out_in),
    )
    (told,) = [one for one in threads.of(paying, planned=planned, now=now).dates if one.kind == "told"]
    assert (told.at, told.also) == (day(told_in), (day(latest_in),) if latest_in else ())

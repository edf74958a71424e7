"""Who may come back, from when, and where an attempt may go."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.access.access import Content, Facts, Rule, access, end_facts, windows
from portal.domain.ends.comebacks import (
    ComebackState,
    IllegalComebackMove,
    Standing,
    check,
    look_delay,
    move,
    start_at,
    starts_too_early,
)
from portal.domain.errors import Denial, NotAllowed
from portal.domain.subscriptions import Status

NOW = datetime(2027, 4, 3, 14, 5, tzinfo=UTC)
GOOD = Standing(
    status=Status.CANCELLED,
    relaunch_allowed=True,
    contact_allowed=True,
    is_sold_by_rest=True,
    is_stopped=True,
    is_paid_time_known=True,
)


def test_a_cancelled_one_with_everything_in_order():
    check(GOOD)


@pytest.mark.law("R-FR-61")
@pytest.mark.parametrize(
    ("change", "denial"),
    [
        *(({"status": status}, "no_comeback") for status in Status if status is not Status.CANCELLED),
        ({"relaunch_allowed": False}, "no_comeback"),
        ({"contact_allowed": False}, "no_comeback"),
        ({"has_successor": True}, "came_back"),
        ({"has_rival": True}, "already_subscribed"),
        ({"is_sold_by_rest": False}, "not_sold_here"),
        ({"is_stopped": False}, "still_stopping"),
        ({"is_paid_time_known": False}, "paid_time_unknown"),
    ],
)
def test_each_reason_alone_is_enough_and_says_its_name(change, denial):
    with pytest.raises(NotAllowed) as caught:
        check(replace(GOOD, **change))
    assert caught.value.denial is Denial(denial)


def test_14_nothing_else_counts_for_what_is_never_invited():
    """Whatever else is true or not, the answer to an abandoned one is the same: it tells nothing, invites nobody."""
    for wrong in ({}, {"has_rival": True}, {"is_paid_time_known": False}, {"has_successor": True}):
        with pytest.raises(NotAllowed) as caught:
            check(replace(GOOD, status=Status.ABANDONED, relaunch_allowed=False, **wrong))
        assert caught.value.denial is Denial.NO_COMEBACK


def test_no_period_is_paid_twice_and_paypal_is_never_asked_for_a_past():
    for minutes in (-100_000, -1, 0, 1, 14, 15, 16, 100_000):
        paid = NOW + timedelta(minutes=minutes)
        start = start_at(paid, now=NOW)
        assert (start is None) == (minutes <= 0)
        if start is not None:
            assert start >= paid
            assert start - NOW >= timedelta(minutes=15)
    assert start_at(NOW + timedelta(days=9), now=NOW) == NOW + timedelta(days=9)
    assert start_at(None, now=NOW) is None


def test_a_start_is_good_only_from_the_end_of_what_is_paid():
    paid = NOW + timedelta(days=9)
    for start in (None, NOW - timedelta(days=1), NOW, paid - timedelta(seconds=1)):
        assert starts_too_early(start, paid_until=paid, now=NOW), start
        assert not starts_too_early(start, paid_until=NOW, now=NOW), start
        assert not starts_too_early(start, paid_until=None, now=NOW), start
    for start in (paid, paid + timedelta(days=30)):
        assert not starts_too_early(start, paid_until=paid, now=NOW), start


#           recorded creating waiting approved given_up failed
MOVES = """
recorded    -        yes      -       yes      -        yes
creating    -        yes      yes     yes      -        yes
waiting     -        -        -       yes      yes      -
approved    -        -        -       -        -        -
given_up    -        -        yes     yes      -        -
failed      -        -        -       yes      -        -
"""


def test_every_move():
    columns = ["recorded", "creating", "waiting", "approved", "given_up", "failed"]
    rows = {cells[0]: cells[1:] for cells in (line.split() for line in MOVES.strip().splitlines())}
    assert set(columns) == set(rows) == set(ComebackState)
    for state, cells in rows.items():
        for to, cell in zip(columns, cells, strict=True):
            if cell == "yes":
                assert move(ComebackState(state), ComebackState(to)) is ComebackState(to)
            else:
                with pytest.raises(IllegalComebackMove):
                    move(ComebackState(state), ComebackState(to))


def test_looks_are_close_at_first_and_rare_at_last():
    waited, looks = timedelta(0), []
    while waited < timedelta(days=3):
        waited += look_delay(waited)
        looks.append(waited)
    assert looks[0] == timedelta(seconds=20)
    assert sum(look <= timedelta(hours=1) for look in looks) >= 7
    assert len(looks) < 30


LESSONS = Rule(contents=(Content(key="a", title="A"), Content(key="b", title="B", unlock_after_days=10)))


@pytest.mark.parametrize("status", [Status.PENDING, Status.ACTIVE])
@pytest.mark.parametrize("keeps", [True, False])
def test_a_start_that_lies_ahead_opens_nothing_early_nor_when_it_is_ended_before(status, keeps):
    rule = replace(LESSONS, keep_after_cancellation=keeps)
    start = NOW + timedelta(days=5)
    facts = Facts(status=status, started_at=start, paid_until=start if status is Status.ACTIVE else None)
    assert access(facts, rule, NOW) == ()
    if status is Status.ACTIVE:
        assert [w.key for w in access(facts, rule, start)] == ["a"]
    after = end_facts(facts, rule, Status.CANCELLED, NOW)
    assert after.started_at is None
    assert after.ended_at == NOW
    assert windows(after, rule) == ()


def test_access_before_between_and_after():
    """The old one opens until the end of its paid time, the new one from there on: no moment is empty or twice paid."""
    start = NOW + timedelta(days=5)
    old = Facts(status=Status.CANCELLED, started_at=NOW - timedelta(days=25), paid_until=start, ended_at=start)
    new = Facts(status=Status.ACTIVE, started_at=start, paid_until=start + timedelta(days=30))
    one = Rule(contents=(Content(key="a", title="A"),))
    for at, by_old, by_new in (
        (NOW, 1, 0),
        (start - timedelta(seconds=1), 1, 0),
        (start, 0, 1),
        (start + timedelta(days=3), 0, 1),
    ):
        assert (len(access(old, one, at)), len(access(new, one, at))) == (by_old, by_new)

"""Requests to end: cancellation.md's diagram as a text table, retries, references."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.ends.end_requests import (
    OPEN,
    IllegalMove,
    RequestState,
    can_withdraw,
    is_payment_near,
    move,
    new_reference,
    retry_delay,
)
from portal.domain.errors import DomainError

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

# x: the arrow is drawn in cancellation.md. o: it follows from its rules: an end seen by a webhook or a read while we
# wait (rule 4), a worker that takes over from a dead one (5), no key at all, an undo before anything was sent.
ARROWS = """
from            recorded calling verifying retrying needs_merchant confirmed closed withdrawn
recorded        .        x       .         .        o              o         .      x
calling         .        o       x         x        x              o         .      .
verifying       .        o       .         x        o              x         .      .
retrying        .        o       .         .        x              o         .      o
needs_merchant  .        o       .         .        .              x         .      o
confirmed       .        .       .         .        .              .         x      .
closed          .        .       .         .        .              .         .      .
withdrawn       .        .       .         .        .              .         .      .
"""
HEAD, *LINES = [line.split() for line in ARROWS.strip().splitlines()]
PAIRS = [(row[0], to, cell != ".") for row in LINES for to, cell in zip(HEAD[1:], row[1:], strict=True)]


def test_the_table_is_complete():
    states = [state.value for state in RequestState]
    assert sorted(HEAD[1:]) == sorted(states)
    assert sorted(row[0] for row in LINES) == sorted(states)


@pytest.mark.parametrize(("state", "to", "drawn"), PAIRS)
def test_every_arrow(state, to, drawn):
    if drawn:
        assert move(RequestState(state), RequestState(to)) is RequestState(to)
    else:
        with pytest.raises(IllegalMove) as refusal:
            move(RequestState(state), RequestState(to))
        assert isinstance(refusal.value, DomainError)


@given(wishes=st.lists(st.sampled_from(RequestState), max_size=30))
def test_confirmed_and_closed_never_go_back(wishes):
    state, was_confirmed = RequestState.RECORDED, False
    for wish in wishes:
        try:
            state = move(state, wish)
        except IllegalMove:
            continue
        was_confirmed = was_confirmed or state.value == "confirmed"
        assert not was_confirmed or state.value in ("confirmed", "closed")


def test_open_is_what_still_waits_for_an_outcome():
    assert {state.value for state in RequestState} - {state.value for state in OPEN} == {
        "confirmed",
        "closed",
        "withdrawn",
    }


MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
WAITS = [(0, MINUTE), (1, MINUTE), (2, 5 * MINUTE), (3, 15 * MINUTE), (4, HOUR), (5, 3 * HOUR), (6, 6 * HOUR)]
WAITS += [(7, 6 * HOUR), (50, 6 * HOUR), (100_000, 6 * HOUR)]


@pytest.mark.parametrize(("attempts", "base"), WAITS)
def test_the_wait_grows_and_is_spread(attempts, base):
    waits = [retry_delay(attempts) for _ in range(300)]
    assert all(base * 0.9 <= wait <= base * 1.1 for wait in waits)
    assert min(waits) < base * 0.97, "never shorter: no jitter"
    assert max(waits) > base * 1.03, "never longer: no jitter"


def test_a_wait_paypal_asks_for_is_honoured_when_longer():
    assert retry_delay(1, asked=timedelta(minutes=30)) == timedelta(minutes=30)
    assert retry_delay(6, asked=timedelta(days=1)) == timedelta(days=1)


@pytest.mark.parametrize("asked", [timedelta(0), timedelta(seconds=5), timedelta(seconds=-60)])
def test_a_shorter_wait_does_not_hurry_us(asked):
    assert retry_delay(4, asked=asked) >= 0.9 * HOUR


def test_references_can_be_read_aloud():
    references = [new_reference() for _ in range(2000)]
    assert len(set(references)) == len(references)
    for reference in references:
        first, dash, last = reference.partition("-")
        assert (len(first), dash, len(last)) == (4, "-", 4)
    letters = set("".join(references)) - {"-"}
    assert not letters & set("0O1I")
    assert letters == set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") - set("0O1I")


@pytest.mark.parametrize("state", RequestState)
def test_an_undo_is_true_only_while_nothing_was_sent(state):
    waiting = state.value in ("recorded", "retrying", "needs_merchant")
    assert can_withdraw(state, sent_at=None) is waiting
    assert can_withdraw(state, sent_at=NOW) is False


@pytest.mark.parametrize(
    ("next_payment", "near"),
    [
        (NOW + timedelta(hours=2), True),  # deciding test 6
        (NOW + timedelta(hours=72), True),
        (NOW + timedelta(hours=72, seconds=1), False),
        (NOW + timedelta(days=20), False),
        (NOW - timedelta(hours=5), True),  # PayPal is late: it may come at any moment
        (None, False),
    ],
)
def test_a_payment_is_near_within_three_days(next_payment, near):
    assert is_payment_near(next_payment, NOW) is near

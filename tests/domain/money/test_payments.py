"""A payment's ladder: whatever comes in whatever order and however often, it stands in the same place."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.money.money import Money
from portal.domain.money.payments import LADDER, NOTHING, Move, MoveKind, Standing, climb, moved, refund_told, shown
from portal.models import PaymentState

AMOUNT = Decimal("29.90")
EURO = Money(AMOUNT, "EUR")
PARTS = st.decimals(min_value="0.01", max_value=AMOUNT, places=2)
WORDS = st.sampled_from((*LADDER[:3], "refunded")).map(Standing)
# Each move has its own id, of a few: the same one is heard twice, with the same sum.
MOVES = st.builds(
    lambda kind, number, size: moved(EURO, Move(kind=kind, id=f"{kind}{number}", amount=Money(size, "EUR"))),
    st.sampled_from(MoveKind),
    st.integers(1, 3),
    st.just(Decimal("7.10")) | st.just(AMOUNT),
)
NEWS = WORDS | st.builds(lambda part: Standing("partially_refunded", part), PARTS) | MOVES


def _ids(standing):
    """What tells one piece of news from the next: the id of a move, else what it says."""
    return next(iter([*standing.refunds, *standing.reversals]), (standing.state, standing.refunded))


def test_the_ladder_has_the_states_of_the_table_in_their_order():
    assert [state.value for state in PaymentState] == list(LADDER)


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("COMPLETED", "completed"),
        ("DECLINED", "denied"),
        ("FAILED", "denied"),
        ("PARTIALLY_REFUNDED", "partially_refunded"),
        ("PENDING", "pending"),
        ("REFUNDED", "refunded"),
    ],
)
def test_paypals_words_for_a_transaction(word, state):
    assert shown(word) == Standing(state)


@pytest.mark.parametrize("word", ["", "completed", "UNKNOWN", "REVERSED"])
def test_a_word_nobody_has_seen_says_nothing(word):
    assert shown(word) is None


@given(st.lists(NEWS, min_size=1, max_size=5, unique_by=_ids))
def test_neither_order_nor_doubles_matter(news):
    ends = []
    for order in itertools.permutations(news):
        now = climb(AMOUNT, order[0])
        for one in (*order, order[0], order[-1]):
            now = climb(AMOUNT, now, one)
        ends.append(now)
    assert all(end == climb(AMOUNT, *news) for end in ends)


@given(st.lists(NEWS, min_size=1, max_size=8, unique_by=_ids))
def test_what_is_open_is_never_less_than_nothing_and_closed_only_when_nothing_is(news):
    now = climb(AMOUNT, *news)
    back = now.went_back(AMOUNT)
    assert 0 <= back <= AMOUNT
    assert (now.state in ("refunded", "reversed")) == (back == AMOUNT)
    assert now.state != "completed" or back == 0


@given(st.lists(NEWS, min_size=1, max_size=6, unique_by=_ids), NEWS)
def test_only_a_cancelled_reversal_takes_anything_down_again(before, news):
    was, now = climb(AMOUNT, *before), climb(AMOUNT, *before, news)
    if not now.is_given_back:
        assert LADDER.index(now.state) >= LADDER.index(was.state)
        assert now.went_back(AMOUNT) >= was.went_back(AMOUNT)


@pytest.mark.parametrize("kind", MoveKind)
@given(sizes=st.lists(PARTS, min_size=2, max_size=3))
def test_two_sums_under_one_id_are_one_move_in_any_order(kind, sizes):
    told = [moved(EURO, Move(kind=kind, id="ONE", amount=Money(size, "EUR"))) for size in sizes]
    ends = {str(climb(AMOUNT, Standing("completed"), *order)) for order in itertools.permutations(told)}
    assert len(ends) == 1
    largest = moved(EURO, Move(kind=kind, id="ONE", amount=Money(max(sizes), "EUR")))
    assert ends == {str(climb(AMOUNT, Standing("completed"), largest))}


def sums(*moves):
    """State and sum gone after moves, each as kind and amount under an id of its own."""
    told = [
        moved(EURO, Move(kind=MoveKind(kind), id=str(place), amount=abs(Money(Decimal(size), "EUR"))))
        for place, (kind, size) in enumerate(moves)
    ]
    end = climb(AMOUNT, Standing("completed"), *told)
    return end.state, str(end.went_back(AMOUNT))


def test_each_way_back_is_a_sum_of_its_own():
    assert sums(("reversal", "-10.00")) == ("partially_refunded", "10.00")
    assert sums(("reversal", "-10.00"), ("refund", "19.90")) == ("reversed", "29.90")
    assert sums(("reversal", "-10.00"), ("refund", "19.90"), ("reversal_cancelled", "10.00")) == (
        "partially_refunded",
        "19.90",
    )
    assert sums(("reversal", "-29.90"), ("reversal_cancelled", "29.90")) == ("completed", "0")
    assert sums(("refund", "10.00"), ("refund", "19.90")) == ("refunded", "29.90")


def test_the_word_of_a_list_from_before_a_reversal_was_cancelled_closes_nothing():
    taken = moved(EURO, Move(kind=MoveKind.REVERSAL, id="R", amount=Money(AMOUNT, "EUR")))
    again = moved(EURO, Move(kind=MoveKind.REVERSAL_CANCELLED, id="C", amount=Money(AMOUNT, "EUR")))
    assert climb(AMOUNT, Standing("refunded"), taken).state == "reversed"
    assert climb(AMOUNT, Standing("refunded"), taken, again).state == "completed"


def test_what_is_wholly_refunded_has_given_all_back():
    assert climb(AMOUNT, Standing("refunded")) == Standing("refunded", AMOUNT)


@pytest.mark.parametrize(
    ("told", "standing"),
    [
        (Money(Decimal("29.9"), "EUR"), Standing("refunded", AMOUNT)),
        (Money(Decimal("10"), "EUR"), Standing("partially_refunded", Decimal(10))),
        (Money(Decimal("29.91"), "EUR"), None),
        (Money(Decimal("0.0"), "EUR"), None),
        (Money(Decimal("-10"), "EUR"), None),
        (Money(Decimal("10"), "USD"), None),
        (None, None),
    ],
)
def test_a_refunds_own_word_counts_only_where_it_fits_the_payment(told, standing):
    assert refund_told(EURO, told) == standing


def test_nothing_is_given_back_of_a_payment_nobody_refunded():
    assert climb(AMOUNT, Standing("pending"), Standing("completed")) == Standing("completed", NOTHING)

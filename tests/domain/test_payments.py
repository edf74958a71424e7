"""A payment's ladder: whatever comes in whatever order and however often, it stands in the same place."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.money import Money
from portal.domain.payments import LADDER, NOTHING, Standing, climb, refund_told, shown
from portal.models import PaymentState

AMOUNT = Decimal("29.90")
EURO = Money(AMOUNT, "EUR")
PARTS = st.decimals(min_value=0, max_value=AMOUNT, places=2)
NEWS = st.builds(Standing, st.sampled_from(LADDER), PARTS)


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


@given(st.lists(NEWS, min_size=1, max_size=5))
def test_neither_order_nor_doubles_matter(news):
    ends = set()
    for order in itertools.permutations(news):
        now = order[0]
        for one in (*order, order[0], order[-1]):
            now = climb(AMOUNT, now, one)
        ends.add(climb(AMOUNT, now))
    assert len(ends) == 1
    assert ends == {climb(AMOUNT, *news)}


@given(NEWS, NEWS)
def test_it_never_goes_down(before, news):
    before = climb(AMOUNT, before)
    after = climb(AMOUNT, before, news)
    assert list(LADDER).index(after.state) >= list(LADDER).index(before.state)
    assert before.refunded <= after.refunded <= AMOUNT


def test_what_is_wholly_refunded_has_given_all_back_also_when_it_was_reversed():
    assert climb(AMOUNT, Standing("refunded")) == Standing("refunded", AMOUNT)
    assert climb(AMOUNT, Standing("refunded"), Standing("reversed")) == Standing("reversed", AMOUNT)


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

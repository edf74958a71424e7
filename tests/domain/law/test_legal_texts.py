"""A merchant's legal texts: one version holds on each day, and plain text has three shapes and nothing else."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest

from portal.domain.law.legal_texts import BlockKind, Version, blocks, in_force, to_come

MONDAY, TUESDAY, FRIDAY = date(2026, 11, 30), date(2026, 12, 1), date(2026, 12, 4)


def version(number, day):
    return Version(number=number, valid_from=day)


def test_before_the_first_day_nothing_holds_and_from_that_day_on_it_does():
    only = [version(1, TUESDAY)]
    assert [in_force(only, day) for day in (MONDAY, TUESDAY, FRIDAY)] == [None, 1, 1]
    assert [to_come(only, day) for day in (MONDAY, TUESDAY)] == [[1], []]


def test_one_published_later_for_an_earlier_day_takes_the_place_of_one_still_to_come():
    known = [version(1, MONDAY), version(2, FRIDAY), version(3, TUESDAY)]
    assert [in_force(known, day) for day in (MONDAY, TUESDAY, FRIDAY)] == [1, 3, 3]
    assert to_come(known, MONDAY) == [3]


def test_what_is_to_come_is_what_will_hold_and_nothing_else():
    """By walking the days instead of comparing them."""
    days = (MONDAY, TUESDAY, FRIDAY)
    for chosen in product(days, repeat=3):
        known = [version(number, day) for number, day in enumerate(chosen, 1)]
        for today in days:
            later = {in_force(known, day) for day in days if day > today} - {in_force(known, today), None}
            assert set(to_come(known, today)) == later, (chosen, today)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("\n\n  \n", []),
        ("One\ntwo\n\nthree", [("lines", ("One", "two")), ("lines", ("three",))]),
        ("# A\n# B\nwords", [("heading", ("A",)), ("heading", ("B",)), ("lines", ("words",))]),
        ("Words\n- one\n- two\nmore", [("lines", ("Words",)), ("list", ("one", "two")), ("lines", ("more",))]),
        ("- one\n\n- two", [("list", ("one",)), ("list", ("two",))]),
        ("#no heading, -no item", [("lines", ("#no heading, -no item",))]),
        ("<b>x</b>\r\n# <script>", [("lines", ("<b>x</b>",)), ("heading", ("<script>",))]),
    ],
)
def test_plain_text_in_pieces(text, found):
    assert [(one.kind.value, one.lines) for one in blocks(text)] == found
    assert {one.kind for one in blocks(text)} <= set(BlockKind)

"""What the second of two who edit the same thing is shown: every case of one field, as a table in words."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest

from portal.domain.edits import Edit, clashes, merged

AT = datetime(2027, 1, 1, tzinfo=UTC)


def edits(*changes):
    return [
        Edit(version=number, at=AT, by_id=None, by_name="Anne", changes=change)
        for number, change in enumerate(changes, start=1)
    ]


# was (as read), what the others saved in order, what was typed → what the form shows, what is said of it
CASES = """
    a | b     | a | b | told
    a | b     | c | c | dispute
    a | b     | b | b | told
    a |       | c | c | -
    a | b a   | c | c | -
    a | b d   | c | c | dispute
    a | b d   | a | d | told
    a | b d   | b | b | dispute
"""


@pytest.mark.parametrize("case", CASES.strip().splitlines())
def test_one_field(case):
    was, saved, typed, shown, said = (part.strip() for part in case.split("|"))
    values = [was, *saved.split()]
    found = clashes(
        edits(*({"field": [old, new]} for old, new in itertools.pairwise(values))),
        {"field": typed, "other": 1},
    )
    assert merged(found, {"field": typed, "other": 1}) == {"field": shown, "other": 1}
    assert ["dispute" if one.is_dispute else "told" for one in found] == ([] if said == "-" else [said])
    assert all((one.read, one.stored, one.typed) == (was, values[-1], typed) for one in found)


def test_a_field_that_the_form_does_not_have_is_nobodys_business():
    assert clashes(edits({"gone": [1, 2]}), {"field": "a"}) == ()


def test_they_come_in_the_forms_own_order():
    found = clashes(edits({"last": [1, 2], "first": [1, 2]}), {"first": 1, "last": 1})
    assert [one.name for one in found] == ["first", "last"]

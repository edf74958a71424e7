"""The list of what ASVS asks at levels 1 and 2 is whole, and says of nothing that it is there when it is not."""

from __future__ import annotations

import pytest

from tests.asvs.table import CHAPTERS, PAGE, Requirement, chapters, flaws, is_a_test, levels, order, page

GOOD = Requirement(
    id="3.3.1",
    level=1,
    asks="cookies",
    state="met",
    where=["portal/web/headers.py"],
    tests=["tests/asvs/test_asvs.py::test_the_standard_has_so_many"],
)


def test_the_standard_has_so_many():
    held = list(levels().values())
    assert (held.count(1), held.count(2)) == (70, 183)  # what the standard says of itself


def test_each_chapter_answers_all_of_its_own_in_order():
    for number, answered in chapters().items():
        asked = [name for name in sorted(levels(), key=order) if order(name)[0] == number]
        assert [one.id for one in answered] == asked, CHAPTERS[number]


def test_every_chapter_is_answered():
    assert set(chapters()) == set(CHAPTERS)


def test_every_answer_has_its_reason_and_names_what_is_there():
    assert {one.id: list(flaws(one)) for found in chapters().values() for one in found if list(flaws(one))} == {}


def test_the_page_is_up_to_date():
    assert PAGE.read_text("utf-8") == page(chapters()), "out of date: make security"


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        ({}, None),
        ({"level": 2}, "no such requirement of this level"),
        ({"id": "3.3.5", "level": 3}, "no such requirement of this level"),
        ({"state": "nearly"}, "no state: nearly"),
        ({"tests": []}, "neither a test nor a reason"),
        ({"state": "partly"}, "no reason"),
        ({"where": []}, "says nowhere where"),
        ({"where": ["portal/web/no_such_file.py"]}, "not there: portal/web/no_such_file.py"),
        ({"tests": ["tests/asvs/test_asvs.py::test_nothing"]}, "no such test: tests/asvs/test_asvs.py::test_nothing"),
        ({"why": "one | two"}, "its words would break the table"),
    ],
)
def test_a_flawed_answer_is_found(change, flaw):
    found = list(flaws(Requirement(**(vars(GOOD) | change))))
    assert (flaw in found) if flaw else found == []


def test_what_is_no_test_does_not_count_as_one():
    assert not is_a_test("tests/asvs/table.py::flaws")
    assert not is_a_test("tests/asvs/no_such_file.py::test_a")
    assert not is_a_test("tests/asvs/test_asvs.py")

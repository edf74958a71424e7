"""The table of what the law asks is whole, and says which tests hold it."""

from __future__ import annotations

import re

from tests.law.table import PAGE, marks, page, requirements, stated

# How many there are of each kind, counted by hand: one that is lost on the way is missed.
NUMBERS = {"FR": 44, "EU": 10, "DE": 12, "CA": 5, "US": 3, "UK": 4, "NL": 1, "DP": 6, "GD": 12, "AC": 13, "SE": 6}


def test_every_requirement_stands_in_the_table_once():
    names = list(stated()["requirements"])
    assert all(re.fullmatch(r"R-[A-Z]{2}-\d+", name) for name in names)
    assert {kind: sum(name.startswith(f"R-{kind}-") for name in names) for kind in NUMBERS} == NUMBERS
    assert len(names) == sum(NUMBERS.values())


def test_a_mark_names_a_requirement_and_a_must_has_a_test_or_a_reason():
    said, marked = stated(), marks()
    assert set(marked) <= set(said["requirements"]), "a mark names what the table does not have"
    table = requirements(said, marked)
    assert {one.level for one in table} == {"MUST", "SHOULD", "NOTE"}
    assert [one.name for one in table if not one.held_by] == [], "neither a test nor a reason"
    assert [one.name for one in table if one.tests and one.no_test] == [], "both a test and a reason for none"


def test_the_page_is_up_to_date():
    assert PAGE.read_text("utf-8") == page(stated(), marks()), "out of date: make law"


def test_marks_are_found_in_sources_that_nobody_imports(tmp_path):
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "test_a.py").write_text(
        "import no_such_module\n@pytest.mark.law('R-FR-1', 'R-FR-2')\ndef test_a():\n    1 / 0\n"
        "def test_b():\n    pytest.mark.law\n"
    )
    assert marks(tests) == {"R-FR-1": ["tests/test_a.py::test_a"], "R-FR-2": ["tests/test_a.py::test_a"]}

"""What a spreadsheet makes of our files, whatever it takes for the separator (issue 10, C20)."""

from __future__ import annotations

import csv
import io
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.services.csv_files import as_it_was, line_of

CALCULATED = ("=", "+", "-", "@", "\t", "\r")
DANGEROUS = [
    "=1+1",
    "A,=cmd|' /C calc'!A0",
    "A;=1",
    'A"",=1',
    ' "=1',
    "A\t@x",
    "A\n=1",
    "A, +1",
    "＝1",
    "\t=1",
    'x;"-1',
]


def cells(line: str, separator: str, quote: str | None) -> list[str]:
    """The cells as a spreadsheet sees them that goes by this separator, and may know no quotes."""
    how = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    return [cell for row in csv.reader(line.splitlines(keepends=True), delimiter=separator, **how) for cell in row]


def is_harmless(line: str) -> bool:
    return not any(
        cell.strip(' "\r\n').startswith((*CALCULATED, "＝"))
        for separator in ",;\t"
        for quote in ('"', None)
        for cell in cells(line, separator, quote)
    )


@pytest.mark.parametrize("cell", DANGEROUS)
def test_no_cell_is_calculated_under_any_separator(cell):
    assert is_harmless(line_of(("1", cell, "end")))


@settings(derandomize=True, database=None, max_examples=400)
@given(st.lists(st.text(alphabet="a1 =+-@,;\t\"'|\n", max_size=8), min_size=1, max_size=3))
def test_no_text_is_calculated_under_any_separator(texts):
    assert is_harmless(line_of(texts))


def marked(text: str) -> str:
    """What becomes of a text, by the words of the rule and however long that takes."""
    signs: list[str] = []
    for at, sign in enumerate(text):
        blanks = "".join(itertools.takewhile(lambda one: one.isspace() or one == '"', text[at:]))
        behind = text[at + len(blanks) :]
        is_calculated = behind.startswith((*CALCULATED, *"＝＋－＠")) or not {"\t", "\r"}.isdisjoint(blanks)
        signs.append("'" if is_calculated and (at == 0 or text[at - 1] in ";,|\t\r\n") else "")
        signs.append(sign)
    return "".join(signs)


@settings(derandomize=True, database=None, max_examples=1000)
@given(st.text(alphabet="a =-@＋,;|\t\"'\r\n\u00a0", max_size=14))
def test_an_apostrophe_stands_at_each_beginning_of_what_is_calculated_and_nowhere_else(text):
    assert line_of([text]) == '"' + marked(text).replace('"', '""') + '"\r\n'


@pytest.mark.parametrize("between", ["\n", "\n ", '"\n'])
@pytest.mark.parametrize("end", ["a", "="])
def test_very_many_blank_lines_are_looked_through_once(between, end):
    """Were each of them to look through the rest, this would take hours."""
    told = line_of(["a" + between * 100_000 + end])
    assert told.count("'") == (100_000 if end == "=" else 0)


def test_what_is_harmless_is_as_it_was_and_in_quotes():
    assert line_of((7, "Dupont, Zoé", 'dit « "Zo" »', "2026-11-28T04:05:00+01:00", "a-b = c")) == (
        '"7";"Dupont, Zoé";"dit « ""Zo"" »";"2026-11-28T04:05:00+01:00";"a-b = c"\r\n'
    )


@given(st.text().filter(lambda text: "'" not in text) | st.text(alphabet='a =-＋;|\t"\r\n', max_size=14))
def test_what_is_brought_again_is_as_it_was(text):
    (cell,) = next(csv.reader(io.StringIO(line_of([text]), newline=""), delimiter=";"))
    assert as_it_was(cell) == text


def test_an_apostrophe_of_somebodys_own_stays_where_no_formula_is():
    for text in ("'a", "l'été = chaud", "d'un;'autre", "'\n'\n'a"):
        assert as_it_was(text) == text
    assert len(as_it_was("'\n" * 100_000 + "a")) == 200_001, "each line looks through its own alone"

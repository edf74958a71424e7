"""What is typed into any field, as it is kept."""

from __future__ import annotations

import pytest

from portal.web.typed_text import one_line, plain, shown, shown_line


@pytest.mark.parametrize("keep", [plain, one_line, shown, shown_line])
@pytest.mark.parametrize("text", [None, "", " \u00a0 ", "\u200b", "\u202e", "\r\n\u2060\r\n", "\u3164", "\x00"])
def test_what_nobody_sees_was_not_typed(keep, text):
    """Else a name of it would be a link without words in every list."""
    assert keep(text) == ""


def test_what_is_seen_stays_as_it_was_typed():
    assert plain(" a\r\n\x00\tb\u200e ") == "a\n\tb\u200e"
    assert one_line(" 👩\u200d🚀 \n أحمد ") == "👩\u200d🚀 أحمد"


@pytest.mark.parametrize("mark", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
def test_nothing_that_is_typed_turns_the_letters_behind_it(mark):
    assert plain(f"Adieu {mark}<b>") == "Adieu <b>"
    assert one_line(f"A{mark}nne") == "Anne"


def test_what_customers_read_has_each_letter_in_one_form():
    assert shown("un\u202e deux\u2066\x07\r\ntrois") == "un deux\ntrois"
    assert shown_line("un\u202d\r\ndeux") == "un deux"
    assert shown("e\u0301") == "\u00e9"

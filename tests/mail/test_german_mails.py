"""The mails that may be German are German from the first word to the last, and no other mail is among them."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.mail.reading import every_message_read

SOURCES = Path(__file__).resolve().parents[2] / "portal/translations/de/sources.cfg"
FOLDERS = re.findall(r"templates/mail/([\w*]+)/\*\.jinja", SOURCES.read_text())
AROUND_AN_END = {  # what is told of an end, from the declaration to the day on which access is over
    *("declaration_received", "declaration_link", "request_received", "request_dismissed"),
    *("end_recorded", "end_overdue", "end_moved", "end_withdrawn", "end_plan_withdrawn", "end_dated"),
    *("end_confirmed", "end_already_over", "access_ends_soon", "access_ended", "withdrawal_accepted"),
}


def is_german(kind: str) -> bool:
    return any(fnmatch(kind, folder) for folder in FOLDERS)


def test_these_mails_are_german_and_no_other():
    assert {read.mail.kind for read in every_message_read("en") if is_german(read.mail.kind)} == AROUND_AN_END


@pytest.mark.law("R-DE-7", "R-AC-1")
def test_no_sentence_of_them_stayed_english():
    stayed = []
    for german, english in zip(every_message_read("de"), every_message_read("en"), strict=True):
        assert german.soup.html["lang"] == "de"
        if is_german(german.mail.kind):
            lines = [set(one.mail.text.splitlines()) | {one.mail.subject} for one in (german, english)]
            # A name, an address and a number are the same in every language; a sentence is not.
            stayed += [
                (german.mail.kind, line) for line in lines[0] & lines[1] if re.search(r"[a-z]+ [a-z]+ [a-z]+", line)
            ]
    assert stayed == []

"""Years by the merchant's clock, how much is known, and PayPal's numbers as people copy them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from portal.domain.money import receipts
from portal.domain.money.receipts import Record


@pytest.mark.parametrize(
    ("zone", "first", "after"),
    [
        ("Europe/Paris", datetime(2025, 12, 31, 23, tzinfo=UTC), datetime(2026, 12, 31, 23, tzinfo=UTC)),
        ("Asia/Tokyo", datetime(2025, 12, 31, 15, tzinfo=UTC), datetime(2026, 12, 31, 15, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 1, 1, 5, tzinfo=UTC), datetime(2027, 1, 1, 5, tzinfo=UTC)),
    ],
)
def test_a_year_begins_at_the_merchants_midnight(zone, first, after):
    assert receipts.span(2026, zone) == (first, after)


@pytest.mark.parametrize("year", [0, 1, 1900, 2101, 9999])
def test_what_is_no_year_of_paypals_has_no_span(year):
    assert receipts.span(year, "Pacific/Kiritimati") is None


@pytest.mark.parametrize(
    ("being_read", "unreadable", "has_classic", "said"),
    [
        (False, False, False, "whole"),
        (True, False, False, "being_read"),
        (False, True, False, "unreadable"),
        (False, False, True, "since_import"),
        (True, True, False, "unreadable"),
        (True, False, True, "being_read"),
        (False, True, True, "unreadable"),
        (True, True, True, "unreadable"),
    ],
)
def test_what_is_missing_is_said_in_one_word(being_read, unreadable, has_classic, said):
    found = receipts.record(being_read=being_read, unreadable=unreadable, has_classic=has_classic)
    assert found is Record(said)


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("5ty05013rg002845m", "5TY05013RG002845M"),
        (" 5TY05013 RG002845M\u00a0\n", "5TY05013RG002845M"),
        ("i-bw452gllep1g", "I-BW452GLLEP1G"),
        ("I- BW452 GLLEP1G", "I-BW452GLLEP1G"),
    ],
)
def test_small_letters_and_spaces_do_not_matter(typed, number):
    assert receipts.number(typed) == number
    assert receipts.is_number(number)


@pytest.mark.parametrize(
    "text", ["", "I-", "PAYPAL *ATELIER", "5TY-05013", "É" * 8, "A" * 41, "A" * 500, "\0", "%", "I_1"]
)
def test_what_cannot_be_one_of_paypals_numbers(text):
    assert not receipts.is_number(text)

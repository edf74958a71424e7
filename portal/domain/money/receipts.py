"""What customers are given of their payments: how much is known, years and their totals, PayPal's numbers as typed.

A receipt is never an invoice (law.md R-FR-63): the portal knows what PayPal took, and nothing of VAT.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from portal.domain.money.payments import NOTHING

LONGEST_TEXT: Final = 500  # of what a merchant adds to each receipt
LONGEST_NUMBER: Final = 40  # PayPal's have 14 to 19 characters
NUMBER: Final = re.compile(r"(?:I-)?[A-Z0-9]+")
YEARS: Final = range(1998, 2101)  # PayPal's first; and none so late that a day could lie beyond the calendar


class Record(StrEnum):
    """How much of what PayPal took of a customer is known here."""

    WHOLE = "whole"
    BEING_READ = "being_read"  # PayPal's list since the start, once for each subscription
    UNREADABLE = "unreadable"  # of some it is to be read, and the key that could is missing or broken
    SINCE_IMPORT = "since_import"  # PayPal has no list of some: the old, classic ones


@dataclass(frozen=True, kw_only=True)
class Total:
    """What was taken in one year in one currency, and what of it went back, whenever that was."""

    year: int
    currency: str
    taken: Decimal
    back: Decimal = NOTHING
    is_back_known: bool = True  # PayPal does not always say how much a refund was
    count: int


def record(*, being_read: bool, unreadable: bool, has_classic: bool) -> Record:
    """Return how much is known of all that a customer holds: what is said is what lasts longest."""
    if unreadable:
        return Record.UNREADABLE
    if being_read:
        return Record.BEING_READ
    return Record.SINCE_IMPORT if has_classic else Record.WHOLE


def span(year: int, time_zone: str) -> tuple[datetime, datetime] | None:
    """Return the first moment of a year and of the next one, by the merchant's clock; None for what is no such year."""
    if year not in YEARS:
        return None
    first, after = (datetime(one, 1, 1, tzinfo=ZoneInfo(time_zone)) for one in (year, year + 1))
    return first.astimezone(UTC), after.astimezone(UTC)


def number(typed: str) -> str:
    """Return PayPal's number as PayPal writes it: capital letters, no spaces."""
    return "".join(typed.split()).upper()


def is_number(text: str) -> bool:
    """Say whether it may be a number of PayPal's at all."""
    return len(text) <= LONGEST_NUMBER and NUMBER.fullmatch(text) is not None

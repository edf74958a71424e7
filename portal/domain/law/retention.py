"""How long what is kept: one table of each kind, with its bounds and where they come from (law.md R-GD-3, R-GD-4).

A kind whose bounds are one figure is no merchant's to change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from portal.domain.dates.periods import add_months


class Kind(StrEnum):
    """What is kept."""

    CUSTOMERS = "customers"  # who has no subscription any more: their record, since the last contact
    PROOFS = "proofs"  # of an end: what was asked and answered, proof and notices, since the contract was over
    PAYMENTS = "payments"  # since each was taken
    MAILS = "mails"  # what a message said, since it left; that it left stays with the record
    MESSAGES = "messages"  # of PayPal: their text, since it came
    EVENTS = "events"  # that other systems were told, with the log of it, since they were written
    LOG_INS = "log_ins"  # sessions, codes and mailed links, since they expired
    EXPORTS = "exports"  # the archive that a customer asked for, since it was ready
    FILES = "files"  # that the team brought, since last used; the archive of everything, since it was ready


class Unit(StrEnum):
    """In what a span is counted."""

    DAYS = "days"
    MONTHS = "months"
    YEARS = "years"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Bounds and usual value of one kind, counted in `unit`; where they come from: web/retention_words.SOURCE."""

    unit: Unit
    least: int
    most: int
    usual: int

    @property
    def is_fixed(self) -> bool:
        """Whether there is nothing to choose."""
        return self.least == self.most


TABLE: Final[Mapping[Kind, Rule]] = {
    Kind.CUSTOMERS: Rule(unit=Unit.YEARS, least=1, most=3, usual=3),
    Kind.PROOFS: Rule(unit=Unit.YEARS, least=5, most=10, usual=5),
    Kind.PAYMENTS: Rule(unit=Unit.YEARS, least=10, most=10, usual=10),
    Kind.MAILS: Rule(unit=Unit.MONTHS, least=1, most=36, usual=12),
    Kind.MESSAGES: Rule(unit=Unit.DAYS, least=30, most=30, usual=30),
    Kind.EVENTS: Rule(unit=Unit.DAYS, least=30, most=30, usual=30),
    Kind.LOG_INS: Rule(unit=Unit.DAYS, least=30, most=30, usual=30),
    Kind.EXPORTS: Rule(unit=Unit.DAYS, least=7, most=7, usual=7),
    Kind.FILES: Rule(unit=Unit.DAYS, least=7, most=7, usual=7),
}
CHOSEN: Final = tuple(kind for kind, rule in TABLE.items() if not rule.is_fixed)
COUNTED: Final = tuple(kind for kind in Kind if kind is not Kind.LOG_INS)  # those go every ten minutes, uncounted


def span(kind: Kind, chosen: Mapping[str, int]) -> int:
    """Return how long a merchant keeps a kind, in its unit; a choice outside the bounds counts as the nearest one."""
    rule = TABLE[kind]
    return min(max(chosen.get(kind.value, rule.usual), rule.least), rule.most)


def chosen_with(chosen: Mapping[str, int], kind: Kind, value: int) -> dict[str, int]:
    """Return what a merchant chose with one answer more; the usual value is no choice."""
    others = {name: number for name, number in chosen.items() if name != kind.value}
    return others if value == TABLE[kind].usual else {**others, kind.value: value}


def before(kind: Kind, chosen: Mapping[str, int], *, now: datetime) -> datetime:
    """Return the moment of the kind before which it is to be gone by now."""
    return _moved(now, TABLE[kind].unit, -span(kind, chosen))


def until(kind: Kind, chosen: Mapping[str, int], since: datetime) -> datetime:
    """Return until when something of the kind is kept that counts from `since`."""
    return _moved(since, TABLE[kind].unit, span(kind, chosen))


def _moved(at: datetime, unit: Unit, number: int) -> datetime:
    if unit is Unit.DAYS:
        return at + timedelta(days=number)
    return add_months(at, number * (12 if unit is Unit.YEARS else 1))


class Stock(StrEnum):
    """What the installation keeps for itself, of all merchants together: nobody chooses how long."""

    JOBS = "jobs"  # since they ended, well or not
    COMPARISONS = "comparisons"  # runs with what they found, unless somebody has still to read of it
    COUNTERS = "counters"  # of tries, by window of time
    REPLIES = "replies"  # that a call with an Idempotency-Key got
    USES = "uses"  # calls of a key, by the minute
    DEVICES = "devices"  # browsers of staff, since they were last seen
    DRAFTS = "drafts"  # acts on many subscriptions that nobody confirmed
    REPORTS = "reports"  # of the nights of this table
    FIGURES = "figures"  # of each day, of a merchant's subscriptions


OPERATOR: Final[Mapping[Stock, timedelta]] = {
    Stock.JOBS: timedelta(days=7),
    Stock.COMPARISONS: timedelta(days=400),  # a night of last year can be looked at
    Stock.COUNTERS: timedelta(days=1),
    Stock.REPLIES: timedelta(days=1),
    Stock.USES: timedelta(hours=1),
    Stock.DEVICES: timedelta(days=400),  # as long as a browser keeps a cookie at most (RFC 6265bis)
    Stock.DRAFTS: timedelta(days=1),
    Stock.REPORTS: timedelta(days=366),
    Stock.FIGURES: timedelta(days=400),  # twelve months, and the month that they are compared with
}

WARN_BEFORE: Final = timedelta(days=30)  # that a customer's account is to go (law.md R-GD-3, inactive accounts)

FIXED_DAYS: Final[Mapping[Kind, timedelta]] = {
    kind: timedelta(days=rule.usual) for kind, rule in TABLE.items() if rule.is_fixed and rule.unit is Unit.DAYS
}

"""What an audit of accessibility comes to: the rate, and which of three states must be said (RGAA 4.1.2, R-AC-11)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Final

# How many criteria each of the thirteen themes has, in their order: 106 in all.
CRITERIA: Final = (9, 2, 3, 13, 8, 2, 5, 10, 4, 14, 13, 11, 12)
GOOD_FOR_YEARS: Final = 3


class Verdict(StrEnum):
    """What was found of a criterion on the whole sample: one page that fails it, and it is not met."""

    MET = "C"
    FAILED = "NC"
    ABSENT = "NA"  # nothing on the sample that it speaks of


class Conformity(StrEnum):
    """The three words of the law."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """One criterion, what was found, what was looked at and how; `failing`: what fails, in words for readers."""

    number: str
    title: str
    verdict: Verdict
    look: str
    failing: str = ""
    failing_en: str = ""
    planned: str = ""
    planned_en: str = ""


@dataclass(frozen=True, kw_only=True)
class Audit:
    """One audit: its day, the release that it looked at, and every criterion."""

    on: date
    release: str
    criteria: tuple[Criterion, ...]

    @property
    def failed(self) -> tuple[Criterion, ...]:
        """What is not met."""
        return tuple(one for one in self.criteria if one.verdict is Verdict.FAILED)

    def count(self, verdict: Verdict) -> int:
        """Return how many criteria are of that verdict."""
        return sum(one.verdict == verdict for one in self.criteria)


def numbers() -> list[str]:
    """Return the number of each criterion, in order."""
    return [f"{theme}.{one}" for theme, many in enumerate(CRITERIA, 1) for one in range(1, many + 1)]


def rate(verdicts: Iterable[Verdict]) -> Fraction:
    """Return the share of the criteria that apply which are met; 0 where none applies: nothing was shown."""
    applying = [one for one in verdicts if one is not Verdict.ABSENT]
    met = sum(one is Verdict.MET for one in applying)
    return Fraction(met, len(applying)) if applying else Fraction(0)


def is_over(audit: Audit, today: date) -> bool:
    """Say whether the audit is three years old: then it is relied on no more."""
    return (audit.on.year + GOOD_FOR_YEARS, audit.on.month, audit.on.day) <= (today.year, today.month, today.day)


def conformity(audit: Audit, today: date) -> Conformity:
    """Return what must be said: without an audit that holds nothing is claimed."""
    share = rate(one.verdict for one in audit.criteria)
    if is_over(audit, today) or share < Fraction(1, 2):
        return Conformity.NONE
    return Conformity.FULL if share == 1 else Conformity.PARTIAL

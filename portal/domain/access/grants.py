"""Access given by hand: from a moment until another (None: for good), once at a time for each product."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from portal.domain.errors import DomainError


class Given(Protocol):
    """From when until when."""

    @property
    def since(self) -> datetime: ...
    @property
    def until(self) -> datetime | None: ...


class GrantProblem(StrEnum):
    """Why it cannot be given so."""

    ENDS_BEFORE_START = "ends_before_start"
    OVER_ALREADY = "over_already"  # by the time it is given
    OVERLAPS = "overlaps"  # the customer has the product by hand in that time


class CannotGive(DomainError):
    """It cannot be given so, for the reason given."""

    def __init__(self, why: GrantProblem) -> None:
        super().__init__(why.value)
        self.why = why


def check(since: datetime, until: datetime | None, others: Iterable[Given], *, now: datetime) -> None:
    """Raise CannotGive unless the product may be given for that time beside `others`, which are of the same product."""
    if until is not None and until <= since:
        raise CannotGive(GrantProblem.ENDS_BEFORE_START)
    if until is not None and until <= now:
        raise CannotGive(GrantProblem.OVER_ALREADY)
    if any(_meets(since, until, other) for other in others):
        raise CannotGive(GrantProblem.OVERLAPS)


def is_over(given: Given, now: datetime) -> bool:
    """Say whether nothing of it is open, or will be: withdrawn before it began, it ends where it starts."""
    return given.until is not None and (given.until <= now or given.until <= given.since)


def _meets(since: datetime, until: datetime | None, other: Given) -> bool:
    if other.until is not None and other.until <= other.since:
        return False
    return (other.until is None or since < other.until) and (until is None or other.since < until)

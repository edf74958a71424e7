"""How far a plan with a number of payments has come: « 8 of 12 », where every payment is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.domain.dates.billing import HOURS, Terms, term_end


@dataclass(frozen=True)
class Instalments:
    """How many payments of a finite plan stand, of how many."""

    taken: int
    of: int


def instalments(terms: Terms, cycles: int, taken: int, *, first_at: datetime | None) -> Instalments | None:
    """Return how far a plan of `cycles` regular payments has come; None where nobody can tell.

    It can be told where the payments are known from the first regular period on: one that came before belongs to a
    trial, and a first one that came later leaves open what was taken before the portal knew the subscription.
    """
    begins, ends = term_end(terms, 0), term_end(terms, 1)
    if first_at is None or begins is None or ends is None or not 0 < taken <= cycles:
        return None
    return Instalments(taken, cycles) if begins - HOURS <= first_at < ends else None

"""Sections of the customers' space that a merchant may leave out: one line each.

Never among them: subscriptions with their access and dates, cancelling and notices, requests and proofs, and the
customer's own log-ins.  The law, or the promise, wants these shown (law.md; product.md).
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum


class Section(StrEnum):
    """A section, by the word under which it is stored when it is left out; all are shown until somebody decides."""

    PAYMENTS = "payments"  # taken and given back: all of them with their receipts, and on each subscription's page
    HISTORY = "history"  # what happened, on each subscription's page
    PAUSES = "pauses"  # asking for one; one that runs can always be ended
    COMEBACKS = "comebacks"  # subscribing again; an attempt under way stays
    ACCESS = "access"  # one page of all that may be opened; each subscription says its own either way


def is_shown(section: Section, hidden: Collection[str]) -> bool:
    """Say whether customers see it; a stored word that is none of these (a later release's) hides nothing."""
    return section.value not in hidden


def hidden_with(hidden: Collection[str], section: Section, *, shown: bool) -> list[str]:
    """Return what is left out when one section is shown or not, in one order; words of a later release stay."""
    return sorted({*hidden} - {section.value} | (set() if shown else {section.value}))

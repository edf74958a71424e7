"""The reminder before a fixed term renews itself: dedicated, in a box the last day to refuse (law.md R-FR-22)."""

from __future__ import annotations

from typing import Final

from portal.mail.composing import Composed, compose
from portal.mail.facts import RenewalFacts
from portal.mail.letterhead import Letterhead

REMINDER: Final = "renewal_reminder"
VERSION: Final = "FR-2026-11"  # of its words: kept with every one that is sent; another one where they change


def renewal_reminder(head: Letterhead, renewal: RenewalFacts) -> Composed:
    """Compose the reminder: when it renews, until when that can be refused, and how. Nothing else belongs into it."""
    return compose(REMINDER, head, renewal=renewal)

"""What customers say of themselves in their space: it stands above what staff correct and what PayPal names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any, Final

LONGEST_NAME: Final = 300  # PayPal's two names may have 140 each


class Answer(StrEnum):
    """An answer of the profile, by the name of its column."""

    NAME = "name"
    LOCALE = "locale"
    TIME_ZONE = "time_zone"
    CONTACT = "contact_allowed"
    REMINDERS = "reminders_allowed"


# Reminders alone: the mails that a contract or the law demands say the same on the day it is decided, and always leave.
REMINDERS: Final = frozenset({"access_ends_soon", "access_ended"})


def left_alone(wanted: Mapping[str, Any], own: Collection[str]) -> dict[str, Any]:
    """Return what somebody else may write: not what the customer has set by themselves."""
    return {name: value for name, value in wanted.items() if name not in own}


def with_own(own: Collection[str], changed: Collection[str]) -> list[str]:
    """Return the names of what the customer has set, with those of now: in one order, whatever came first."""
    return sorted({*own, *changed})

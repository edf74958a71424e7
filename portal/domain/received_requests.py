"""Requests to end that came by other ways than the customer's button: nobody who asked is forgotten.

Such a request ends nothing by itself.  It waits until somebody says which subscription it is about, or why it
is about none; the end itself is an ordinary request to end (`domain.end_requests`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from portal.domain.errors import DomainError


class Way(StrEnum):
    """How it reached the merchant."""

    LETTER = "letter"
    EMAIL = "email"
    TELEPHONE = "telephone"
    ACCOUNT_PAGE = "account_page"  # the customer's own form, where self-cancellation is off
    OTHER = "other"


STAFF_WAYS: Final = (Way.LETTER, Way.EMAIL, Way.TELEPHONE, Way.OTHER)  # what staff may record


class ReceivedState(StrEnum):
    """Where it stands."""

    OPEN = "open"
    MATCHED = "matched"  # a request to end stands for it
    DISMISSED = "dismissed"  # with a reason


class AlreadySettled(DomainError):
    """Somebody has matched or dismissed it meanwhile."""

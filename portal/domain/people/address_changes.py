"""An address that staff ask for, and that only its own mailbox makes true: how long it may, and what becomes of it."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Final

LIFETIME: Final = timedelta(hours=72)  # a weekend lies between asking and reading
PAUSE: Final = timedelta(minutes=5)  # between two mails: the first one is on its way


class AddressOutcome(StrEnum):
    """What became of it."""

    CONFIRMED = "confirmed"  # by whoever reads the mailbox
    WITHDRAWN = "withdrawn"  # by staff
    REPLACED = "replaced"  # a later address took its place, however that one came

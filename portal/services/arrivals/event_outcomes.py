"""What became of one message from PayPal, as its handler says it."""

from __future__ import annotations

from dataclasses import dataclass

from portal.models import EventState, PayPalEvent


@dataclass(frozen=True)
class Handled:
    """The state an event ends in, and one word why (never a body, never an address)."""

    state: EventState
    note: str = ""


class NotYet(Exception):
    """What the event speaks of cannot be seen at PayPal yet: the event waits and is tried again."""


Outcome = tuple[PayPalEvent, Handled | Exception]  # an exception puts the message off, or is the database's

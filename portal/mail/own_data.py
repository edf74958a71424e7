"""What a customer is told of their own data: that it can be downloaded, that it is to be erased, that it is gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from portal.mail.composing import Composed, compose
from portal.mail.letterhead import Clean, Letterhead

# Of who is erased: their address stays with it until it has left, and not longer.
FAREWELL: Final = "erasure_done"


@dataclass(frozen=True, kw_only=True)
class ErasureFacts(Clean):
    """An erasure as it is told. `kept_until`: until when the last of what the law has kept goes; None: nothing is."""

    customer_name: str
    reference: str
    asked_at: datetime
    due_at: datetime
    path: str
    kept_until: datetime | None = None
    is_strangers: bool = False  # asked for after the address was taken over, which staff have put right since


def data_ready(head: Letterhead, *, name: str, path: str, until: datetime) -> Composed:
    """Compose the news that the archive waits in the customer's space."""
    return compose("data_ready", head, name=name, path=path, until=until)


def data_failed(head: Letterhead, *, name: str, path: str) -> Composed:
    """Compose the news that the archive could not be made, and how it is asked for again."""
    return compose("data_failed", head, name=name, path=path)


def erasure_recorded(head: Letterhead, erasure: ErasureFacts) -> Composed:
    """Compose the acknowledgement of the wish."""
    return compose("erasure_recorded", head, erasure=erasure)


def erasure_soon(head: Letterhead, *, name: str, on: datetime, path: str) -> Composed:
    """Compose the warning that the account of who has not been here for years is to go, and how it is kept."""
    return compose("erasure_soon", head, name=name, on=on, path=path)


def erasure_withdrawn(head: Letterhead, erasure: ErasureFacts) -> Composed:
    """Compose the news that it was taken back."""
    return compose("erasure_withdrawn", head, erasure=erasure)


def erasure_done(head: Letterhead, erasure: ErasureFacts) -> Composed:
    """Compose the last message: it is done, and what is kept."""
    return compose(FAREWELL, head, erasure=erasure)

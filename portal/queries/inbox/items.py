"""What the inbox is made of: items of a kind, each about a row that says what is to be done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from portal.models import EndRequest, Provider, Subscription, TimelineEntry

LIMIT: Final = 200  # of each kind


class Kind(StrEnum):
    """What sort of thing needs the merchant."""

    REQUEST = "request"
    KEY = "key"
    RECEIVED = "received"
    DATE = "date"
    DIFFERENCE = "difference"
    END_SEEN = "end_seen"
    EVENT = "event"
    MAIL = "mail"
    LATE_PAYMENT = "late_payment"
    PAUSE = "pause"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing. `about` is its row; `at_risk_at` the next payment that may be taken, None when none is known."""

    kind: Kind
    about: Any
    since: datetime
    at_risk_at: datetime | None = None
    is_money_taken: bool = False  # a payment was taken already: before everything else
    subscription: Subscription | None = None
    requests: tuple[EndRequest, ...] = ()  # of a key: those that wait for it alone
    waiting: int = 0  # how many of them there are
    provider: Provider | None = None  # of a key, which may be missing altogether
    over_since: datetime | None = None  # of a letter: what it is about has stopped meanwhile
    history: tuple[TimelineEntry, ...] = ()

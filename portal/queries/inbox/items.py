"""What the inbox is made of: items of a kind, each about a row that says what is to be done."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Uuid, case, func, literal, tuple_

from portal.extensions import UtcDateTime
from portal.models import EndRequest, Provider, Subscription, TimelineEntry

PAGE: Final = 50
MOMENT: Final = UtcDateTime()
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)  # in the place of a payment that is not known

Key = tuple[int, datetime, datetime, uuid.UUID]  # what items are sorted by: money taken, payment known or not; when


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


@dataclass(frozen=True)
class Place:
    """Where in the list: after an item, before an item, or (neither) at the beginning. Each kind is read from there."""

    after: Key | None = None
    before: Key | None = None

    @property
    def is_backwards(self) -> bool:
        """Whether it is read towards the beginning."""
        return self.before is not None and self.after is None

    def takes(self, key: Key) -> bool:
        """Say whether an item lies beyond the place."""
        return (self.after is None or key > self.after) and (not self.is_backwards or key < (self.before or key))

    def narrow(self, statement: Any, *, id: Any, since: Any, at: Any = None, taken: bool = False) -> Any:
        """Narrow a statement to one page beyond the place, and one row more."""
        rank = literal(0 if taken else 2) if at is None else case((at.is_(None), 2), else_=1)
        keys = (rank, literal(EPOCH, MOMENT) if at is None else func.coalesce(at, literal(EPOCH, MOMENT)), since, id)
        here = self.after or self.before
        if here is not None:
            number, *moments, row_id = here
            there = tuple_(literal(number), *(literal(one, MOMENT) for one in moments), literal(row_id, Uuid()))
            statement = statement.where(tuple_(*keys) < there if self.is_backwards else tuple_(*keys) > there)
        varying = keys if at is not None else (since, id)
        order = [key.desc() if self.is_backwards else key.asc() for key in varying]
        return statement.order_by(*order).limit(PAGE + 1)


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing. `about` is its row; `at_risk_at` the next payment that may be taken, None when none is known."""

    kind: Kind
    id: uuid.UUID
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

    @property
    def key(self) -> Key:
        """What it is sorted by."""
        rank = 0 if self.is_money_taken else 1 if self.at_risk_at is not None else 2
        return rank, self.at_risk_at or EPOCH, self.since, self.id

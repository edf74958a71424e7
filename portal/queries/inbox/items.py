"""What the inbox is made of: items of a kind, each about a row that says what is to be done."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import Any, Final, TypeVar

from sqlalchemy import BindParameter, Integer, Select, Uuid, bindparam, case, func, literal, tuple_

from portal.extensions import UtcDateTime
from portal.models import AccountMember, EndRequest, Provider, Subscription, TimelineEntry

PAGE: Final = 50
MOMENT: Final = UtcDateTime()
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)  # in the place of a payment that is not known
MERCHANT: Final[BindParameter[uuid.UUID]] = bindparam("merchant_id")
THERE: Final = tuple_(
    bindparam("rank", type_=Integer()),
    bindparam("at", type_=MOMENT),
    bindparam("since", type_=MOMENT),
    bindparam("id", type_=Uuid()),
)

S = TypeVar("S", bound=Select[*tuple[Any, ...]])
Key = tuple[int, datetime, datetime, uuid.UUID]  # of an item: a key, money taken, payment known or not; when


class Kind(StrEnum):
    """What sort of thing needs the merchant."""

    REQUEST = "request"
    KEY = "key"
    RECEIVED = "received"
    LOST = "lost"  # all who could not log in and left word, as one: strangers may be many
    DATE = "date"
    DIFFERENCE = "difference"
    END_SEEN = "end_seen"
    EVENT = "event"
    MAIL = "mail"
    MAIL_RETURNED = "mail_returned"
    LATE_PAYMENT = "late_payment"
    PAUSE = "pause"
    REFUND = "refund"
    ADDRESS = "address"
    SETTLEMENT = "settlement"
    ERASURE = "erasure"
    RENEWAL = "renewal"
    RENEWAL_REFUND = "renewal_refund"
    WITHDRAWAL = "withdrawal"


class Way(Enum):
    """How a list is read: from its beginning, onwards from an item, or backwards from one."""

    BEGINNING = "beginning"
    ONWARDS = "onwards"
    BACKWARDS = "backwards"

    def narrow(self, statement: S, *, id: Any, since: Any, at: Any = None, taken: bool = False) -> S:
        """Narrow a statement to one page beyond a place (`Place.values`), and one row more."""
        rank = literal(0 if taken else 2) if at is None else case((at.is_(None), 2), else_=1)
        keys = (rank, literal(EPOCH, MOMENT) if at is None else func.coalesce(at, literal(EPOCH, MOMENT)), since, id)
        is_backwards = self is Way.BACKWARDS
        if self is not Way.BEGINNING:
            statement = statement.where(tuple_(*keys) < THERE if is_backwards else tuple_(*keys) > THERE)
        varying = keys if at is not None else (since, id)
        order = [key.desc() if is_backwards else key.asc() for key in varying]
        return statement.order_by(*order).limit(PAGE + 1)


@dataclass(frozen=True)
class Place:
    """Where in the list: after an item, before an item, or (neither) at the beginning. Each kind is read from there."""

    after: Key | None = None
    before: Key | None = None

    @property
    def is_backwards(self) -> bool:
        """Whether it is read towards the beginning."""
        return self.before is not None and self.after is None

    @property
    def way(self) -> Way:
        """How the list is read from here."""
        if self.after is None and self.before is None:
            return Way.BEGINNING
        return Way.BACKWARDS if self.is_backwards else Way.ONWARDS

    @property
    def values(self) -> dict[str, Any]:
        """What a statement that was narrowed is given; nothing at the beginning."""
        here = self.after or self.before
        return dict(zip(("rank", "at", "since", "id"), here, strict=True)) if here is not None else {}

    def takes(self, key: Key) -> bool:
        """Say whether an item lies beyond the place."""
        return (self.after is None or key > self.after) and (not self.is_backwards or key < (self.before or key))


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing. `about` is its row; `at_risk_at` the next payment that may be taken, None when none is known."""

    kind: Kind
    id: uuid.UUID
    about: Any
    since: datetime
    at_risk_at: datetime | None = None
    is_money_taken: bool = False  # a payment was taken already: before everything else
    names: tuple[Any, ...] = ()  # the rows that name subscriptions its card speaks of
    subscription_id: uuid.UUID | None = None  # of the one that it is about
    subscription: Subscription | None = None  # given with the page
    requests: tuple[EndRequest, ...] = ()  # of a key: those that wait for it alone
    waiting: int = 0  # how many of them there are
    provider: Provider | None = None  # of a key, which may be missing altogether
    over_since: datetime | None = None  # of a letter: what it is about has stopped meanwhile
    copied_to: AccountMember | None = None  # of a message: whom of an account's people it was a copy for
    history: tuple[TimelineEntry, ...] = ()  # given with the page

    @property
    def key(self) -> Key:
        """What it is sorted by: a key that does not work first, since everything waits for it."""
        rank = -1 if self.kind is Kind.KEY else 0 if self.is_money_taken else 1 if self.at_risk_at is not None else 2
        return rank, self.at_risk_at or EPOCH, self.since, self.id


def about_its_subscription(kind: Kind, row: Any, *, since: datetime, **more: Any) -> Item:
    """Return the item of a row that names the subscription which it is about."""
    whole = {"about": row, **more}
    return Item(kind=kind, id=row.id, since=since, names=(row,), subscription_id=row.subscription_id, **whole)

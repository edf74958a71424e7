"""What the people saw and were told, and what was done to the processes, each with its time."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from portal.clock import utc_now
from tests.chaos.world import Seat


@dataclass(frozen=True)
class Visit:
    """A page that somebody read, when it was there, and whether it claimed an end."""

    at: datetime
    provider_id: str
    path: str
    says_over: bool


@dataclass(frozen=True)
class Promise:
    """A POST that was answered by 303: the portal has taken the wish. Staff's answers name no reference."""

    at: datetime
    seat: Seat
    reference: str  # empty for staff
    by_staff: bool


@dataclass(frozen=True)
class RefundAsked:
    """A refund that the desk's page told as recorded."""

    provider_id: str
    amount: Decimal
    with_end: bool


@dataclass
class Closed:
    """A while in which a merchant was suspended or leaving: for sure between `since` and `until`."""

    slug: str
    state: str  # suspended, leaving
    began: datetime  # when that was asked for
    since: datetime
    until: datetime | None = None  # None: to the end
    ended: datetime | None = None  # when it was open again for sure

    def holds(self, at: datetime) -> bool:
        """Say whether it was so at that moment, for sure."""
        return self.since <= at and (self.until is None or at <= self.until)

    def may_touch(self, begin: datetime, end: datetime) -> bool:
        """Say whether it may have been so within that time."""
        return self.began <= end and (self.ended is None or begin <= self.ended)


@dataclass(frozen=True)
class Begun:
    """Something new that staff tried to begin, and whether the portal took it."""

    slug: str
    sent: datetime
    answered: datetime
    is_taken: bool


@dataclass(frozen=True)
class CameBack:
    """A mail to a customer that was reported as undeliverable, and whether their end was open then."""

    mail_id: str
    provider_id: str
    was_open: bool


@dataclass(frozen=True)
class PaymentPage:
    """The page of a settlement that somebody read, and what it claimed: "" where it claimed nothing."""

    at: datetime
    provider_id: str
    settlement_id: str
    says: str


@dataclass
class TaskWalk:
    """A link that opens one task, and what it opened to whom."""

    provider_id: str
    token: str
    opened: int = 0  # browsers that saw the page of the task
    is_spent_by_a_look: bool = False  # opening it, and pressing nothing, was enough to use it up
    opens_late: bool = False  # it offered its button after somebody had begun the task
    ended_without_code: bool = False
    elsewhere: list[tuple[str, int]] = field(default_factory=list)  # other pages, and the status of each


@dataclass
class Journal:
    """Written by many threads."""

    visits: list[Visit] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    notified: set[str] = field(default_factory=set)  # PayPal's ids of those whose notification was answered by 303
    undone: set[str] = field(default_factory=set)  # references whose taking back was answered by 303
    tried_to_undo: set[str] = field(default_factory=set)  # those, and where the answer got lost
    kept: set[str] = field(default_factory=set)  # PayPal's ids of those that somebody deals with and nobody ends
    # By PayPal's id of the subscription and by act: the sum that somebody confirmed, however often the form was sent.
    meant: dict[str, dict[object, Decimal]] = field(default_factory=lambda: defaultdict(dict))
    refunds_told: list[RefundAsked] = field(default_factory=list)
    by_hand: set[str] = field(default_factory=set)  # PayPal's ids: money went back there without us
    closed: list[Closed] = field(default_factory=list)
    begun: list[Begun] = field(default_factory=list)
    came_back: list[CameBack] = field(default_factory=list)
    agreed: dict[str, Decimal] = field(default_factory=dict)  # by PayPal's id: what a customer let PayPal take
    settlements_told: list[tuple[str, str]] = field(default_factory=list)  # PayPal's id, and the settlement's
    payment_pages: list[PaymentPage] = field(default_factory=list)
    captures_wait: set[str] = field(default_factory=set)  # PayPal's ids of those whose payments stay pending there
    came: dict[str, datetime] = field(default_factory=dict)  # by PayPal's id: before that, such a payment had not come
    erasures: dict[str, datetime] = field(default_factory=dict)  # by PayPal's id: when the wish was answered as taken
    unerased: set[str] = field(default_factory=set)  # PayPal's ids: the page says that the wish is taken back
    walks: list[TaskWalk] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)  # PayPal's ids of subscriptions that somebody tried to end
    wished: dict[str, date] = field(default_factory=dict)  # the day that somebody typed, by PayPal's id
    taken_back: set[str] = field(default_factory=set)  # PayPal's ids: of a payment after the end, a part went back
    clicks: dict[str, datetime] = field(default_factory=dict)  # when the POST of the calm phase left, by PayPal's id
    declined: dict[str, dict[str, Any]] = field(default_factory=dict)  # as PayPal had it before, by its id
    disturbances: list[datetime] = field(default_factory=list)  # kills and restarts: at-least-once shows only here
    jumps: list[tuple[datetime, float]] = field(default_factory=list)  # PayPal's clock: real time, seconds ahead since
    counts: Counter[str] = field(default_factory=Counter)
    gave_up: list[str] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)  # pages that nobody should see
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str) -> None:
        """Count something for the report."""
        with self.lock:
            self.counts[what] += 1

    def disturb(self) -> None:
        """Remember that a process or the database was broken off now."""
        with self.lock:
            self.disturbances.append(utc_now())

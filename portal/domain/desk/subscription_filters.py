"""What the list of subscriptions is narrowed by. Bulk acts, saved views, exports and figures speak the same words."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar, Final

from portal.domain.desk.list_filters import ANY_DAY, Days, Field, ListFilter, Order, read_id, word_of, yes
from portal.domain.ends.ended_by import EndedBy
from portal.domain.law.offers import OfferAnswer
from portal.domain.subscriptions import Status

LATE_AFTER: Final = timedelta(days=1)  # PayPal takes a payment some hours after its time: sooner, nothing is late
CURRENCY: Final = re.compile(r"[A-Z]{3}")
REASON: Final = re.compile(r"[a-z0-9_]{1,40}")  # a code, whoever made the list of reasons


class KeyKind(StrEnum):
    """Which kind of PayPal key a subscription needs."""

    REST = "rest"
    CLASSIC = "classic"


class World(StrEnum):
    """In which of PayPal's worlds a subscription is: that of money, or the one for trying things out."""

    LIVE = "live"
    SANDBOX = "sandbox"


class Answer(StrEnum):
    """Of a filter that asks either way."""

    YES = "yes"
    NO = "no"


class Email(StrEnum):
    """What is known of the customer's address."""

    NONE = "none"


class Sort(StrEnum):
    """The columns that the list is sorted by."""

    CREATED = "created"  # when it became known here
    CUSTOMER = "customer"
    STARTED = "started"
    NEXT = "next"  # payment
    ENDED = "ended"
    PLANNED = "planned"  # the day of an end that waits: of a list of those alone, which has it unasked
    KNOWN = "known"  # since when the customer is: of a list of those without an address, likewise


UNASKED: Final = frozenset({Sort.PLANNED, Sort.KNOWN})
SOONEST_END: Final = Order(Sort.PLANNED)
NEWEST_CUSTOMER: Final = Order(Sort.KNOWN, is_descending=True)
NEWEST_FIRST: Final = Order(Sort.CREATED, is_descending=True)
# Whoever asks for days wants to see them, and their index has them in that order.
BY_DATES: Final[Mapping[str, Order]] = {
    "next": Order(Sort.NEXT),
    "ended": Order(Sort.ENDED, is_descending=True),
    "started": Order(Sort.STARTED, is_descending=True),
}


@dataclass(frozen=True, kw_only=True)
class SubscriptionFilter(ListFilter):
    """Which subscriptions, in which order. Without anything: all of them, the newest first."""

    FIELDS: ClassVar = (
        Field("state", "states", word_of(Status), is_many=True),
        Field("product", "products", read_id, is_many=True),
        Field("plan", "plans", read_id, is_many=True),
        Field("key", "keys", word_of(KeyKind), is_many=True),
        Field("environment", "environment", word_of(World)),
        Field("planned", "planned", word_of(Answer)),
        Field("late", "late", yes),
        Field("failed", "failed", yes),
        Field("email", "email", word_of(Email)),
        Field("reason", "reasons", lambda text: text if REASON.fullmatch(text) else None, is_many=True),
        Field("offer", "offers", word_of(OfferAnswer), is_many=True),
        Field("ended_by", "ended_by", word_of(EndedBy), is_many=True),
        Field("revenue", "revenue", lambda text: text if CURRENCY.fullmatch(text) else None, is_many=True),
        Field("needs_you", "needs_you", yes),
    )
    ALIASES: ClassVar = {"status": "state"}
    SORTS: ClassVar = frozenset(Sort) - UNASKED
    PERIODS: ClassVar = ("started", "ended", "next", "confirmed")

    states: tuple[Status, ...] = ()
    products: tuple[uuid.UUID, ...] = ()
    plans: tuple[uuid.UUID, ...] = ()
    keys: tuple[KeyKind, ...] = ()
    environment: World | None = None
    planned: Answer | None = None  # whether an end waits for its day
    late: bool | None = None  # a payment was due, and has not come
    failed: bool | None = None  # the last payment failed
    email: Email | None = None
    reasons: tuple[str, ...] = ()  # that the customer gave
    offers: tuple[OfferAnswer, ...] = ()  # what the customer answered to the one beside cancelling
    ended_by: tuple[EndedBy, ...] = ()
    revenue: tuple[str, ...] = ()  # the currencies in whose monthly revenue they count (figures.py)
    needs_you: bool | None = None  # there is something to do about it
    started: Days = ANY_DAY
    ended: Days = ANY_DAY
    next: Days = ANY_DAY  # the next payment
    confirmed: Days = ANY_DAY  # by PayPal, of an end that the customer asked for

    @property
    def sort(self) -> Order:
        """What it is sorted by: what was asked for, else the dates that it is narrowed to, else the newest first.

        Of planned ends the soonest comes first, as on Today.
        """
        dates = (order for period, order in BY_DATES.items() if getattr(self, period) != ANY_DAY)
        return self.order or next(dates, SOONEST_END if self.planned is Answer.YES else self._newest_first)

    @property
    def _newest_first(self) -> Order:
        """Of those without an address the customers are the newest: a list that begins with them, and is of them alone.

        Narrowed otherwise too, few of them may be left, and other ways are shorter.
        """
        is_of_them_alone = self.email is not None and len(self.narrowing()) == 1
        return NEWEST_CUSTOMER if is_of_them_alone else NEWEST_FIRST


ALL: Final = SubscriptionFilter()

"""What the list of customers is narrowed by."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from portal.domain.desk.list_filters import ANY_DAY, Days, Field, ListFilter, Order, read_id, word_of, yes
from portal.domain.desk.subscription_filters import Answer, Email
from portal.domain.subscriptions import Status


class CustomerSort(StrEnum):
    """The columns that the list is sorted by."""

    NAME = "name"
    KNOWN = "known"


BY_NAME: Final = Order(CustomerSort.NAME)


@dataclass(frozen=True, kw_only=True)
class CustomerFilter(ListFilter):
    """Which customers, in which order. Without anything: all of them, by name."""

    FIELDS: ClassVar = (
        Field("state", "states", word_of(Status), is_many=True),
        Field("product", "products", read_id, is_many=True),
        Field("email", "email", word_of(Email)),
        Field("needs_you", "needs_you", yes),
        Field("erased", "erased", word_of(Answer)),
    )
    SORTS: ClassVar = frozenset(CustomerSort)
    PERIODS: ClassVar = ("known",)

    states: tuple[Status, ...] = ()  # of one of their subscriptions, which is of those products too
    products: tuple[uuid.UUID, ...] = ()
    email: Email | None = None
    needs_you: bool | None = None
    erased: Answer | None = None
    known: Days = ANY_DAY  # since when they are known here

    @property
    def sort(self) -> Order:
        """What it is sorted by."""
        return self.order or BY_NAME


EVERYBODY: Final = CustomerFilter()

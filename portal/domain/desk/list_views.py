"""Saved views: filters and order of a list under a name, of one's own or for the whole team."""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import Final

from portal.domain.desk.customer_filters import CustomerFilter
from portal.domain.desk.list_filters import ListFilter, Pair
from portal.domain.desk.subscription_filters import SubscriptionFilter
from portal.domain.ends.duties import Duty, may
from portal.domain.policies import Role

LONGEST_NAME: Final = 60
MOST_VIEWS: Final = 50  # of one person, and of the team


class List(StrEnum):
    """A list of the desk that has views."""

    SUBSCRIPTIONS = "subscriptions"
    CUSTOMERS = "customers"


FILTERS: Final[dict[List, type[ListFilter]]] = {
    List.SUBSCRIPTIONS: SubscriptionFilter,
    List.CUSTOMERS: CustomerFilter,
}


def kept(wanted: ListFilter) -> list[Pair]:
    """Return what a view keeps of a list: not what was searched, which names people."""
    return [pair for pair in wanted.query() if pair[0] != "q"]


def written(wanted: ListFilter) -> list[list[str]]:
    """Return the same as JSON keeps it."""
    return [list(pair) for pair in kept(wanted)]


def may_share(role: Role | None) -> bool:
    """Say whether somebody may make a view that the whole team sees."""
    return may(role, Duty.CUSTOMERS)


def may_change(role: Role | None, *, is_own: bool, is_shared: bool) -> bool:
    """Say whether somebody may rename, share or remove a view: their own, and a manager those of the team."""
    return is_own or (is_shared and may(role, Duty.SETTINGS))


def is_seen(*, owner_id: uuid.UUID, by_id: uuid.UUID, is_shared: bool) -> bool:
    """Say whether somebody sees a view at all."""
    return is_shared or owner_id == by_id

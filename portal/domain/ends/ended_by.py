"""How an end came about: the one kind that figures and lists count it as."""

from __future__ import annotations

from enum import StrEnum

from portal.domain.policies import Actor
from portal.domain.subscriptions import Status


class EndedBy(StrEnum):
    """Each end is of one kind, by the word that stands in addresses and in the database."""

    CUSTOMER = "customer"  # they asked for it, whoever carried it out
    STAFF = "staff"
    PAYPAL = "paypal"  # found there: by the customer at PayPal, or by PayPal itself
    COMPLETED = "completed"  # it ran its course, or staff finished it
    ABANDONED = "abandoned"
    FAILED = "failed"  # found at PayPal after payments that failed


def kind_of(outcome: Status, *, asked_by: Actor, is_unpaid: bool, before: EndedBy | None = None) -> EndedBy:
    """Return the kind of an end with `outcome` that `asked_by` asked for.

    The outcome comes first: what staff complete is completed.  `is_unpaid`: its last payment had failed.  One that had
    ended before, and is ended at PayPal again, stays of the kind it was `before`; *abandoned* alone follows an end.
    """
    if outcome is Status.ABANDONED:
        return EndedBy.ABANDONED
    if before is not None:
        return before
    if outcome is Status.COMPLETED:
        return EndedBy.COMPLETED
    if asked_by is Actor.CUSTOMER:
        return EndedBy.CUSTOMER
    if asked_by is Actor.STAFF:
        return EndedBy.STAFF
    return EndedBy.FAILED if is_unpaid else EndedBy.PAYPAL

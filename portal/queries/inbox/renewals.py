"""Fixed terms that renew themselves: reminders that are not proved, and what goes back after an end free of charge."""

from __future__ import annotations

import uuid
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, literal, select
from sqlalchemy.orm import Session

from portal.models import RenewalRefund, RenewalReminder
from portal.queries.inbox.items import MERCHANT, Item, Kind, Place, Way, about_its_subscription
from portal.queries.law.renewals import waiting


def counted() -> tuple[Select[Any], ...]:
    """Return a row for each thing of each kind."""
    one = literal(1)
    return (
        select(one).select_from(RenewalReminder).where(RenewalReminder.merchant_id == MERCHANT, waiting()),
        select(one).select_from(RenewalRefund).where(*_owed()),
    )


def about() -> tuple[Select[Any], ...]:
    """Return the id of each subscription that one of these things is about."""
    return (
        select(RenewalReminder.subscription_id).where(RenewalReminder.merchant_id == MERCHANT, waiting()),
        select(RenewalRefund.subscription_id).where(*_owed()),
    )


def reminders(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return renewals of which the customer has to be told by letter, or nobody knows when."""
    rows = session.scalars(_page_of_reminders(place.way), {"merchant_id": merchant_id, **place.values})
    return [about_its_subscription(Kind.RENEWAL, row, since=row.created_at) for row in rows]


@cache
def _page_of_reminders(way: Way) -> Select[RenewalReminder]:
    whole = select(RenewalReminder).where(RenewalReminder.merchant_id == MERCHANT, waiting())
    return way.narrow(whole, id=RenewalReminder.id, since=RenewalReminder.created_at)


def _owed() -> tuple[Any, ...]:
    return (RenewalRefund.merchant_id == MERCHANT, RenewalRefund.settled_at.is_(None))


def refunds(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return what is to go back within thirty days of an end, and has not."""
    rows = session.scalars(_page_of_refunds(place.way), {"merchant_id": merchant_id, **place.values})
    return [about_its_subscription(Kind.RENEWAL_REFUND, row, since=row.created_at) for row in rows]


@cache
def _page_of_refunds(way: Way) -> Select[RenewalRefund]:
    return way.narrow(select(RenewalRefund).where(*_owed()), id=RenewalRefund.id, since=RenewalRefund.created_at)

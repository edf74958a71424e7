"""Withdrawals from contracts of which nobody has said yet what becomes of the refund."""

from __future__ import annotations

import uuid
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, literal, select
from sqlalchemy.orm import Session

from portal.models import Withdrawal
from portal.queries.aliases import joined
from portal.queries.inbox.items import MERCHANT, Item, Kind, Place, Way, about_its_subscription
from portal.queries.law.withdrawals import OPEN


def counted() -> tuple[Select[Any], ...]:
    """Return a row for each of them."""
    return (select(literal(1)).select_from(Withdrawal).where(*_waiting()),)


def about() -> tuple[Select[Any], ...]:
    """Return the id of each subscription whose contract that is."""
    return (select(Withdrawal.subscription_id).where(*_waiting()),)


def waiting(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return them among what waits for money that was taken already: the law sets them a day."""
    found = session.scalars(_page(place.way), {"merchant_id": merchant_id, **place.values})
    return [about_its_subscription(Kind.WITHDRAWAL, one, since=one.declared_at, is_money_taken=True) for one in found]


def _waiting() -> tuple[ColumnElement[bool], ...]:
    return (Withdrawal.merchant_id == MERCHANT, OPEN)


@cache
def _page(way: Way) -> Select[Withdrawal]:
    whole = joined(select(Withdrawal).where(*_waiting()), (Withdrawal.received,))
    return way.narrow(whole, id=Withdrawal.id, since=Withdrawal.declared_at, taken=True)

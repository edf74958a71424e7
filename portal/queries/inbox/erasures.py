"""Erasures that wait for PayPal's word for longer than the customer can be left without an answer."""

from __future__ import annotations

import uuid
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, exists, func, literal, select
from sqlalchemy.orm import Session

from portal.domain.ends.end_requests import OPEN
from portal.domain.people.customer_erasures import PATIENCE, ErasureState
from portal.models import Customer, CustomerErasure, EndRequest, Subscription
from portal.queries.inbox.items import MERCHANT, Item, Kind, Place, Way


def asked_before(now: datetime) -> datetime:
    """Return before when both the erasure and its end must have been asked for."""
    return now - PATIENCE


def counted() -> tuple[Select[Any], ...]:
    """Return a row for each of them."""
    return (select(literal(1)).select_from(CustomerErasure).where(*_waiting()),)


def about_customers() -> tuple[Select[Any], ...]:
    """Return the id of each customer whose erasure waits."""
    return (select(CustomerErasure.customer_id).where(*_waiting()),)


def waiting(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return the erasures that an end holds up which PayPal should have confirmed two weeks ago."""
    values = {"merchant_id": merchant_id, "asked_before": asked_before(now), **place.values}
    rows = session.execute(_page(place.way), values)
    return [
        Item(kind=Kind.ERASURE, id=erasure.id, about=(erasure, customer), since=erasure.created_at)
        for erasure, customer in rows
    ]


def _waiting() -> tuple[ColumnElement[bool], ...]:
    """An end that waits for a day of its own is late only from that day on."""
    late = exists().where(
        EndRequest.subscription_id == Subscription.id,
        Subscription.customer_id == CustomerErasure.customer_id,
        EndRequest.state.in_(OPEN),
        func.coalesce(EndRequest.due_at, EndRequest.created_at) <= bindparam("asked_before"),
    )
    return (
        CustomerErasure.merchant_id == MERCHANT,
        CustomerErasure.state == ErasureState.OPEN,
        CustomerErasure.created_at <= bindparam("asked_before"),
        late,
    )


@cache
def _page(way: Way) -> Select[CustomerErasure, Customer]:
    whole = (
        select(CustomerErasure, Customer).join(Customer, Customer.id == CustomerErasure.customer_id).where(*_waiting())
    )
    return way.narrow(whole, id=CustomerErasure.id, since=CustomerErasure.created_at)

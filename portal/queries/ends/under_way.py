"""Requests to end that need nothing from the merchant: what the portal is at, and what it will do on its day."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from portal.domain.ends.end_requests import OPEN, RequestState
from portal.models import EndRequest, Subscription
from portal.queries import subscriptions
from portal.queries.desk.keyset import PAGE

MOST_BEGUN: Final = 100  # of those that the portal is at: a PayPal that is silent for hours leaves thousands
MOST_PLANNED: Final = 10  # shown of those whose day is to come: the list has them all


@dataclass(frozen=True, kw_only=True)
class UnderWay:
    """The first of them. `is_cut`: the portal is at more than these; `has_more_planned`: more have a day to come."""

    requests: Sequence[EndRequest]
    is_cut: bool
    has_more_planned: bool


def of_merchant(session: Session, merchant_id: uuid.UUID, *, now: datetime) -> UnderWay:
    """Return those the portal is at, the next payment first, then those whose day is to come, the soonest first.

    Where it is at more than MOST_BEGUN these are some of them, whichever they are.
    """
    is_open = EndRequest.merchant_id == merchant_id, EndRequest.state.in_(OPEN - {RequestState.NEEDS_MERCHANT})
    at_once = or_(EndRequest.due_at.is_(None), EndRequest.due_at <= now)
    # From their index alone, few by its own word: PostgreSQL takes them for as many as wait for a day.
    which = select(EndRequest.subscription_id).where(*is_open, at_once).order_by(EndRequest.due_at).limit(MOST_BEGUN)
    begun_of = EndRequest.subscription_id.in_(select(which.subquery()))
    by_payment = Subscription.next_payment_at.nulls_last(), EndRequest.created_at, EndRequest.id
    begun = _read(session, (*is_open, begun_of), by_payment, most=PAGE)
    planned = _read(session, (*is_open, EndRequest.due_at > now), (EndRequest.due_at, EndRequest.id), most=MOST_PLANNED)
    return UnderWay(
        requests=[*begun[:PAGE], *planned[:MOST_PLANNED]],
        is_cut=len(begun) > PAGE,
        has_more_planned=len(planned) > MOST_PLANNED,
    )


def _read(
    session: Session, which: tuple[ColumnElement[bool], ...], order: tuple[Any, ...], *, most: int
) -> Sequence[EndRequest]:
    """Return `most` of them with all that is shown, and one more if there is one."""
    return session.scalars(
        subscriptions.whole(select(EndRequest).join(EndRequest.subscription), EndRequest.subscription)
        .where(*which)
        .order_by(*order)
        .limit(most + 1)
    ).all()

"""Every SELECT of requests to end by what time has done to them, next by id: nothing stands in the way of the rest.

A merchant whose pages are closed writes to nobody about an end that is confirmed: its links lead nowhere by then.  Of
an erased one the proven ends stay (queries/merchants/erasures.py), and their access may go on for months.  What is
open keeps its alarms: it opens the pages again.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from sqlalchemy import Row, Select, bindparam, exists, func, or_, select
from sqlalchemy.orm import Session

from portal.domain.ends.end_requests import OPEN, Basis, RequestState
from portal.models import EndRequest, Mail, Merchant, Subscription
from portal.queries.ends.end_requests import is_repetition

Key = Row[uuid.UUID, uuid.UUID, uuid.UUID]  # id, merchant_id, subscription_id
BEFORE_THE_FIRST: Final = uuid.UUID(int=0)


def unconfirmed_since(session: Session, before: datetime, *, after: uuid.UUID | None, limit: int) -> Sequence[Key]:
    """Return open requests that should have been confirmed since `before` and whose customer was not yet told so.

    One that waits for a date of its own is late only from that date on.
    """
    return _after(session, _unconfirmed(), after=after, limit=limit, before=before)


@cache
def _unconfirmed() -> Select[uuid.UUID, uuid.UUID, uuid.UUID]:
    return _keys().where(
        EndRequest.state.in_(OPEN),
        func.coalesce(EndRequest.due_at, EndRequest.created_at) <= bindparam("before"),
        EndRequest.overdue_told_at.is_(None),
    )


def missed(session: Session, before: datetime, *, after: uuid.UUID | None, limit: int) -> Sequence[Key]:
    """Return open requests whose planned time was before `before`, and of which nobody was told that it was missed."""
    return _after(session, _missed(), after=after, limit=limit, before=before)


@cache
def _missed() -> Select[uuid.UUID, uuid.UUID, uuid.UUID]:
    return _keys().where(
        EndRequest.state.in_(OPEN), EndRequest.due_at <= bindparam("before"), EndRequest.late_told_at.is_(None)
    )


def losing_access(
    session: Session, *, since: datetime, until: datetime, after: uuid.UUID | None, limit: int
) -> Sequence[Key]:
    """Return confirmed requests whose access ends between the two moments, and whose customer was not told so.

    A confirmation of the last day before `since` has just said it.  One that repeats an end has nothing to add.
    """
    unheard = since - timedelta(days=1)
    return _after(session, _losing_access(), after=after, limit=limit, since=since, until=until, unheard=unheard)


@cache
def _losing_access() -> Select[uuid.UUID, uuid.UUID, uuid.UUID]:
    told = exists().where(Mail.end_request_id == EndRequest.id, Mail.kind == "access_ends_soon")
    return _confirmed().where(
        Subscription.access_until > bindparam("since"),
        Subscription.access_until <= bindparam("until"),
        EndRequest.confirmed_at < bindparam("unheard"),
        ~told,
        ~is_repetition(),
    )


def closable(session: Session, now: datetime, *, after: uuid.UUID | None, limit: int) -> Sequence[Key]:
    """Return confirmed requests that are over; one whose paid time is unknown waits for the merchant.

    One that never began opened nothing, so no date is missing.
    """
    return _after(session, _closable(), after=after, limit=limit, now=now)


@cache
def _closable() -> Select[uuid.UUID, uuid.UUID, uuid.UUID]:
    return _confirmed().where(
        Subscription.ended_at <= bindparam("now"),
        or_(Subscription.access_until <= bindparam("now"), Subscription.access_until.is_(None)),
        or_(
            Subscription.access_until.is_not(None),
            Subscription.paid_until.is_not(None),
            EndRequest.basis == Basis.NEVER_STARTED,
        ),
    )


def _confirmed() -> Select[uuid.UUID, uuid.UUID, uuid.UUID]:
    has_pages = exists().where(Merchant.id == EndRequest.merchant_id, Merchant.closed_at.is_(None))
    return _keys().where(EndRequest.state == RequestState.CONFIRMED, has_pages)


def _keys() -> Select[uuid.UUID, uuid.UUID, uuid.UUID]:
    """The next by id, so that no row stands in the way of those behind it."""
    return (
        select(EndRequest.id, EndRequest.merchant_id, EndRequest.subscription_id)
        .join(EndRequest.subscription)
        .where(EndRequest.id > bindparam("after"))
        .order_by(EndRequest.id)
        .limit(bindparam("limit"))
    )


def _after(
    session: Session,
    statement: Select[uuid.UUID, uuid.UUID, uuid.UUID],
    *,
    after: uuid.UUID | None,
    limit: int,
    **moments: datetime,
) -> Sequence[Key]:
    return session.execute(statement, {"after": after or BEFORE_THE_FIRST, "limit": limit, **moments}).all()

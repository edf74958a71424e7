"""Every SELECT of requests to end."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import ColumnElement, Row, Select, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased, joinedload
from sqlalchemy.orm.attributes import set_committed_value

from portal.domain.end_requests import OPEN, Basis, RequestState
from portal.domain.policies import Actor
from portal.domain.received_requests import ReceivedState
from portal.models import EndRequest, Mail, Provider, ReceivedRequest, Subscription
from portal.queries import carrying, subscriptions

Key = Row[uuid.UUID, uuid.UUID, uuid.UUID]  # id, merchant_id, subscription_id


@cache
def _whole() -> Select[EndRequest]:
    return select(EndRequest).options(*subscriptions.whole(joinedload(EndRequest.subscription)))


@cache
def _one() -> Select[EndRequest]:
    return select(EndRequest).options(*subscriptions.whole(joinedload(EndRequest.subscription), is_one=True))


@cache
def _with_payments() -> Select[EndRequest]:
    """For pages, as in `subscriptions`."""
    return _one().options(joinedload(EndRequest.subscription).selectinload(Subscription.payments))


def open_of(session: Session, subscription_id: uuid.UUID) -> EndRequest | None:
    """Return the subscription's open request, if there is one."""
    return session.scalars(
        select(EndRequest).where(EndRequest.subscription_id == subscription_id, EndRequest.state.in_(OPEN))
    ).one_or_none()


def waiting_of(session: Session, subscription_ids: Collection[uuid.UUID]) -> list[EndRequest]:
    """Return the ends that may wait for a day, of those subscriptions, each whole."""
    is_waiting = and_(EndRequest.state == RequestState.RECORDED, EndRequest.due_at.is_not(None))
    statement = _whole().options(joinedload(EndRequest.subscription).selectinload(Subscription.payments))
    return list(session.scalars(statement.where(EndRequest.subscription_id.in_(subscription_ids), is_waiting)))


def lock(session: Session, request_id: uuid.UUID) -> EndRequest:
    """Return the request, locked; the caller already holds its subscription's lock."""
    request = carrying.lock(session, EndRequest, request_id)
    set_committed_value(request, "subscription", subscriptions.of_request(session, request))
    return request


def stop_retrying(session: Session, request: EndRequest, provider: Provider) -> None:
    """Let what stops this request stop every other one of the merchant that is tried again (cancellation.md, 401).

    Rows that another process holds are left to that process, which meets the same refusal.
    """
    others = session.scalars(
        select(EndRequest.id)
        .join(Subscription, Subscription.id == EndRequest.subscription_id)
        .where(
            EndRequest.merchant_id == request.merchant_id,
            EndRequest.id != request.id,
            EndRequest.state == RequestState.RETRYING,
            Subscription.provider == provider,
        )
        .with_for_update(key_share=True, skip_locked=True, of=EndRequest)
    ).all()
    session.execute(
        update(EndRequest)
        .where(EndRequest.id.in_(others))
        .values(state=RequestState.NEEDS_MERCHANT, trouble=request.trouble)
    )


def is_named(reference: str) -> ColumnElement[bool]:
    """Whether that is its reference, or the one of a request by another way for which it stands.

    It keeps the name of what it answered: whoever notified may wish for another day since, and be refused that.
    """
    named = ReceivedRequest.reference == reference
    answered = select(ReceivedRequest.end_request_id).where(named, ReceivedRequest.state == ReceivedState.MATCHED)
    about = select(ReceivedRequest.subscription_id).where(named)
    return or_(
        EndRequest.reference == reference,
        EndRequest.id == answered.scalar_subquery(),
        and_(EndRequest.subscription_id == about.scalar_subquery(), EndRequest.notified_reference == reference),
    )


def of_customer(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, reference: str) -> EndRequest:
    """Return the request of that name on a subscription of the customer; raise NoResultFound."""
    statement = (
        _with_payments()
        .join(EndRequest.subscription)
        .where(
            is_named(reference),
            EndRequest.merchant_id == merchant_id,
            Subscription.customer_id == customer_id,
        )
    )
    return session.scalars(statement).unique().one()


def of_merchant(session: Session, merchant_id: uuid.UUID, request_id: uuid.UUID) -> EndRequest:
    """Return one request of the merchant; raise NoResultFound for any other."""
    statement = _with_payments().where(EndRequest.id == request_id, EndRequest.merchant_id == merchant_id)
    return session.scalars(statement).unique().one()


def all_of_subscription(session: Session, subscription_id: uuid.UUID) -> list[EndRequest]:
    """Return every request of a subscription, newest first; an undone one stays in the list."""
    return list(
        session.scalars(
            select(EndRequest)
            .where(EndRequest.subscription_id == subscription_id)
            .order_by(EndRequest.created_at.desc(), EndRequest.id)
        )
    )


def newest_of(session: Session, subscription_id: uuid.UUID) -> EndRequest | None:
    """Return the subscription's newest request, an undone one too."""
    statement = select(EndRequest).where(EndRequest.subscription_id == subscription_id)
    return session.scalars(statement.order_by(EndRequest.created_at.desc(), EndRequest.id).limit(1)).first()


def successor(session: Session, request: EndRequest) -> EndRequest | None:
    """Return the newest request that stands since this one was withdrawn; None where the subscription goes on."""
    return session.scalars(
        select(EndRequest)
        .where(EndRequest.subscription_id == request.subscription_id, EndRequest.created_at >= request.withdrawn_at)
        .where(EndRequest.state != RequestState.WITHDRAWN, EndRequest.actor != Actor.SYSTEM)
        .order_by(EndRequest.created_at.desc())
        .limit(1)
    ).first()


def replaced_by(session: Session, request: EndRequest) -> EndRequest | None:
    """Return the request whose place this one took: one transaction wrote both moments."""
    return session.scalars(
        select(EndRequest).where(
            EndRequest.subscription_id == request.subscription_id, EndRequest.withdrawn_at == request.created_at
        )
    ).first()


def standing(session: Session, subscription_id: uuid.UUID) -> EndRequest | None:
    """Return the subscription's newest request that was not withdrawn."""
    return session.scalars(
        select(EndRequest)
        .where(EndRequest.subscription_id == subscription_id, EndRequest.state != RequestState.WITHDRAWN)
        .order_by(EndRequest.created_at.desc())
        .limit(1)
    ).first()


def needing_merchant(session: Session, merchant_id: uuid.UUID, *, limit: int = 200) -> list[EndRequest]:
    """Return what waits for the merchant, the next payment at risk first."""
    return list(
        session.scalars(
            _whole()
            .join(EndRequest.subscription)
            .where(EndRequest.merchant_id == merchant_id, EndRequest.state == RequestState.NEEDS_MERCHANT)
            .order_by(Subscription.next_payment_at.nulls_last(), EndRequest.created_at)
            .limit(limit)
        )
    )


def unconfirmed_since(session: Session, before: datetime, *, after: uuid.UUID | None, limit: int) -> Sequence[Key]:
    """Return open requests that should have been confirmed since `before` and whose customer was not yet told so.

    One that waits for a date of its own is late only from that date on.
    """
    statement = _keys().where(
        EndRequest.state.in_(OPEN),
        func.coalesce(EndRequest.due_at, EndRequest.created_at) <= before,
        EndRequest.overdue_told_at.is_(None),
    )
    return _after(session, statement, after=after, limit=limit)


def missed(session: Session, before: datetime, *, after: uuid.UUID | None, limit: int) -> Sequence[Key]:
    """Return open requests whose planned time was before `before`, and of which nobody was told that it was missed."""
    statement = _keys().where(
        EndRequest.state.in_(OPEN), EndRequest.due_at <= before, EndRequest.late_told_at.is_(None)
    )
    return _after(session, statement, after=after, limit=limit)


def losing_access(
    session: Session, *, since: datetime, until: datetime, after: uuid.UUID | None, limit: int
) -> Sequence[Key]:
    """Return confirmed requests whose access ends between the two moments, and whose customer was not told so.

    A confirmation of the last day before `since` has just said it.  One that repeats an end has nothing to add.
    """
    told = exists().where(Mail.end_request_id == EndRequest.id, Mail.kind == "access_ends_soon")
    statement = _keys().where(
        EndRequest.state == RequestState.CONFIRMED,
        Subscription.access_until > since,
        Subscription.access_until <= until,
        EndRequest.confirmed_at < since - timedelta(days=1),
        ~told,
        ~is_repetition(),
    )
    return _after(session, statement, after=after, limit=limit)


def is_repetition() -> ColumnElement[bool]:
    """Whether the portal ended again what did not hold at PayPal: the first end has told of access, and still does.

    One that never began told of none; the portal's own end of what began all the same is then the first to.
    """
    first = aliased(EndRequest)
    return and_(
        EndRequest.actor == Actor.SYSTEM,
        exists().where(
            first.subscription_id == EndRequest.subscription_id,
            first.created_at < EndRequest.created_at,
            first.state.in_((RequestState.CONFIRMED, RequestState.CLOSED)),
            first.basis != Basis.NEVER_STARTED,
        ),
    )


def repeats(session: Session, request: EndRequest) -> bool:
    """Say whether a request is a repetition."""
    return session.scalar(select(EndRequest.id).where(EndRequest.id == request.id, is_repetition())) is not None


def closable(session: Session, now: datetime, *, after: uuid.UUID | None, limit: int) -> Sequence[Key]:
    """Return confirmed requests that are over; one whose paid time is unknown waits for the merchant.

    One that never began opened nothing, so no date is missing.
    """
    statement = _keys().where(
        EndRequest.state == RequestState.CONFIRMED,
        Subscription.ended_at <= now,
        or_(Subscription.access_until <= now, Subscription.access_until.is_(None)),
        or_(
            Subscription.access_until.is_not(None),
            Subscription.paid_until.is_not(None),
            EndRequest.basis == Basis.NEVER_STARTED,
        ),
    )
    return _after(session, statement, after=after, limit=limit)


def _keys() -> Select[uuid.UUID, uuid.UUID, uuid.UUID]:
    return select(EndRequest.id, EndRequest.merchant_id, EndRequest.subscription_id).join(EndRequest.subscription)


def _after(
    session: Session, statement: Select[uuid.UUID, uuid.UUID, uuid.UUID], *, after: uuid.UUID | None, limit: int
) -> Sequence[Key]:
    """Return the next rows by id, so that no row stands in the way of those behind it."""
    if after is not None:
        statement = statement.where(EndRequest.id > after)
    return session.execute(statement.order_by(EndRequest.id).limit(limit)).all()

"""Every SELECT of requests to end."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from functools import cache

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, or_, select, update
from sqlalchemy.orm import Session, aliased
from sqlalchemy.orm.attributes import set_committed_value

from portal.domain.ends.end_requests import OPEN, Basis, RequestState
from portal.domain.ends.received_requests import ReceivedState
from portal.domain.policies import Actor
from portal.models import EndRequest, Provider, ReceivedRequest, Subscription
from portal.queries import subscriptions
from portal.queries.aliases import with_list
from portal.queries.ends import carrying


@cache
def _whole() -> Select[EndRequest]:
    return subscriptions.whole(select(EndRequest), EndRequest.subscription)


@cache
def _one() -> Select[EndRequest]:
    return subscriptions.whole(select(EndRequest), EndRequest.subscription, is_one=True)


@cache
def _with_payments() -> Select[EndRequest]:
    """For pages, as in `subscriptions`."""
    return with_list(_one(), EndRequest.subscription, Subscription.payments)


def open_of(session: Session, subscription_id: uuid.UUID) -> EndRequest | None:
    """Return the subscription's open request, if there is one."""
    return session.scalars(_open(), {"subscription_id": subscription_id}).one_or_none()


@cache
def _open() -> Select[EndRequest]:
    return _of_subscription().where(EndRequest.state.in_(OPEN))


def waiting_of(session: Session, subscription_ids: Collection[uuid.UUID]) -> list[EndRequest]:
    """Return the ends that may wait for a day, of those subscriptions, each whole."""
    return list(session.scalars(_waiting(), {"subscription_ids": list(subscription_ids)}))


@cache
def _waiting() -> Select[EndRequest]:
    return (
        with_list(_whole(), EndRequest.subscription, Subscription.payments)
        .where(EndRequest.subscription_id.in_(bindparam("subscription_ids", expanding=True)))
        .where(EndRequest.state == RequestState.RECORDED, EndRequest.due_at.is_not(None))
    )


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
    return session.scalars(_of_merchant(), {"merchant_id": merchant_id, "request_id": request_id}).unique().one()


@cache
def _of_merchant() -> Select[EndRequest]:
    return _with_payments().where(
        EndRequest.id == bindparam("request_id"), EndRequest.merchant_id == bindparam("merchant_id")
    )


def all_of_subscription(session: Session, subscription_id: uuid.UUID) -> list[EndRequest]:
    """Return every request of a subscription, newest first; an undone one stays in the list."""
    return list(session.scalars(_newest_first(), {"subscription_id": subscription_id}))


def newest_of(session: Session, subscription_id: uuid.UUID) -> EndRequest | None:
    """Return the subscription's newest request, an undone one too."""
    return session.scalars(_newest_first().limit(1), {"subscription_id": subscription_id}).first()


@cache
def _of_subscription() -> Select[EndRequest]:
    return select(EndRequest).where(EndRequest.subscription_id == bindparam("subscription_id"))


@cache
def _newest_first() -> Select[EndRequest]:
    return _of_subscription().order_by(EndRequest.created_at.desc(), EndRequest.id)


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
    return session.scalars(_standing(), {"subscription_id": subscription_id}).first()


@cache
def _standing() -> Select[EndRequest]:
    return _newest_first().where(EndRequest.state != RequestState.WITHDRAWN).limit(1)


@cache
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

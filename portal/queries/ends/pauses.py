"""Every SELECT of requests to pause and to resume."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, and_, or_, select
from sqlalchemy.orm import Session

from portal.domain.ends.pauses import OPEN, PauseKind, PauseState
from portal.models import PauseRequest, Subscription

Key = Row[uuid.UUID, uuid.UUID, uuid.UUID]  # id, merchant_id, subscription_id


def of_merchant(session: Session, merchant_id: uuid.UUID, request_id: uuid.UUID) -> PauseRequest:
    """Return one request of the merchant; raise NoResultFound for any other."""
    return session.scalars(
        select(PauseRequest).where(PauseRequest.id == request_id, PauseRequest.merchant_id == merchant_id)
    ).one()


def of_customer(
    session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, request_id: uuid.UUID
) -> PauseRequest:
    """Return a request on a subscription of the customer; raise NoResultFound for any other."""
    return session.scalars(
        select(PauseRequest)
        .join(PauseRequest.subscription)
        .where(
            PauseRequest.id == request_id,
            PauseRequest.merchant_id == merchant_id,
            Subscription.customer_id == customer_id,
        )
    ).one()


def lock_open(session: Session, subscription_id: uuid.UUID) -> list[PauseRequest]:
    """Return the subscription's open requests, locked; the caller already holds the subscription's lock."""
    return list(
        session.scalars(
            select(PauseRequest)
            .where(PauseRequest.subscription_id == subscription_id, PauseRequest.state.in_(OPEN))
            .order_by(PauseRequest.id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
    )


def all_of_subscription(session: Session, subscription_id: uuid.UUID) -> list[PauseRequest]:
    """Return every request of a subscription, newest first; one taken back stays in the list."""
    return list(
        session.scalars(
            select(PauseRequest)
            .where(PauseRequest.subscription_id == subscription_id)
            .order_by(PauseRequest.created_at.desc(), PauseRequest.id)
        )
    )


def ended_by(session: Session, end_request_id: uuid.UUID) -> list[PauseRequest]:
    """Return what would end a pause and whose place a request to end took: resumes, even one whose call left without
    effect, and pauses with an end that PayPal may have heard of."""
    return list(
        session.scalars(
            select(PauseRequest).where(
                PauseRequest.ended_by_id == end_request_id,
                or_(
                    PauseRequest.kind == PauseKind.RESUME,
                    and_(
                        PauseRequest.kind == PauseKind.PAUSE,
                        PauseRequest.sent_at.is_not(None),
                        PauseRequest.resume_at.is_not(None),
                    ),
                ),
            )
        )
    )


def to_remind(
    session: Session, *, now: datetime, until: datetime, after: uuid.UUID | None, limit: int
) -> Sequence[Key]:
    """Return planned resumes that fall between the two moments and of which nobody was reminded."""
    statement = (
        select(PauseRequest.id, PauseRequest.merchant_id, PauseRequest.subscription_id)
        .where(PauseRequest.kind == PauseKind.RESUME, PauseRequest.state == PauseState.RECORDED)
        .where(PauseRequest.due_at > now, PauseRequest.due_at <= until, PauseRequest.reminded_at.is_(None))
    )
    if after is not None:
        statement = statement.where(PauseRequest.id > after)
    return session.execute(statement.order_by(PauseRequest.id).limit(limit)).all()

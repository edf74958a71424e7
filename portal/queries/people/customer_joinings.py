"""Every SELECT of joined customers: what came from the other one, and what has come since."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.models import Base, CustomerJoining, EndRequest, Subscription
from portal.queries.aliases import joined


def of_merchant(session: Session, merchant_id: uuid.UUID, joining_id: uuid.UUID) -> CustomerJoining:
    """Return a joining of the merchant's; raise NoResultFound for any other, and for one that was split again."""
    return session.scalars(
        select(CustomerJoining).where(CustomerJoining.id == joining_id, CustomerJoining.merchant_id == merchant_id)
    ).one()


def lock(session: Session, merchant_id: uuid.UUID, joining_id: uuid.UUID) -> CustomerJoining | None:
    """Return a joining of the merchant's, locked; None when there is none, or no more."""
    return session.scalars(
        select(CustomerJoining)
        .where(CustomerJoining.id == joining_id, CustomerJoining.merchant_id == merchant_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()


def subscriptions_of(session: Session, customer_id: uuid.UUID) -> list[Subscription]:
    """Return all of a customer's subscriptions with their products, oldest first."""
    return list(
        session.scalars(
            joined(select(Subscription), (Subscription.product,))
            .where(Subscription.customer_id == customer_id)
            .order_by(Subscription.created_at, Subscription.id)
        )
    )


def requests_about(session: Session, subscription_ids: Iterable[uuid.UUID]) -> list[uuid.UUID]:
    """Return the ids of the requests to end those subscriptions."""
    return list(session.scalars(select(EndRequest.id).where(EndRequest.subscription_id.in_(subscription_ids))))


def still_there(session: Session, row: type[Base], customer_id: uuid.UUID, ids: Iterable[uuid.UUID]) -> int:
    """Return how many of those rows of a table still name the customer."""
    table = row.__table__
    there = select(func.count()).select_from(table).where(table.c.customer_id == customer_id, table.c.id.in_(ids))
    return session.scalar(there) or 0

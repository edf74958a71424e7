"""Every SELECT of products given by hand."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.models import Grant, Subscription
from portal.queries import surroundings
from portal.queries.surroundings import Part


def of_customer(
    session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, *, product_id: uuid.UUID | None = None
) -> list[Grant]:
    """Return what the customer was given by hand, of one product or of all, oldest first."""
    statement = select(Grant).where(Grant.merchant_id == merchant_id, Grant.customer_id == customer_id)
    if product_id is not None:
        statement = statement.where(Grant.product_id == product_id)
    return list(session.scalars(statement.order_by(Grant.since, Grant.id)))


def of_subscription(session: Session, subscription: Subscription) -> list[Grant]:
    """Return what its customer was given by hand of its product, oldest first."""
    if surroundings.lacks(session, subscription.id, Part.GIFT):
        return []
    return of_customer(session, subscription.merchant_id, subscription.customer_id, product_id=subscription.product_id)

"""Every SELECT of products given by hand."""

from __future__ import annotations

import uuid
from functools import cache

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from portal.models import Grant, Subscription
from portal.queries import surroundings
from portal.queries.surroundings import Part


def of_customer(
    session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, *, product_id: uuid.UUID | None = None
) -> list[Grant]:
    """Return what the customer was given by hand, of one product or of all, oldest first."""
    whose = {"merchant_id": merchant_id, "customer_id": customer_id, "product_id": product_id}
    return list(session.scalars(_of_customer(of_one=product_id is not None), whose))


@cache
def _of_customer(*, of_one: bool) -> Select[Grant]:
    theirs = Grant.merchant_id == bindparam("merchant_id"), Grant.customer_id == bindparam("customer_id")
    all_of_them = select(Grant).where(*theirs).order_by(Grant.since, Grant.id)
    return all_of_them.where(Grant.product_id == bindparam("product_id")) if of_one else all_of_them


def of_merchant(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, grant_id: uuid.UUID) -> Grant:
    """Return one that the customer was given; raise NoResultFound for any other."""
    return session.scalars(
        _of_customer(of_one=False).where(Grant.id == grant_id), _whose(merchant_id, customer_id)
    ).one()


def _whose(merchant_id: uuid.UUID, customer_id: uuid.UUID) -> dict[str, uuid.UUID]:
    return {"merchant_id": merchant_id, "customer_id": customer_id}


def of_subscription(session: Session, subscription: Subscription) -> list[Grant]:
    """Return what its customer was given by hand of its product, oldest first."""
    if surroundings.lacks(session, subscription.id, Part.GIFT):
        return []
    return of_customer(session, subscription.merchant_id, subscription.customer_id, product_id=subscription.product_id)

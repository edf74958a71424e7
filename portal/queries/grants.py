"""Every SELECT of products given by hand."""

from __future__ import annotations

import uuid
from functools import cache

from sqlalchemy import Select, bindparam, exists, select
from sqlalchemy.orm import Session

from portal.models import Grant, Product, Subscription
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


def with_products(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID) -> list[tuple[Grant, str, bool]]:
    """Return what the customer was given by hand, oldest first: the product's name, and whether they also subscribe."""
    theirs = (Subscription.merchant_id == merchant_id, Subscription.customer_id == customer_id)
    is_subscribed = exists().where(*theirs, Subscription.product_id == Grant.product_id)
    rows = session.execute(
        select(Grant, Product.name, is_subscribed)
        .join(Product, Grant.product_id == Product.id)
        .where(Grant.merchant_id == merchant_id, Grant.customer_id == customer_id)
        .order_by(Grant.since, Grant.id)
    )
    return [(grant, name, subscribed) for grant, name, subscribed in rows]


def of_subscription(session: Session, subscription: Subscription) -> list[Grant]:
    """Return what its customer was given by hand of its product, oldest first."""
    if surroundings.lacks(session, subscription.id, Part.GIFT):
        return []
    return of_customer(session, subscription.merchant_id, subscription.customer_id, product_id=subscription.product_id)

"""Customers for whoever changes their address, or joins two of them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.models import Customer, Product, Subscription


def of_merchant(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID) -> Customer:
    """Return one customer of the merchant; raise NoResultFound for any other."""
    return session.scalars(
        select(Customer).where(Customer.id == customer_id, Customer.merchant_id == merchant_id)
    ).one()


def lock(session: Session, merchant_id: uuid.UUID, *customer_ids: uuid.UUID) -> list[Customer]:
    """Return the merchant's customers as they were asked for, locked in one order; raise NoResultFound for others."""
    rows = session.scalars(
        select(Customer)
        .where(Customer.merchant_id == merchant_id, Customer.id.in_(customer_ids))
        .order_by(Customer.id)
        .with_for_update(key_share=True)
    )
    found = {row.id: row for row in rows}
    if found.keys() != set(customer_ids):
        raise NoResultFound
    return [found[one] for one in customer_ids]


def of_address(session: Session, merchant_id: uuid.UUID, email: str | None) -> list[Customer]:
    """Return the merchant's customers of that address (normal form), the one whose it is first."""
    if email is None:
        return []
    return list(
        session.scalars(
            select(Customer)
            .where(Customer.merchant_id == merchant_id, Customer.email == email)
            .order_by(Customer.email_place, Customer.id)
        )
    )


def products_of(session: Session, customer_ids: Sequence[uuid.UUID]) -> list[tuple[uuid.UUID, str, str]]:
    """Return customer, product's name and PayPal's id of each of their subscriptions: what they tell them apart by."""
    rows = session.execute(
        select(Subscription.customer_id, Product.name, Subscription.provider_id)
        .join(Product, Product.id == Subscription.product_id)
        .where(Subscription.customer_id.in_(customer_ids))
        .order_by(Product.name, Subscription.provider_id)
    )
    return [(row.customer_id, row.name, row.provider_id) for row in rows]

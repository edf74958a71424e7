"""Every SELECT of products at the desk, scoped by merchant."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session, selectinload

from portal.models import Product
from portal.models.names import reading_order

MOST = 500


def all_of_merchant(session: Session, merchant_id: uuid.UUID) -> list[Product]:
    """Return the merchant's products by name, each with its plans and contents."""
    return list(
        session.scalars(
            select(Product)
            .options(selectinload(Product.plans), selectinload(Product.contents))
            .where(Product.merchant_id == merchant_id)
            .order_by(reading_order(Product.name), Product.id)
            .limit(MOST)
        )
    )


def names(session: Session, merchant_id: uuid.UUID) -> list[Row[Any]]:
    """Return id and name of the merchant's products, by name: for a filter."""
    return list(
        session.execute(
            select(Product.id, Product.name)
            .where(Product.merchant_id == merchant_id)
            .order_by(reading_order(Product.name), Product.id)
            .limit(MOST)
        )
    )


def of_merchant(session: Session, merchant_id: uuid.UUID, product_id: uuid.UUID) -> Product:
    """Return one product of the merchant with plans and contents; raise NoResultFound for any other."""
    return session.scalars(
        select(Product)
        .options(selectinload(Product.plans), selectinload(Product.contents))
        .where(Product.id == product_id, Product.merchant_id == merchant_id)
    ).one()


def some(session: Session, ids: Collection[uuid.UUID]) -> list[Product]:
    """Return these products with their contents; the caller knows whose they are."""
    if not ids:
        return []
    return list(session.scalars(select(Product).options(selectinload(Product.contents)).where(Product.id.in_(ids))))


def lock(session: Session, merchant_id: uuid.UUID, product_id: uuid.UUID) -> Product:
    """Return one product of the merchant with its contents, locked; raise NoResultFound for any other."""
    return session.scalars(
        select(Product)
        .options(selectinload(Product.contents))
        .where(Product.id == product_id, Product.merchant_id == merchant_id)
        .with_for_update(key_share=True)  # rows that refer to the product may be written meanwhile
    ).one()

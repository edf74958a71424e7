"""Who or what of a merchant has an id of the merchant's own."""

from __future__ import annotations

import uuid
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.models import Customer, Product

_LOCK: Final = 50  # keeps these locks apart from those of other texts


def customer(session: Session, merchant_id: uuid.UUID, external_id: str) -> Customer | None:
    """Return the merchant's customer of exactly that id, None where there is none."""
    mine = Customer.merchant_id == merchant_id, Customer.external_id == external_id
    return session.scalars(select(Customer).where(*mine)).one_or_none()


def product(session: Session, merchant_id: uuid.UUID, external_id: str) -> Product | None:
    """Return the merchant's product of exactly that id, None where there is none."""
    mine = Product.merchant_id == merchant_id, Product.external_id == external_id
    return session.scalars(select(Product).where(*mine)).one_or_none()


def lock(session: Session, merchant_id: uuid.UUID, external_id: str) -> None:
    """Let one transaction at a time decide whose an id is: no row stands for one that nobody has yet."""
    key = func.hashtextextended(f"{merchant_id}/{external_id}", _LOCK)
    session.execute(select(func.pg_advisory_xact_lock(key)))

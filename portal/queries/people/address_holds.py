"""Every SELECT of changes of address that the former address may hold."""

from __future__ import annotations

import uuid

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from portal.models import AddressHold


def by_link(session: Session, merchant_id: uuid.UUID, link_hash: str) -> AddressHold | None:
    """Return the merchant's change with that link, whatever became of it."""
    return session.scalars(
        select(AddressHold).where(AddressHold.merchant_id == merchant_id, AddressHold.link_hash == link_hash)
    ).one_or_none()


def of_merchant(session: Session, merchant_id: uuid.UUID, hold_id: uuid.UUID) -> AddressHold:
    """Return one that was held, decided or not; raise NoResultFound for any other."""
    return session.scalars(
        select(AddressHold).where(
            AddressHold.id == hold_id, AddressHold.merchant_id == merchant_id, AddressHold.held_at.is_not(None)
        )
    ).one()


def waiting() -> tuple[ColumnElement[bool], ...]:
    """Say which ones wait for staff."""
    return AddressHold.held_at.is_not(None), AddressHold.outcome.is_(None)


def waiting_of(session: Session, customer_id: uuid.UUID) -> list[AddressHold]:
    """Return what was held of a customer and not decided, the first that was held first."""
    return list(
        session.scalars(
            select(AddressHold)
            .where(AddressHold.customer_id == customer_id, *waiting())
            .order_by(AddressHold.held_at, AddressHold.id)
            .execution_options(populate_existing=True)
        )
    )


def undecided_of(session: Session, customer_id: uuid.UUID) -> list[AddressHold]:
    """Return what staff have not decided of a customer, held or not."""
    return list(
        session.scalars(
            select(AddressHold).where(AddressHold.customer_id == customer_id, AddressHold.outcome.is_(None))
        )
    )

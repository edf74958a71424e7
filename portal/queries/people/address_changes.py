"""Every SELECT of addresses that wait for their confirmation."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.models import AddressChange


def open_of(session: Session, customer_id: uuid.UUID) -> AddressChange | None:
    """Return what waits for a customer, as the database has it now; whoever changes it holds the customer's lock."""
    return session.scalars(
        select(AddressChange)
        .where(AddressChange.customer_id == customer_id, AddressChange.outcome.is_(None))
        .execution_options(populate_existing=True)
    ).one_or_none()


def by_link(session: Session, merchant_id: uuid.UUID, link_hash: str) -> AddressChange | None:
    """Return the merchant's change with that link, whatever became of it."""
    return session.scalars(
        select(AddressChange).where(AddressChange.merchant_id == merchant_id, AddressChange.link_hash == link_hash)
    ).one_or_none()

"""Every SELECT of the team's notes about customers but the record's own (`customer_records`)."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.models import CustomerNote


def of_customer(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, note_id: uuid.UUID) -> CustomerNote:
    """Return one note about a customer of the merchant; raise NoResultFound for any other."""
    return session.scalars(
        select(CustomerNote).where(
            CustomerNote.id == note_id,
            CustomerNote.merchant_id == merchant_id,
            CustomerNote.customer_id == customer_id,
        )
    ).one()

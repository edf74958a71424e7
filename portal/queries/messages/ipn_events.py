"""Every SELECT of IPNs as they are stored."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.models import EventSource, PayPalEvent


def by_event_id(session: Session, merchant_id: uuid.UUID, event_id: str) -> PayPalEvent | None:
    """Return the merchant's IPN with that key."""
    return session.scalars(
        select(PayPalEvent).where(
            PayPalEvent.merchant_id == merchant_id,
            PayPalEvent.source == EventSource.IPN,
            PayPalEvent.event_id == event_id,
        )
    ).one_or_none()

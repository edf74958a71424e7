"""PayPal's messages as their jobs find them; the pages' own lists are in `event_lists`."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Session

from portal.models import PayPalEvent


def find(session: Session, event_id: uuid.UUID) -> PayPalEvent | None:
    """Return a message by our own id: for the job that carries it."""
    return session.get(PayPalEvent, event_id)

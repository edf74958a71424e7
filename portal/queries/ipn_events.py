"""Every SELECT of IPNs as they are stored."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import LargeBinary, func, literal, select
from sqlalchemy.orm import Session

from portal.models import EventSource, EventState, PayPalEvent


def by_event_id(session: Session, merchant_id: uuid.UUID, event_id: str) -> PayPalEvent | None:
    """Return the merchant's IPN with that key."""
    return session.scalars(
        select(PayPalEvent).where(
            PayPalEvent.merchant_id == merchant_id,
            PayPalEvent.source == EventSource.IPN,
            PayPalEvent.event_id == event_id,
        )
    ).one_or_none()


def believed_about_parent(
    session: Session, merchant_id: uuid.UUID, environment: str, transaction_id: str, *, since: datetime
) -> Sequence[bytes]:
    """Return the bodies, as far as they are kept, of done messages that name the transaction as their parent."""
    named = literal(f"parent_txn_id={transaction_id}".encode(), LargeBinary)
    bodies = session.scalars(
        select(PayPalEvent.body).where(
            PayPalEvent.merchant_id == merchant_id,
            PayPalEvent.environment == environment,
            PayPalEvent.source == EventSource.IPN,
            PayPalEvent.state == EventState.DONE,
            PayPalEvent.received_at >= since,
            func.position(named.op("IN")(PayPalEvent.body)) > 0,
        )
    )
    return [body for body in bodies if body is not None]

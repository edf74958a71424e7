"""PayPal's messages as their jobs find them; the pages' own lists are in `event_lists`."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ScalarSelect, select
from sqlalchemy.orm import Session

from portal.models import EventSource, EventState, PayPalEvent


def find(session: Session, event_id: uuid.UUID) -> PayPalEvent | None:
    """Return a message by our own id: for the job that carries it."""
    return session.get(PayPalEvent, event_id)


def lock_tried(session: Session, merchant_id: uuid.UUID, sources: Collection[EventSource]) -> Sequence[PayPalEvent]:
    """Lock what waits after a try; the others have a job that is due, and one that is held is being written now."""
    return session.scalars(
        select(PayPalEvent)
        .where(
            PayPalEvent.merchant_id == merchant_id,
            PayPalEvent.source.in_(sources),
            PayPalEvent.state == EventState.WAITING,
            PayPalEvent.attempts > 0,
        )
        .order_by(PayPalEvent.id)
        .with_for_update(key_share=True, skip_locked=True)
    ).all()


def lock_given_up(session: Session, merchant_id: uuid.UUID, source: EventSource, event_id: str) -> PayPalEvent | None:
    """Return the message of PayPal's id, locked, if it was given up."""
    return session.scalars(
        select(PayPalEvent)
        .where(
            PayPalEvent.merchant_id == merchant_id,
            PayPalEvent.source == source,
            PayPalEvent.event_id == event_id,
            PayPalEvent.state == EventState.FAILED,
        )
        .with_for_update(key_share=True)
    ).one_or_none()


def with_old_body(*, before: datetime, limit: int) -> ScalarSelect[uuid.UUID]:
    """Return, for an UPDATE, the oldest that came before then, still have their text and wait for nothing."""
    return (
        select(PayPalEvent.id)
        .where(PayPalEvent.body.is_not(None), PayPalEvent.received_at < before, PayPalEvent.state != EventState.WAITING)
        .order_by(PayPalEvent.received_at)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
        .scalar_subquery()
    )

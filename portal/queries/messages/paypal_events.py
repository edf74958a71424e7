"""PayPal's messages as the workers find them; the pages' own lists are in `event_lists`."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import ScalarSelect, and_, any_, func, literal_column, or_, select, update
from sqlalchemy.orm import Session

from portal.models import EventSource, EventState, PayPalEvent

# Written out: a plan that is made for any state has no use for the indexes of this one.
IS_WAITING: Final = PayPalEvent.state == literal_column(f"'{EventState.WAITING}'")


def merchants_due(session: Session, *, now: datetime) -> list[uuid.UUID]:
    """Return whose messages are due: one step in the index a merchant, however many messages wait."""
    due = and_(IS_WAITING, PayPalEvent.next_try_at <= now)
    first = select(PayPalEvent.merchant_id).where(due).order_by(PayPalEvent.merchant_id).limit(1)
    found = select(first.scalar_subquery().label("merchant_id")).cte("found", recursive=True)
    following = first.where(PayPalEvent.merchant_id > found.c.merchant_id).scalar_subquery()
    found = found.union_all(select(following).where(found.c.merchant_id.is_not(None)))
    return list(session.scalars(select(found.c.merchant_id).where(found.c.merchant_id.is_not(None))))


def claim(
    session: Session, merchant_id: uuid.UUID, *, now: datetime, until: datetime, subjects: int, limit: int
) -> list[PayPalEvent]:
    """Take what is due of the subscriptions that have waited longest; return it oldest first.

    Nobody else takes it before `until`.  What another worker takes at this moment is left to it.
    """
    due = (PayPalEvent.merchant_id == merchant_id, IS_WAITING, PayPalEvent.next_try_at <= now)
    oldest = select(PayPalEvent.id, PayPalEvent.subject).where(*due).order_by(PayPalEvent.next_try_at).limit(subjects)
    first = session.execute(oldest.with_for_update(key_share=True, skip_locked=True)).all()
    about = {subject for _id, subject in first if subject}  # what names nothing has no siblings
    # The ids as an array: the planner would take them for many, and read the whole table.
    taken = (
        select(PayPalEvent.id)
        .where(*due, PayPalEvent.subject.in_(about))
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
    )
    siblings = func.array(taken.scalar_subquery())
    claimed = (
        update(PayPalEvent)
        .where(or_(PayPalEvent.id.in_([row_id for row_id, _ in first]), PayPalEvent.id == any_(siblings)))
        .values(next_try_at=until)
        .returning(PayPalEvent)
        .execution_options(synchronize_session=False)
    )
    return sorted(session.scalars(claimed), key=lambda event: (event.received_at, event.id))


def waiting_after_a_try(merchant_id: uuid.UUID, sources: Collection[EventSource]) -> ScalarSelect[uuid.UUID]:
    """Return, for an UPDATE, what waits after a try; one that is held is being written now."""
    return (
        select(PayPalEvent.id)
        .where(
            PayPalEvent.merchant_id == merchant_id,
            PayPalEvent.source.in_(sources),
            IS_WAITING,
            PayPalEvent.attempts > 0,
        )
        .with_for_update(key_share=True, skip_locked=True)
        .scalar_subquery()
    )


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

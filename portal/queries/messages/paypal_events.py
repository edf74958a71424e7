"""PayPal's messages as the workers find them; the pages' own lists are in `event_lists`."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    and_,
    any_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from portal.models import EventSource, EventState, Payment, PayPalEvent, Subscription
from portal.queries.comparisons.comparisons import KEY_REASONS

# A webhook names the subscription, which is read again whatever else the message said.
_NEEDS_NO_TEXT: Final = and_(PayPalEvent.source == EventSource.WEBHOOK, PayPalEvent.subject != "")
IS_WAITING: Final = PayPalEvent.state == EventState.WAITING


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
    due = {"whose": merchant_id, "now": now}
    first = session.execute(_oldest(), due | {"subjects": subjects}).all()
    about = {subject for _id, subject in first if subject}  # what names nothing has no siblings
    which = {"first": [row_id for row_id, _subject in first], "about": list(about), "limit": limit}
    claimed = session.scalars(_claimed(), due | which | {"until": until})
    return sorted(claimed, key=lambda event: (event.received_at, event.id))


_DUE: Final = (
    PayPalEvent.merchant_id == bindparam("whose"),
    IS_WAITING,
    PayPalEvent.next_try_at <= bindparam("now"),
)


@cache
def _oldest() -> Select[uuid.UUID, str]:
    return (
        select(PayPalEvent.id, PayPalEvent.subject)
        .where(*_DUE)
        .order_by(PayPalEvent.next_try_at)
        .limit(bindparam("subjects"))
        .with_for_update(key_share=True, skip_locked=True)
    )


@cache
def _claimed() -> ReturningUpdate[PayPalEvent]:
    taken = (
        select(PayPalEvent.id)
        .where(*_DUE, PayPalEvent.subject.in_(bindparam("about", expanding=True)))
        .limit(bindparam("limit"))
        .with_for_update(key_share=True, skip_locked=True)
    )
    # The ids as an array: the planner would take them for many, and read the whole table.
    siblings = func.array(taken.scalar_subquery())
    first = PayPalEvent.id.in_(bindparam("first", expanding=True))
    return (
        update(PayPalEvent)
        .where(or_(first, PayPalEvent.id == any_(siblings)))
        .values(next_try_at=bindparam("until"))
        .returning(PayPalEvent)
        .execution_options(synchronize_session=False)
    )


def was_given_up(event: Any = PayPalEvent) -> ColumnElement[bool]:
    """Say that nobody has handled a message in the end: it was given up, or closed since somebody has read of that."""
    is_closed = and_(event.state == EventState.IGNORED, event.handled_at.is_(None))
    return or_(event.state == EventState.FAILED, is_closed)


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


def given_up_for_a_key(merchant_id: uuid.UUID, sources: Collection[EventSource]) -> ScalarSelect[uuid.UUID]:
    """Return, for an UPDATE, what was given up because no key opened PayPal, and can still be read."""
    for_a_key = or_(*(PayPalEvent.error.startswith(reason, autoescape=True) for reason in KEY_REASONS))
    return (
        select(PayPalEvent.id)
        .where(
            PayPalEvent.merchant_id == merchant_id,
            PayPalEvent.source.in_(sources),
            was_given_up(),
            for_a_key,
            or_(PayPalEvent.body.is_not(None), _NEEDS_NO_TEXT),
        )
        .with_for_update(key_share=True, skip_locked=True)
        .scalar_subquery()
    )


def state_without_text() -> ColumnElement[EventState]:
    """Return the state of a message whose text goes: of one that was given up it was the last that could be read."""
    is_over = and_(PayPalEvent.state == EventState.FAILED, ~_NEEDS_NO_TEXT)
    return case((is_over, literal(EventState.IGNORED, PayPalEvent.state.type)), else_=PayPalEvent.state)


def with_old_body(merchant_id: uuid.UUID | None, *, before: datetime, limit: int) -> ScalarSelect[uuid.UUID]:
    """Return, for an UPDATE, the oldest that came before then, still have their text and wait for nothing."""
    of_whom = () if merchant_id is None else (PayPalEvent.merchant_id == merchant_id,)
    is_old = PayPalEvent.body.is_not(None), PayPalEvent.received_at < before
    return (
        select(PayPalEvent.id)
        .where(*is_old, PayPalEvent.state != EventState.WAITING, *of_whom)
        .order_by(PayPalEvent.received_at)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
        .scalar_subquery()
    )


def names_payment_of(customer_id: uuid.UUID) -> ColumnElement[bool]:
    """Say whether a message that names no subscription names a payment of the customer's, as that of a refund does.

    It may name the reversal that was cancelled in place of the sale.  Either stands in its text as PayPal writes it.
    """
    theirs = select(Subscription.id).where(Subscription.customer_id == customer_id)
    is_theirs = Payment.subscription_id.in_(theirs)
    sales = select(Payment.provider_id.label("id")).where(is_theirs)
    ids = union_all(sales, select(func.jsonb_object_keys(Payment.reversals)).where(is_theirs)).subquery()
    is_named = func.strpos(func.encode(PayPalEvent.body, "escape"), ids.c.id) > 0
    named = select(ids.c.id).where(ids.c.id != "", is_named).correlate(PayPalEvent).exists()
    return and_(PayPalEvent.subject == "", named)

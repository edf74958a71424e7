"""What the health page says about PayPal's messages, and its list of them. Every SELECT is scoped by merchant."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, defer

from portal.models import EventSource, EventState, PayPalEvent, Subscription
from portal.queries.desk.keyset import PAGE, Place, Slice, keyset_page
from portal.queries.messages.paypal_events import was_given_up

__all__ = ["EventSource", "EventState"]  # the web names these two

MOST_COUNTED: Final = 1000  # beyond that a number is not read, only that there are many


@dataclass(frozen=True, kw_only=True)
class Health:
    """How messages come in. `waiting` is counted up to MOST_COUNTED."""

    last: PayPalEvent | None
    last_failed: PayPalEvent | None
    waiting: int
    oldest_waiting_at: datetime | None


def health(session: Session, merchant_id: uuid.UUID) -> Health:
    """Return the newest message, the newest that was given up or refused, and what waits."""
    waiting = (
        select(PayPalEvent.received_at)
        .where(PayPalEvent.merchant_id == merchant_id, PayPalEvent.state == EventState.WAITING)
        .order_by(PayPalEvent.received_at)
        .limit(MOST_COUNTED)
        .subquery()
    )
    count, oldest = session.execute(select(func.count(), func.min(waiting.c.received_at))).one()
    newest = _newest(merchant_id)
    given_up = newest.where(PayPalEvent.state.in_((EventState.FAILED, EventState.REFUSED)))
    return Health(
        last=session.scalars(newest).one_or_none(),
        last_failed=session.scalars(given_up).one_or_none(),
        waiting=count,
        oldest_waiting_at=oldest,
    )


def events_page(
    session: Session,
    merchant_id: uuid.UUID,
    *,
    state: EventState | None = None,
    place: Place,
    size: int = PAGE,
) -> Slice:
    """Return one page of the merchant's messages, newest first, without their bodies."""
    statement: Select[*tuple[Any, ...]] = select(
        PayPalEvent.id,
        PayPalEvent.source,
        PayPalEvent.event_type,
        PayPalEvent.subject,
        PayPalEvent.received_at,
        PayPalEvent.state,
        PayPalEvent.attempts,
        PayPalEvent.handled_at,
    ).where(PayPalEvent.merchant_id == merchant_id)
    if state is not None:
        statement = statement.where(PayPalEvent.state == state)
    keys = (PayPalEvent.received_at, PayPalEvent.id)
    scope = PayPalEvent.merchant_id == merchant_id
    return keyset_page(session, statement, keys, scope, place=place, size=size, descending=True)


def of_merchant(session: Session, merchant_id: uuid.UUID, event_id: uuid.UUID, *, lock: bool = False) -> PayPalEvent:
    """Return one message of the merchant, body included; raise NoResultFound for any other.

    `lock` keeps it until the transaction ends.
    """
    statement = select(PayPalEvent).where(PayPalEvent.merchant_id == merchant_id, PayPalEvent.id == event_id)
    return session.scalars(statement.with_for_update(key_share=True) if lock else statement).one()


def subscription_id(session: Session, merchant_id: uuid.UUID, event: PayPalEvent) -> uuid.UUID | None:
    """Return our subscription that a message speaks of; None when it names none, or one we do not know."""
    if not event.subject:
        return None
    return session.scalars(
        select(Subscription.id).where(
            Subscription.merchant_id == merchant_id,
            Subscription.environment == event.environment,
            Subscription.provider_id == event.subject,
        )
    ).one_or_none()


def known_ids(session: Session, merchant_id: uuid.UUID, event_ids: Collection[str]) -> set[str]:
    """Return which of PayPal's event ids are stored already; what was given up is worth another copy."""
    return set(
        session.scalars(
            select(PayPalEvent.event_id).where(
                PayPalEvent.merchant_id == merchant_id,
                PayPalEvent.source == EventSource.WEBHOOK,
                PayPalEvent.event_id.in_(event_ids),
                ~was_given_up(),
            )
        )
    )


def _newest(merchant_id: uuid.UUID) -> Select[PayPalEvent]:
    return (
        select(PayPalEvent)
        .options(defer(PayPalEvent.body))
        .where(PayPalEvent.merchant_id == merchant_id)
        .order_by(PayPalEvent.received_at.desc(), PayPalEvent.id.desc())
        .limit(1)
    )

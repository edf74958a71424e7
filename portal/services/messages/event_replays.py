"""Handle a stored message of PayPal's once more, because a person asks for it."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

import structlog

from portal.domain.audit import PORTAL, Act, By
from portal.models import EventSource, PayPalEvent
from portal.queries.messages import event_lists
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.messages import events

log = structlog.get_logger(__name__)


class Replay(StrEnum):
    """What became of the wish."""

    UNDER_WAY = "under_way"
    FORGOTTEN = "forgotten"  # the text was purged, and nothing else says what the message was about


def is_possible(event: PayPalEvent) -> bool:
    """Say whether enough is left of a message: its text, or the subscription to read again."""
    return event.body is not None or (event.source is EventSource.WEBHOOK and bool(event.subject))


def replay(ctx: Context, merchant_id: uuid.UUID, event_id: uuid.UUID, *, by: By = PORTAL, now: datetime) -> Replay:
    """Give the message back to the workers, whatever became of it; raise NoResultFound for another merchant's.

    It does no harm however often: a message only leads to a read of PayPal.
    """
    with ctx.db.begin() as session:
        event = event_lists.of_merchant(session, merchant_id, event_id, lock=True)
        if not is_possible(event):
            return Replay.FORGOTTEN
        events.replay(session, event, now)
        audit.append(session, merchant_id, Act.MESSAGE_REPLAYED, by=by, at=now, subject=("message", event.id))
    log.info("event_replayed", merchant_id=str(merchant_id), event_id=str(event_id))
    return Replay.UNDER_WAY

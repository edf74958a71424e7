"""What hangs on a subscription, seen with it under its lock: what is not there is not looked for again.

Whoever adds such a row holds the subscription's lock first, but for gifts, which are facts of the moment anyway.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import BindParameter, Row, bindparam, event, exists, or_
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from portal.domain.ends import end_requests, pauses
from portal.domain.ends.received_requests import ReceivedState
from portal.models import EndRequest, Grant, PauseRequest, PublicDeclaration, ReceivedRequest, Subscription
from portal.queries.people import merchants

_SEEN: Final = "surroundings"  # in the session's own notes, which end with the locks


class Part(StrEnum):
    """What may hang on a subscription."""

    END = "has_open_end"
    PAUSE = "has_open_pause"
    LETTER = "has_open_letter"  # that names it itself
    GIFT = "has_gift"  # to its customer, of any product: a reading may move it to another one


KINDS: Final[Mapping[Part, type[Any]]] = {
    Part.END: EndRequest,
    Part.PAUSE: PauseRequest,
    Part.LETTER: ReceivedRequest,
    Part.GIFT: Grant,
}


def columns() -> list[ColumnElement[bool]]:
    """Return, for the statement that reads the locked `subscription_id`, whether each part is there."""
    subscription_id: BindParameter[uuid.UUID] = bindparam("subscription_id")
    mine: Mapping[Part, ColumnElement[bool]] = {
        Part.END: exists().where(
            EndRequest.subscription_id == subscription_id, EndRequest.state.in_(end_requests.OPEN)
        ),
        Part.PAUSE: exists().where(
            PauseRequest.subscription_id == subscription_id, PauseRequest.state.in_(pauses.OPEN)
        ),
        Part.LETTER: or_(
            exists().where(
                ReceivedRequest.subscription_id == subscription_id, ReceivedRequest.state == ReceivedState.OPEN
            ),
            exists().where(  # matched by what its declarer knew; most are settled by now, and looked at for nothing
                PublicDeclaration.subscription_id == subscription_id, PublicDeclaration.refused_at.is_(None)
            ),
        ),
        Part.GIFT: exists().where(
            Subscription.id == subscription_id,
            Grant.customer_id == Subscription.customer_id,
        ),
    }
    return [there.label(part) for part, there in mine.items()]


def note(session: Session, subscription_id: uuid.UUID, row: Row[*tuple[Any, ...]]) -> None:
    """Keep what the statement told, and the merchant that it read."""
    seen = session.info.setdefault(_SEEN, {})
    seen[subscription_id] = frozenset(part for part in Part if not row._mapping[part])
    merchants.keep(session, row.Merchant)


def lacks(session: Session, subscription_id: uuid.UUID, part: Part) -> bool:
    """Say whether the lock has shown that there is none; False where nobody looked, or one was written since."""
    if part not in session.info.get(_SEEN, {}).get(subscription_id, ()):
        return False
    return not any(isinstance(row, KINDS[part]) for row in (*session.new, *session.dirty))


@event.listens_for(Session, "before_flush")
def _forget(session: Session, _context: object, _instances: object) -> None:
    """Of what the transaction itself writes, it is no longer known what is there."""
    seen = session.info.get(_SEEN)
    if seen:
        written = {part for part in Part for row in (*session.new, *session.dirty) if isinstance(row, KINDS[part])}
        session.info[_SEEN] = {subscription_id: missing - written for subscription_id, missing in seen.items()}

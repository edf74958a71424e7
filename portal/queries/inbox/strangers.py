"""Who could not log in, and left word: all of them one line, since anybody may leave word there, and very often."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Select, literal, select
from sqlalchemy.orm import Session

from portal.models import ReceivedRequest
from portal.queries.ends import received_requests
from portal.queries.inbox.items import MERCHANT, Item, Kind, Place


def counted() -> tuple[Select[Any], ...]:
    """Return one row where anybody waits."""
    words = select(literal(1)).select_from(ReceivedRequest).where(*received_requests.is_lost(MERCHANT))
    return (words.group_by(ReceivedRequest.merchant_id),)


def lost(session: Session, merchant_id: uuid.UUID, now: datetime, place: Place) -> list[Item]:
    """Return them all as one item, with the first of them and how many there are: anybody may leave word there."""
    rows, count = received_requests.at_risk(session, *received_requests.is_lost(merchant_id), limit=1, now=now)
    items = [
        Item(
            kind=Kind.LOST,
            id=uuid.uuid5(merchant_id, Kind.LOST.value),
            about=row,
            since=row.received_at,
            at_risk_at=at,
            waiting=count,
        )
        for row, at in rows
    ]
    return [item for item in items if place.takes(item.key)]

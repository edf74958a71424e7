"""What the pages of an end know of a request that came by another way: its id travels in the address, checked here."""

from __future__ import annotations

import uuid
from typing import Any

from flask import abort, request
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from portal.queries import received_requests
from portal.queries.received_requests import ReceivedRequest
from portal.web import labels
from portal.web.admin import presenting


def answered(session: Session, merchant_id: uuid.UUID) -> ReceivedRequest | None:
    """Return the request that the page's address says is answered by what it does; 404 for another merchant's."""
    word = request.args.get("received", "")
    if not word:
        return None
    try:
        received_id = uuid.UUID(word)
    except ValueError:
        abort(404)
    return received_requests.of_merchant(session, merchant_id, received_id)


def waiting(session: Session, subscription: Any) -> ReceivedRequest | None:
    """Return what the subscription's customer notified and waits for: any end of it is the answer."""
    return None if subscription.is_over else received_requests.open_of(session, subscription.id)


def note_of(received: ReceivedRequest | None) -> str:
    """Return the internal note that says what is answered."""
    if received is None:
        return ""
    return _(
        "Request %(reference)s received on %(date)s (%(way)s).",
        reference=received.reference,
        date=presenting.day(received.received_at),
        way=labels.WAY[received.way],
    )

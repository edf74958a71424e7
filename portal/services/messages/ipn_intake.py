"""An IPN at the door: whose address it came to, stored once, answered; nothing in it is believed yet (FACTS.md 3.2).

A merchant without a classic key is answered all the same, and the message waits: IPN is often switched on first, and
PayPal switches off a listener that keeps refusing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import structlog

from portal.models import EventSource, EventState
from portal.queries.messages import ipn_events
from portal.services.context import Context
from portal.services.messages import events, webhook_endpoints
from portal.services.messages.events import Message, Stored
from portal.services.messages.ipn_messages import IpnMessage, digest, key_of

log = structlog.get_logger(__name__)


def take_in(ctx: Context, token: str, body: bytes, *, now: datetime) -> Stored | None:
    """Store the message that came to the address with `token`; None for an address we never gave."""
    with ctx.db.read() as session:
        endpoint = webhook_endpoints.by_token(session, token)
    if endpoint is None:
        return None
    said = IpnMessage.read(body)
    message = Message(
        merchant_id=endpoint.merchant_id,
        environment=endpoint.environment,  # ours, whatever `test_ipn` says
        source=EventSource.IPN,
        event_id=key_of(said, body),
        event_type=said.kind,
        subject=said.profile_id,
        body=body,
        happened_at=said.happened_at,
    )
    with ctx.db.once() as connection:
        stored = events.store(connection, message, now=now)
        if stored is Stored.KNOWN and not _is_double(ctx, message):
            stored = events.store(connection, replace(message, event_id=f"{message.event_id}:{digest(body)}"), now=now)
    log.info("ipn_stored", merchant_id=str(message.merchant_id), stored=stored)
    return stored


def _is_double(ctx: Context, message: Message) -> bool:
    """Say whether the stored message stands for this one.

    Nobody has vouched for a message that waits or was refused, so it must not keep out another one that
    claims to be the same: whoever knows the address could silence PayPal.
    """
    with ctx.db.read() as session:
        known = ipn_events.by_event_id(session, message.merchant_id, message.event_id)
    return known is None or known.state is EventState.DONE or known.body == message.body

"""Who cannot log in leaves word: a dated request in the merchant's inbox, with a reference, that nobody forgets.

Nobody is proven by it: whoever fills it in may be anybody.  So it ends nothing, and the acknowledgement repeats nothing
that was typed freely, else strangers would have the portal write their words to whom they like.  The merchant is told
of any number of them in one mail an hour (`merchant_news`), and sees them as one line (`queries.inbox`).
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.domain import paypal_numbers
from portal.domain.audit import By
from portal.domain.ends.end_requests import Channel
from portal.domain.ends.received_requests import AlreadySettled, Way
from portal.domain.people import email_addresses
from portal.domain.policies import Actor
from portal.models import ReceivedRequest
from portal.queries.ends import received_requests as stored
from portal.queries.people import known_numbers
from portal.queries.people.sessions import lock_address
from portal.services import throttles
from portal.services.context import Context
from portal.services.inbox import received_requests
from portal.services.inbox.notifications import BETWEEN
from portal.services.inbox.received_requests import Declaration
from portal.services.throttles import Limit

DAY: Final = timedelta(days=1)
OF_NETWORK: Final = 5  # words left by one network in an hour
OF_ADDRESS: Final = 3  # acknowledged to one address in a day; beyond, the page alone gives the reference
ACKNOWLEDGED: Final = 200  # of one merchant in a day; beyond, the same


@dataclass(frozen=True, kw_only=True)
class Word:
    """What somebody left who could not log in."""

    merchant_id: uuid.UUID
    name: str
    email: str
    number: str
    message: str


def leave(ctx: Context, word: Word, *, network: str, now: datetime) -> ReceivedRequest:
    """Write it down, dated, and acknowledge it; what is added to one that is open goes there. Raises TooManyTries."""
    email, number = email_addresses.normal(word.email), paypal_numbers.normal(word.number)
    throttles.hit(ctx, Limit(name="lost_network", who=network, count=OF_NETWORK, window=timedelta(hours=1)), now=now)
    with ctx.db.begin() as session:
        lock_address(session, email)  # a double click finds what the first one wrote
        waiting = stored.lock_lost(session, word.merchant_id, email, number)
        if waiting is not None:
            return _add(ctx, session, waiting, word.message, now=now)
        known = known_numbers.of_number(session, word.merchant_id, number)
        declaration = Declaration(
            merchant_id=word.merchant_id,
            received_at=now,
            way=Way.NO_LOGIN,
            name=word.name,
            email=email,
            contract=number,
            message=word.message,
            by=By(actor=Actor.CUSTOMER, channel=Channel.PORTAL),
            suggested_subscription_id=known.subscription_id if known is not None else None,
            is_acknowledged=_may_write(session, word.merchant_id, email, now=now),
        )
        return received_requests.write(ctx, session, declaration, now=now)


def close_as_junk(
    ctx: Context, merchant_id: uuid.UUID, ids: Collection[uuid.UUID], *, reason: str, by: By, now: datetime
) -> int:
    """Settle words that nobody meant, all for one reason, and tell nobody; return how many were open.

    Raises NoResultFound, before anything is done, unless each is such a word of the merchant's: no other request to end
    is closed so.
    """
    with ctx.db.read() as session:
        for received_id in ids:
            if not stored.of_merchant(session, merchant_id, received_id).is_one_of_many:
                raise NoResultFound
    closed = 0
    for received_id in ids:
        try:
            received_requests.dismiss(
                ctx, merchant_id, received_id, reason=reason, by=by.name, by_id=by.actor_id, is_told=False, now=now
            )
        except AlreadySettled:
            continue
        closed += 1
    return closed


def _add(ctx: Context, session: Session, received: ReceivedRequest, words: str, *, now: datetime) -> ReceivedRequest:
    """Keep what somebody says anew beside what they said; the same once more changes nothing."""
    if words not in received.message.split(BETWEEN):
        received.message = BETWEEN.join((received.message, words))
        received_requests.tell_added_by_stranger(ctx, session, received, now=now)
    return received


def _may_write(session: Session, merchant_id: uuid.UUID, email: str, *, now: datetime) -> bool:
    """Say whether it is acknowledged by mail: whoever has typed an address often must not silence its owner."""
    limits = (
        Limit(name="lost_address", who=f"{merchant_id}/{email}", count=OF_ADDRESS, window=DAY),
        Limit(name="lost_acknowledged", who=str(merchant_id), count=ACKNOWLEDGED, window=DAY),
    )
    return all(throttles.count(session, limit, now=now) <= limit.count for limit in limits)

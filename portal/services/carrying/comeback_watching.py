"""Look whether the buyer has approved: by the clock, by a message of PayPal's, or because somebody asks.

What PayPal shows is written through the one door; a link that was never used is given up after three days.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import structlog

from portal.clock import utc_now
from portal.domain.ends.comebacks import APPROVE_WITHIN, SHOWS_WITHIN, ComebackState, ComebackTrouble, look_delay
from portal.models import Provider
from portal.providers.ports import GatewayRefused, GatewayUnavailable, Refusal
from portal.queries import subscriptions
from portal.queries.ends import comebacks
from portal.secrets import CannotOpen
from portal.services.arrivals.event_outcomes import NotYet
from portal.services.arrivals.import_rows import Origin
from portal.services.arrivals.rereading import reread
from portal.services.carrying import comeback_calls
from portal.services.carrying.answers import WORKER, Patience
from portal.services.comebacks import close, defer
from portal.services.context import Context
from portal.services.paypal.gateways import NoKey, OtherEnvironment, heed, rest_gateway

log = structlog.get_logger(__name__)

WATCHED: Final = frozenset({ComebackState.CREATING, ComebackState.WAITING, ComebackState.GIVEN_UP})
PAUSE: Final = timedelta(seconds=3)  # between two looks, however often somebody asks


class Looked(StrEnum):
    """What came of a look; each has a sentence on the page."""

    APPROVED = "approved"
    NOT_YET = "not_yet"
    GONE = "gone"
    UNKNOWN = "unknown"  # PayPal did not answer, or may not be asked


@dataclass(frozen=True)
class _Watched:
    provider_id: str
    environment: str


def carry_on(ctx: Context, merchant_id: uuid.UUID, comeback_id: uuid.UUID) -> None:
    """Do the attempt's next step, whichever it is. Safe to run twice or late."""
    with ctx.db.read() as session:
        comeback = comebacks.of_merchant(session, merchant_id, comeback_id)
    if comeback.provider_id is None:
        comeback_calls.create(ctx, merchant_id, comeback_id)
        with ctx.db.read() as session:
            comeback = comebacks.of_merchant(session, merchant_id, comeback_id)
    if comeback.provider_id is not None:
        look(ctx, merchant_id, comeback_id)


def look(
    ctx: Context, merchant_id: uuid.UUID, comeback_id: uuid.UUID, *, patience: Patience = WORKER, insist: bool = False
) -> Looked:
    """Read the new subscription at PayPal, write what it shows, and say what came of it."""
    if ctx.must_rest:  # before a recovery nothing is taken, nor given up (`engine.carry_out`)
        return Looked.UNKNOWN
    watched = _claim(ctx, merchant_id, comeback_id, now=utc_now(), insist=insist)
    answered = True
    if watched is not None:
        answered = _read(ctx, merchant_id, comeback_id, watched, patience)
    return _outcome(ctx, merchant_id, comeback_id, answered=answered, now=utc_now())


def _claim(
    ctx: Context, merchant_id: uuid.UUID, comeback_id: uuid.UUID, *, now: datetime, insist: bool
) -> _Watched | None:
    """Plan the look after this one, which thus is never forgotten; None when there is nothing to look at now."""
    with ctx.db.begin() as session:
        found = comebacks.of_merchant(session, merchant_id, comeback_id)
        comeback = comebacks.lock(session, found.id)
        if comeback.provider_id is None or comeback.waiting_since is None or comeback.state not in WATCHED:
            return None
        early = comeback.next_try_at is None or comeback.next_try_at > now + timedelta(seconds=1)
        just_read = comeback.read_at is not None and comeback.read_at + PAUSE > now
        if (early and not insist) or just_read:
            return None
        comeback.read_at = now
        if comeback.next_try_at is not None and not early:
            comeback.next_try_at = now + look_delay(now - comeback.waiting_since)
            defer(session, comeback, at=comeback.next_try_at)
        return _Watched(comeback.provider_id, comeback.environment)


def _read(ctx: Context, merchant_id: uuid.UUID, comeback_id: uuid.UUID, watched: _Watched, patience: Patience) -> bool:
    """Read it through the one door; return whether PayPal said anything."""
    origin = Origin(merchant_id, watched.environment)
    try:
        gateway = rest_gateway(ctx, merchant_id, patience=patience.answer, environment=watched.environment)
        reread(ctx, origin, gateway, watched.provider_id)
    except (NoKey, OtherEnvironment, CannotOpen, NotYet) as error:
        log.warning("comeback_not_read", comeback_id=str(comeback_id), why=type(error).__name__)
        return False
    except (GatewayRefused, GatewayUnavailable) as error:
        with ctx.db.begin() as session:
            heed(session, merchant_id, Provider.PAYPAL_REST, error, now=utc_now())
        if isinstance(error, GatewayUnavailable) or error.refusal is not Refusal.NOT_FOUND:
            return False
        _expire(ctx, merchant_id, comeback_id, after=SHOWS_WITHIN, now=utc_now())
    return True


def _outcome(ctx: Context, merchant_id: uuid.UUID, comeback_id: uuid.UUID, *, answered: bool, now: datetime) -> Looked:
    _expire(ctx, merchant_id, comeback_id, after=APPROVE_WITHIN, now=now)
    with ctx.db.read() as session:
        comeback = comebacks.of_merchant(session, merchant_id, comeback_id)
    if comeback.state is ComebackState.APPROVED:
        return Looked.APPROVED
    if comeback.trouble is ComebackTrouble.EXPIRED:
        return Looked.GONE
    return Looked.NOT_YET if answered else Looked.UNKNOWN


def _expire(ctx: Context, merchant_id: uuid.UUID, comeback_id: uuid.UUID, *, after: timedelta, now: datetime) -> None:
    """Give up what has waited so long for the approval. PayPal's messages and its list would still bring it in."""
    with ctx.db.begin() as session:
        found = comebacks.of_merchant(session, merchant_id, comeback_id)
        if found.waiting_since is None or now - found.waiting_since < after:
            return
        subscription = subscriptions.lock(session, merchant_id, found.subscription_id)
        comeback = comebacks.lock(session, comeback_id)
        if comeback.state not in WATCHED or comeback.next_try_at is None:
            return
        comeback.next_try_at = None
        if comeback.state is ComebackState.GIVEN_UP:
            comeback.trouble = ComebackTrouble.EXPIRED
        elif comeback.state is ComebackState.CREATING:  # PayPal said once that it is past the approval
            comeback.trouble = ComebackTrouble.EXPIRED
            close(session, subscription, comeback, ComebackState.FAILED, ComebackTrouble.EXPIRED, now=now)
        else:
            close(session, subscription, comeback, ComebackState.GIVEN_UP, ComebackTrouble.EXPIRED, now=now)

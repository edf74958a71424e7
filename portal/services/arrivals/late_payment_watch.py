"""Look at PayPal for money after an end that no message told of, when it would come (domain/money/late_payments.py).

Nothing else reads an ended subscription again.  `next_watch_at` is the place in the row of looks: who takes a row
moves it on by a lease, and what a killed process left comes again when that has run out.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import update

from portal.clock import utc_now
from portal.domain.money import late_payments as rules
from portal.logs import place_of
from portal.models import Subscription
from portal.providers.ports import GatewayRefused, GatewayUnavailable
from portal.queries import subscriptions
from portal.secrets import CannotOpen
from portal.services.arrivals.event_outcomes import NotYet
from portal.services.arrivals.import_rows import Origin
from portal.services.arrivals.rereading import reread
from portal.services.context import Context
from portal.services.money import late_payments, payments
from portal.services.money.payments import Told
from portal.services.paypal.gateways import NoKey, OtherEnvironment, heed, rest_gateway

log = structlog.get_logger(__name__)

LEASE: Final = timedelta(minutes=15)  # longer than any look; also the wait after a PayPal that does not answer
LATER: Final = timedelta(hours=6)  # after a refusal, or without a key
GIVE_UP: Final = timedelta(days=3)  # after the last time to look, when PayPal never let us
BACK: Final = timedelta(days=40)  # the longest span read: a month's payment and its retries


def run(ctx: Context, *, seconds: float) -> int:
    """Look at what is due until nothing is or `seconds` have passed; return how many were looked at.

    Several workers may do so at once: each row is one's.
    """
    until, looked = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        due = _take(ctx, now=utc_now())
        if due is None:
            break
        _look(ctx, due)
        looked += 1
    return looked


def _take(ctx: Context, *, now: datetime) -> Subscription | None:
    with ctx.db.begin() as session:
        due = subscriptions.lock_to_watch(session, now=now)
        if due is not None:
            due.next_watch_at = now + LEASE
        return due


def _look(ctx: Context, due: Subscription) -> None:
    """Read one subscription and its payments; what they show goes through the doors of ends and of payments."""
    now = utc_now()
    try:
        _read(ctx, due, now=now)
    except (NoKey, OtherEnvironment, CannotOpen):
        _plan(ctx, due, now=now, again=now + LATER)
    except NotYet:
        _plan(ctx, due, now=now, again=now + LEASE)
    except (GatewayRefused, GatewayUnavailable) as error:
        with ctx.db.begin() as session:
            heed(session, due.merchant_id, due.provider, error, now=now)
        wait = LATER
        if isinstance(error, GatewayUnavailable):
            wait = max(LEASE, timedelta(seconds=error.retry_after or 0))
        _plan(ctx, due, now=now, again=now + wait)
    except Exception as error:  # the row's, not the others': it comes again after the lease
        name, place = type(error).__name__, place_of(error)
        log.error("watch_failed", subscription_id=str(due.id), error=name, place=place)
    else:
        _plan(ctx, due, now=now, again=None)


def _read(ctx: Context, due: Subscription, *, now: datetime) -> None:
    gateway = rest_gateway(ctx, due.merchant_id, environment=due.environment)
    reread(ctx, Origin(due.merchant_id, due.environment), gateway, due.provider_id)
    since = max(late_payments.over_since(due) or now, now - BACK)
    shown = gateway.list_payments(due.provider_id, start=since, end=now)
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, due.merchant_id, due.id)
        payments.take_over(ctx, session, locked, shown, Told(sale_ids=()), now=now)


def _plan(ctx: Context, due: Subscription, *, now: datetime, again: datetime | None) -> None:
    """Write the next time to look: `again` while PayPal did not let us, else the next of the planned times."""
    stopped, unbilled = due.stopped_at_provider_at or now, due.unbilled_at or now
    last = rules.watch_times(stopped_at=stopped, unbilled_at=unbilled)[-1]
    following = rules.next_watch(stopped_at=stopped, unbilled_at=unbilled, now=now)
    if again is not None:
        following = again if again < last + GIVE_UP else None
    with ctx.db.begin() as session:
        session.execute(
            update(Subscription)
            # One asked for by somebody else meanwhile stands; one that this look asked for itself has just been made.
            .where(Subscription.id == due.id, Subscription.next_watch_at.in_([due.next_watch_at, now]))
            .values(next_watch_at=following)
        )

"""Read what was paid before the portal knew a subscription: PayPal's transactions from its start on, once for each.

The record, refunds and receipts stand on them.  `history_due_at` is the place in the row of what is to be read: who
takes a row moves it on by a lease, what a killed process left comes again, and empty says that all was read.
Classic subscriptions have no such list at PayPal: of them the portal knows what IPN has brought.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import update

from portal.clock import utc_now
from portal.logs import place_of
from portal.models import Subscription
from portal.providers.ports import GatewayRefused, GatewayUnavailable, PaymentReading, Refusal
from portal.queries import subscriptions
from portal.queries.money import histories
from portal.secrets import CannotOpen
from portal.services.context import Context
from portal.services.money import payments
from portal.services.money.payments import Told
from portal.services.paypal.gateways import NoKey, OtherEnvironment, heed, rest_gateway

log = structlog.get_logger(__name__)

LEASE: Final = timedelta(minutes=30)  # longer than any history takes; also the wait after a PayPal that does not answer
LATER: Final = timedelta(hours=6)  # after a refusal, or without a key
SPAN: Final = timedelta(days=31)  # of one call (FACTS.md 1.3)
EARLY: Final = timedelta(days=1)  # a first payment may be older than the start that PayPal names
AFTER_THE_END: Final = timedelta(days=62)  # the longest that a payment comes after its subscription has ended
CALLS_A_SECOND: Final = 4.0  # people who wait have the rest of PayPal's patience


def run(ctx: Context, *, seconds: float, calls_a_second: float = CALLS_A_SECOND) -> int:
    """Read what is due until nothing is or `seconds` have passed; return how many histories were read."""
    until, read = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        due = _take(ctx, now=utc_now())
        if due is None:
            break
        read += _read_or_plan(ctx, due, pause=1 / calls_a_second)
    return read


def _take(ctx: Context, *, now: datetime) -> Subscription | None:
    with ctx.db.begin() as session:
        due = histories.lock_next(session, now=now)
        if due is not None:
            due.history_due_at = now + LEASE
        return due


def _read_or_plan(ctx: Context, due: Subscription, *, pause: float) -> bool:
    """Read one history and write it; where PayPal did not let us, say when to come again."""
    now = utc_now()
    try:
        _write(ctx, due, _read(ctx, due, pause=pause, now=now), now=now)
        return True
    except (NoKey, OtherEnvironment, CannotOpen):
        _come_again(ctx, due, now + LATER, all_of_them=True)
    except GatewayRefused as refused:
        _heed(ctx, due, refused, pause=pause, now=now)
        is_unknown = refused.refusal is Refusal.NOT_FOUND  # there is nothing to read, today or ever
        is_key = refused.refusal in (Refusal.BAD_CREDENTIALS, Refusal.FORBIDDEN)
        _come_again(ctx, due, None if is_unknown else now + LATER, all_of_them=is_key)
    except GatewayUnavailable as silent:
        _heed(ctx, due, silent, pause=pause, now=now)
        wait = max(LEASE, timedelta(seconds=silent.retry_after or 0))
        _come_again(ctx, due, now + wait, all_of_them=silent.http_status == 429)
    except Exception as error:  # the row's, not the others': it comes again after the lease
        log.error("history_failed", subscription_id=str(due.id), error=type(error).__name__, place=place_of(error))
    return False


def _heed(
    ctx: Context, due: Subscription, error: GatewayRefused | GatewayUnavailable, *, pause: float, now: datetime
) -> None:
    """Keep what PayPal's answer says of the key and the pace; a refusal is a call like any other."""
    with ctx.db.begin() as session:
        heed(session, due.merchant_id, due.provider, error, now=now)
    time.sleep(pause)


def _come_again(ctx: Context, due: Subscription, at: datetime | None, *, all_of_them: bool) -> None:
    """Write when this history is read next; `all_of_them`: PayPal would answer so for each of the merchant's."""
    which = [Subscription.id == due.id]
    if all_of_them:
        which = [Subscription.merchant_id == due.merchant_id, Subscription.environment == due.environment]
        which.append(Subscription.history_due_at < at)
    with ctx.db.begin() as session:
        session.execute(update(Subscription).where(*which).values(history_due_at=at))


def _read(ctx: Context, due: Subscription, *, pause: float, now: datetime) -> list[PaymentReading]:
    if due.started_at is None:
        return []  # nothing was ever taken
    gateway = rest_gateway(ctx, due.merchant_id, environment=due.environment)
    found: dict[str, PaymentReading] = {}
    for since, until in _spans(due, now=now):
        found |= {one.provider_id: one for one in gateway.list_payments(due.provider_id, start=since, end=until)}
        time.sleep(pause)
    return list(found.values())


def _spans(due: Subscription, *, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield what to ask for, the oldest first; nothing comes long after an end."""
    over = due.stopped_at_provider_at or due.ended_at
    last = min(now, over + AFTER_THE_END) if over is not None else now
    since = (due.started_at or now) - EARLY
    while since < last:
        yield since, min(since + SPAN, last)
        since += SPAN


def _write(ctx: Context, due: Subscription, read: list[PaymentReading], *, now: datetime) -> None:
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, due.merchant_id, due.id)
        if read:
            payments.take_over(ctx, session, locked, read, Told(sale_ids=()), now=now)
        locked.history_due_at = None

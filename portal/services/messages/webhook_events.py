"""What webhook messages lead to: PayPal is read, and what it shows is written through the one door (FACTS.md 2.2).

What is mere news is written in one transaction for the batch.  Ends, arrivals and what PayPal was read about
meanwhile have one of their own; and so has each subscription when one of them spoils the batch.
"""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from itertools import chain

import structlog
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.logs import place_of
from portal.models import EventState, PayPalEvent, Subscription
from portal.providers.ports import RestGateway
from portal.queries import subscriptions
from portal.services.arrivals.event_outcomes import Handled, NotYet, Outcome
from portal.services.arrivals.import_rows import Origin
from portal.services.arrivals.rereading import is_mere_news, reread
from portal.services.context import Context
from portal.services.ends import endings
from portal.services.messages import webhook_reads
from portal.services.messages.batches import CALLS, Asking, in_rounds
from portal.services.messages.webhook_reads import Read
from portal.services.money import payments
from portal.services.paypal.gateways import rest_gateway

log = structlog.get_logger(__name__)

DONE = Handled(EventState.DONE)


def handle(ctx: Context, events: list[PayPalEvent], *, now: datetime) -> list[Outcome]:
    """Do what a merchant's messages lead to, and say what became of each."""
    outcomes: list[Outcome] = []
    with ThreadPoolExecutor(CALLS) as pool:
        for world in sorted({event.environment for event in events}):
            origin = Origin(events[0].merchant_id, world)
            asking = Asking(partial(rest_gateway, ctx, origin.merchant_id, environment=world))
            for about in in_rounds(event for event in events if event.environment == world):
                reads = list(pool.map(partial(webhook_reads.read, ctx, asking=asking, now=now), about))
                alone = _write_together(ctx, origin, [one for one in reads if one.answer is not None], now=now)
                list(pool.map(partial(_write_alone, ctx, origin, asking=asking, now=now), alone))
                outcomes += chain.from_iterable(one.outcomes for one in reads)
    return outcomes


def _write_together(ctx: Context, origin: Origin, reads: list[Read], *, now: datetime) -> list[Read]:
    """Write what is mere news; return the others, which are all of them when anything goes wrong."""
    if not reads:
        return []
    alone, written = [], []
    try:
        with ctx.db.begin() as session:
            ids = [one.provider_id for one in reads]
            known = subscriptions.lock_all_known(session, origin.merchant_id, origin.environment, ids)
            for one in reads:
                row = known.get(one.provider_id)
                if row is not None and one.answer is not None and is_mere_news(row, one.answer):
                    endings.record_reading(ctx, session, row, one.answer.reading, now=utc_now())
                    written.append((one, _write_payments(ctx, session, row, one, now=now)))
                else:
                    alone.append(one)
    except Exception as error:
        log.warning("events_written_one_by_one", error=type(error).__name__, place=place_of(error))
        return reads
    for one, became in written:
        one.became |= became
    return alone


def _write_alone(ctx: Context, origin: Origin, one: Read, *, asking: Asking[RestGateway], now: datetime) -> None:
    """Write what PayPal shows of one subscription, in transactions of its own."""
    try:
        reread(ctx, origin, asking.gateway(), one.provider_id, answer=one.answer)
        with ctx.db.begin() as session:
            row = subscriptions.lock_by_provider_id(
                session, origin.merchant_id, environment=origin.environment, provider_id=one.provider_id
            )
            if row is None and one.sales:
                raise NotYet("not_written")
            became = _write_payments(ctx, session, row, one, now=now)
        one.became |= became
    except Exception as error:
        webhook_reads.fail(ctx, one, one.open, error, now=now)


def _write_payments(
    ctx: Context, session: Session, subscription: Subscription | None, one: Read, *, now: datetime
) -> dict[uuid.UUID, Handled | Exception]:
    """Write the payments that PayPal shows, with what each message adds; return what became of the messages."""
    became: dict[uuid.UUID, Handled | Exception] = {}
    readings = one.payments
    for event in one.open:
        became[event.id], sale = DONE, one.sales.get(event.id)
        if sale is not None and subscription is not None:
            missing = payments.take_over(ctx, session, subscription, readings, sale.told, now=now)
            if missing:
                became[event.id] = NotYet(missing)
            readings = []  # they are written
    return became

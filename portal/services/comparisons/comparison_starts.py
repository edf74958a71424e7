"""When comparisons begin by themselves, and go on after a loss: every night, and before payments."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final

import structlog

from portal.models import ComparisonRun, ComparisonTrigger
from portal.queries.comparisons import comparison_turns, comparisons
from portal.services.batches import delete_all
from portal.services.comparisons.comparisons import AlreadyRunning, resume, start_or_resume
from portal.services.context import Context
from portal.services.imports.imports import QUIET
from portal.services.paypal.gateways import NoKey

log = structlog.get_logger(__name__)

NIGHT: Final = 1  # o'clock UTC
SPREAD: Final = 180  # minutes over which the merchants' beginnings are spread


def start_nightly(ctx: Context, *, now: datetime) -> int:
    """Begin tonight's run of each merchant whose time has come; return how many.

    Keys to both of PayPal's environments give two runs, the second when the first is done.
    A night that was missed, with no worker running, is made up for as soon as one runs.
    """
    with ctx.db.read() as session:
        merchants = comparison_turns.merchants_with_a_key(session)
    begun = 0
    for merchant_id, environment, key_since in merchants:
        slot = last_slot(merchant_id, now)
        if key_since >= slot:  # entered today: the import is at work
            continue
        with ctx.db.read() as session:
            has_begun = comparisons.started_since(session, merchant_id, environment, slot)
            if has_begun or comparisons.is_waiting(session, merchant_id, environment):
                continue
        begun += _start(ctx, merchant_id, environment, ComparisonTrigger.NIGHTLY, now=now)
    return begun


def start_before_payments(ctx: Context, *, now: datetime) -> int:
    """Begin a run of each merchant with payments near that were not read for a day; return how many."""
    with ctx.db.read() as session:
        near = comparison_turns.merchants_with_payments_near(session, now=now)
    return sum(
        _start(ctx, merchant_id, environment, ComparisonTrigger.PAYMENT_DUE, now=now)
        for merchant_id, environment in near
    )


def resume_stopped(ctx: Context, *, now: datetime) -> int:
    """Go on with runs whose job was lost, and with those whose merchant's keys work again; return how many."""
    with ctx.db.read() as session:
        runs = [
            *comparisons.forgotten(session, quiet_since=now - QUIET),
            *comparisons.waiting_for_a_key(session),
        ]
    return sum(resume(ctx, run, now=now) for run in runs)


def last_slot(merchant_id: uuid.UUID, now: datetime) -> datetime:
    """Return the last moment at which the merchant's night began: its own minute, so that not all begin at once."""
    tonight = now.replace(hour=NIGHT, minute=0, second=0, microsecond=0) + timedelta(minutes=merchant_id.int % SPREAD)
    return tonight if tonight <= now else tonight - timedelta(days=1)


def _start(
    ctx: Context, merchant_id: uuid.UUID, environment: str, trigger: ComparisonTrigger, *, now: datetime
) -> bool:
    try:
        run = start_or_resume(ctx, merchant_id, environment=environment, trigger=trigger, in_background=True, now=now)
    except (AlreadyRunning, NoKey):  # the one at work does it, or the key was removed a moment ago
        return False
    log.info("comparison_begun", run_id=str(run.id), merchant_id=str(merchant_id), trigger=trigger.value)
    return True


def purge(ctx: Context, *, before: datetime) -> int:
    """Delete finished runs that began before `before`, with what they found, unless it is unread; return how many."""
    return delete_all(ctx.db, ComparisonRun, *comparisons.over(before))

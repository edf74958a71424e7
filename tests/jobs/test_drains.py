"""A worker's process drains messages beside its jobs, and dies in the middle of it."""

from __future__ import annotations

import os
import signal

import psycopg
from sqlalchemy import select

from portal import queue
from portal.clock import utc_now
from portal.models import EventState, Mail, PayPalEvent, Subscription, TimelineEntry
from portal.services.imports import imports
from portal.services.messages import drains
from tests.fakes.webhooks import event
from tests.jobs.test_worker import until
from tests.services.messages.webhook_desk import WebhookDesk, changed

CHECKED = "SELECT 1 FROM procrastinate_jobs WHERE task_name = 'paypal_keys.check' AND status = 'succeeded'"


def test_a_worker_killed_in_the_middle_of_a_batch_loses_nothing_and_doubles_nothing(
    ctx, make, paypal, worker, database_url
):
    """Two subscriptions have news, which are written; the end of a third hangs in the database, and the worker dies.

    While it hangs, a job that has nothing to do with it is done.  It takes long because a real process starts.
    """
    merchant = make.merchant()
    desk = WebhookDesk(ctx, paypal, merchant)
    first, ended, last = (paypal.add_subscription() for _ in range(3))
    imports.run_import(ctx, imports.start_or_resume(ctx, merchant.id).id)
    first.failed_payments = last.failed_payments = 1
    paypal.happen(ended.id, "buyer-cancels")
    for one in (first, ended, last):
        desk.send(event("BILLING.SUBSCRIPTION.UPDATED", changed(one.id)))

    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE proofs IN ACCESS EXCLUSIVE MODE")
        process = worker()
        until(lambda: news(ctx) == 2)
        with ctx.db.begin() as session:
            about = {"merchant_id": str(merchant.id), "provider": "paypal_rest", "since": utc_now().isoformat()}
            queue.defer(session, queue.CHECK_KEY, **about)
        until(lambda: other.execute(CHECKED).fetchone())
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert states(ctx) == [EventState.WAITING] * 3, "what the dead one had read was not settled"

    assert drains.drain(ctx, merchant.id, now=utc_now()) == 0, "it might still be alive"
    assert drains.drain(ctx, merchant.id, now=utc_now() + drains.LEASE) == 3
    assert states(ctx) == [EventState.DONE] * 3
    with ctx.db.read() as session:
        entries = session.scalars(select(TimelineEntry.kind)).all()
        mails = session.scalars(select(Mail.kind)).all()
    assert (entries.count("status_seen"), entries.count("ended"), mails.count("end_confirmed")) == (2, 1, 1)


def news(ctx):
    with ctx.db.read() as session:
        return len(session.scalars(select(Subscription.id).where(Subscription.failed_payments == 1)).all())


def states(ctx):
    with ctx.db.read() as session:
        return list(session.scalars(select(PayPalEvent.state)))

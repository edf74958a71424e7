"""The worker as a real process: killed in the middle of an end, and asked to stop politely (deciding test 16)."""

from __future__ import annotations

import os
import signal
import time
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from portal.clock import utc_now
from portal.domain.ends.end_requests import RequestState
from portal.models import EndRequest, Mail, Subscription, TimelineEntry, TimelineKind
from portal.services.ends import end_requests
from tests.services.carrying.carried import wish_of

pytestmark = pytest.mark.drill


def until(what, seconds=150):
    """Wait for something to become true, and say what never did. The limit is for a machine that is busy."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return
        time.sleep(0.1)
    pytest.fail(f"this never became true: {getattr(what, 'func', what).__doc__ or what}")


def ask(ctx, subscription):
    wish = wish_of(subscription)
    return end_requests.record(ctx, wish, now=utc_now()).request_id


def make_due(ctx):
    """Let every planned job be due now."""
    with ctx.db.begin() as session:
        session.execute(text("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'"))


def state_of(ctx, request_id):
    with ctx.db.read() as session:
        return session.get_one(EndRequest, request_id).state


@pytest.fixture
def request_id(make, ctx):
    make.merchant()
    return ask(ctx, make.subscription())


def test_16_a_worker_killed_while_paypal_cancels_is_finished_by_the_next_one_once(ctx, paypal, worker, request_id):
    """It takes long because PayPal is silent for real seconds, and two processes start."""
    paypal.rule("cancel", "silent", times=1, seconds=15)
    first = worker()
    make_due(ctx)
    until(lambda: paypal.cancelled)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert state_of(ctx, request_id) is RequestState.CALLING

    # Let time pass for the dead worker: its heartbeat and its claim are old.
    with ctx.db.begin() as session:
        session.execute(text("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '10 minutes'"))
        session.execute(text("UPDATE end_requests SET claimed_at = now() - interval '10 minutes'"))
    worker()
    until(lambda: state_of(ctx, request_id) is RequestState.CONFIRMED)

    assert paypal.count("cancel") == 1, "a read was enough: PayPal had done it"
    with ctx.db.read() as session:
        kinds = session.scalars(select(Mail.kind)).all()
        ends = session.scalars(select(TimelineEntry).where(TimelineEntry.kind == TimelineKind.ENDED)).all()
    assert kinds.count("end_confirmed") == 1
    assert len(ends) == 1


def test_a_worker_asked_to_stop_finishes_what_it_does(ctx, paypal, worker, request_id):
    paypal.rule("cancel", "silent", times=1, seconds=2)
    process = worker()
    make_due(ctx)
    until(lambda: paypal.cancelled)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=150) == 0
    assert state_of(ctx, request_id) is RequestState.RETRYING
    with ctx.db.read() as session:
        left = session.scalars(
            text("SELECT status FROM procrastinate_jobs WHERE task_name = 'end_requests.carry_out' ORDER BY id")
        ).all()
    assert left == ["succeeded", "todo"], "the next try is planned, nothing hangs in « doing »"


@pytest.mark.parametrize("shift", [365 * 86400, -86400])
def test_21_a_worker_whose_clock_is_wrong_writes_the_right_time(ctx, paypal, worker, request_id, shift):
    """Its claim can be taken over, its jobs come today, what comes by the hour comes: as from any other worker."""
    worker(shift=shift)
    make_due(ctx)
    until(lambda: state_of(ctx, request_id) is RequestState.CONFIRMED)
    until(lambda: periodic(ctx))
    with ctx.db.read() as session:
        row = session.get_one(EndRequest, request_id)
        read_at = session.get_one(Subscription, row.subscription_id).provider_read_at
    for moment in (row.created_at, row.claimed_at, row.sent_at, row.confirmed_at, read_at, *periodic(ctx)):
        assert abs(moment - utc_now()) < timedelta(minutes=10), moment


def periodic(ctx):
    """The moments for which something that comes by the clock was given out."""
    with ctx.db.read() as session:
        return session.scalars(
            text("SELECT to_timestamp(defer_timestamp) FROM procrastinate_periodic_defers WHERE task_name ~ 'sweep'")
        ).all()

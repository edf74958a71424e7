"""A worker brings events beside its jobs: however many endpoints are dead, no other waits; killed, it loses nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.integrations.outgoing_events import DeliveryState
from portal.jobs import event_deliveries as jobs
from portal.models import EventDelivery
from portal.providers.event_posts import HttpEventPosts
from portal.services.outgoing import event_deliveries, event_endpoints
from portal.services.outgoing.event_endpoints import Wish
from tests.fakes.receivers import receiving
from tests.jobs.test_worker import until


@pytest.fixture
def ctx(ctx):
    return replace(ctx, event_posts=HttpEventPosts(loopback=True, whole=3.0))


@pytest.fixture
def receivers():
    """As many receivers as are wanted."""
    made = []

    def some(count):
        made.extend(receiving() for _ in range(count))
        return [one.__enter__() for one in made[-count:]]

    yield some
    for one in made:
        one.__exit__(None, None, None)


def told(ctx, merchant, address, count=1):
    made = event_endpoints.make(ctx, merchant.id, Wish(address=address), by=By(), now=utc_now())
    for _ in range(count):
        event_endpoints.test(ctx, merchant.id, made.endpoint_id, by=By(), now=utc_now())
    return made


def states(ctx):
    with ctx.db.read() as session:
        return list(session.scalars(select(EventDelivery.state)))


@pytest.fixture
def delivering(ctx):
    """A worker's way of it, in a thread of its own until the test ends."""
    over = threading.Event()

    async def run():
        async with jobs.delivering(ctx):
            while not over.is_set():
                await asyncio.sleep(0.05)

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    yield thread.start
    over.set()
    thread.join()


def test_more_silent_endpoints_than_lanes_keep_no_other_waiting(ctx, make, receivers, delivering):
    """Each of them takes three seconds to fail, and there are three times as many as quick lanes."""
    silent = receivers(8)
    for one in silent:
        one.wait.clear()
        told(ctx, make.merchant(), one.url, count=4)
    (quick,) = receivers(1)
    delivering()
    until(lambda: sum(len(one.got) for one in silent) >= jobs.QUICK_LANES)
    merchant = make.merchant()
    told(ctx, merchant, quick.url, count=30)
    until(lambda: len(quick.got) == 30)
    assert len(set(quick.ids)) == 30
    assert sum(len(one.got) for one in silent) < 32, "not after all of theirs were tried in vain"


def test_a_worker_killed_in_the_middle_loses_nothing_and_what_comes_twice_has_one_id(ctx, make, receivers, worker):
    """Of one batch two were taken and the third hangs when it dies; its claim runs out, and all arrive."""
    (one,) = receivers(1)
    told(ctx, make.merchant(), one.url, count=6)
    process = worker()
    until(lambda: len(one.got) >= 6)
    one.wait.clear()
    told(ctx, make.merchant(), one.url + "/other", count=6)
    until(lambda: len(one.got) >= 7)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    one.wait.set()
    assert states(ctx).count(DeliveryState.WAITING) == 6, "what it had is not settled"
    with ctx.db.read() as session:  # it may have been killed before it had taken the last of them
        held = select(EventDelivery.id).where(EventDelivery.state == "waiting", EventDelivery.next_try_at > utc_now())
        had = set(session.scalars(held))
    assert had, "one hung when it died"
    assert not had & set(event_deliveries.due(ctx, now=utc_now())), "it might still be alive"
    with ctx.db.begin() as session:
        session.execute(update(EventDelivery).values(next_try_at=utc_now()).where(EventDelivery.state == "waiting"))
    jobs.deliver_all(ctx)
    assert states(ctx) == [DeliveryState.DELIVERED] * 12
    assert len(set(one.ids)) == 12


def test_what_is_due_now_is_delivered_by_a_worker_that_does_not_wait(ctx, make, receivers):
    (one,) = receivers(1)
    told(ctx, make.merchant(), one.url, count=60)
    told(ctx, make.merchant(), "http://127.0.0.1:9/", count=3)
    assert jobs.deliver_all(ctx) == 61
    assert len(set(one.ids)) == 60

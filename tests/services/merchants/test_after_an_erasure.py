"""Once a merchant's pages are closed, no regular job writes to its customers any more, whatever of them is kept."""

from __future__ import annotations

import inspect
from datetime import timedelta
from types import SimpleNamespace

import pytest
import time_machine
from sqlalchemy import select

from portal import jobs, queue
from portal.clock import utc_now
from portal.domain.audit import OPERATOR
from portal.models import EndRequest, Mail, Merchant
from portal.services.merchants import departures, standings
from tests.services.carrying.carried import ask, carry

DAY = timedelta(days=1)
TOLD_IN_TIME = ["access_ends_soon", "access_ended"]


@pytest.fixture
def proven(ctx, make, left):
    """An end confirmed and proven, all mails of it sent; what is paid still opens the product for weeks."""

    def end(merchant):
        subscription = make.subscription(merchant=merchant)
        request = carry(ctx, ask(ctx, make, subscription))
        left(utc_now())
        return request, make.reload(subscription).access_until

    return end


def clock_round(ctx, now):
    """Run every job that comes by the clock, as if it were that moment."""
    job = SimpleNamespace(additional_context={"portal": ctx})
    assert jobs
    tasks = [one.task for one in queue.app.periodic_registry.periodic_tasks.values()]
    ours = [
        task for task in tasks if not inspect.iscoroutinefunction(task.func)
    ]  # the others tend the queue's own rows
    assert len(tasks) - len(ours) == 1
    with time_machine.travel(now):
        for task in ours:
            task.func(job, 0)


def mails_since(ctx, merchant, moment):
    with ctx.db.read() as session:
        mine = select(Mail.kind).where(Mail.merchant_id == merchant.id, Mail.created_at > moment)
        return session.scalars(mine.order_by(Mail.created_at, Mail.kind)).all()


def close(ctx, merchant, now):
    last = standings.leave(ctx, merchant.id, leave_live=True, by=OPERATOR, now=now)
    departures.run(ctx, now=last)
    with ctx.db.read() as session:
        assert session.get_one(Merchant, merchant.id).closed_at == last
    return last


def test_the_customers_of_an_erased_merchant_are_left_in_peace(ctx, make, proven, now):
    goes, stays = make.merchant(), make.merchant()
    (kept, _), (told, end) = proven(goes), proven(stays)
    last = close(ctx, goes, now)
    departures.run(ctx, now=last + DAY)
    since = utc_now()
    for moment in (end - DAY, end + DAY):
        clock_round(ctx, moment)
    assert mails_since(ctx, goes, since) == []
    assert [kind for kind in mails_since(ctx, stays, since) if kind in TOLD_IN_TIME] == TOLD_IN_TIME
    with ctx.db.read() as session:
        assert session.get_one(EndRequest, kept.id).state == "confirmed"
        assert session.get_one(EndRequest, told.id).state == "closed"


def test_while_the_pages_are_closed_nobody_is_led_to_them_and_open_again_they_are(ctx, make, proven, left, now):
    merchant = make.merchant()
    _request, end = proven(merchant)
    live = make.subscription(merchant=merchant)
    last = close(ctx, merchant, now)
    since = utc_now()
    clock_round(ctx, end - 2 * DAY)
    assert mails_since(ctx, merchant, since) == []
    ask(ctx, make, live)
    departures.run(ctx, now=last + DAY)
    clock_round(ctx, end - DAY)
    assert "access_ends_soon" in mails_since(ctx, merchant, since)

"""A worker drains what waits: one read a subscription, a bad message alone, workers side by side, no wake-up lost."""

from __future__ import annotations

import asyncio
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from portal.clock import utc_now
from portal.jobs import events as jobs
from portal.models import Customer, EventSource, EventState, PayPalEvent, Subscription, TimelineEntry
from portal.queries.messages import paypal_events
from portal.services.imports import imports
from portal.services.messages import drains
from portal.services.messages.webhook_intake import Intake
from tests.fakes.webhooks import event
from tests.services.messages.webhook_desk import WebhookDesk, changed, refund, sale

UPDATED, COMPLETED = "BILLING.SUBSCRIPTION.UPDATED", "PAYMENT.SALE.COMPLETED"
DONE, WAITING = EventState.DONE, EventState.WAITING


@pytest.fixture
def desk(ctx, paypal, make):
    return WebhookDesk(ctx, paypal, make.merchant())


@pytest.fixture
def late(ctx, desk, paypal):
    """Subscriptions whose payment failed at PayPal, which nobody here knows yet."""

    def some(count):
        at_paypal = [paypal.add_subscription() for _ in range(count)]
        imports.run_import(ctx, imports.start_or_resume(ctx, desk.merchant.id).id)
        with ctx.db.read() as session:
            known = {row.provider_id: row for row in session.scalars(select(Subscription))}
        for one in at_paypal:
            one.failed_payments = 1
        paypal.calls.clear()
        return [known[one.id] for one in at_paypal]

    return some


def hear(desk, *subscriptions):
    """Let a message come about each of them, in this order."""
    for one in subscriptions:
        assert desk.send(event(UPDATED, changed(one.provider_id))) is Intake.STORED


def states(ctx):
    """What became of the messages, by the subscription they name."""
    with ctx.db.read() as session:
        rows = session.execute(select(PayPalEvent.subject, PayPalEvent.state).order_by(PayPalEvent.received_at)).all()
    return {row.subject: row.state for row in rows}


def tasks(ctx):
    with ctx.db.read() as session:
        return session.scalars(text("SELECT task_name FROM procrastinate_jobs ORDER BY id")).all()


def drain(ctx, merchant, later=timedelta()):
    return drains.drain(ctx, merchant.id, now=utc_now() + later)


# One read


def test_messages_of_one_subscription_are_one_read_and_each_is_done(ctx, desk, late, make, paypal):
    first, second = late(2)
    hear(desk, first, second, first, first, second)
    assert drain(ctx, desk.merchant) == 5
    assert [row.state for row in desk.rows()] == [DONE] * 5
    assert [paypal.count("show", one.provider_id) for one in (first, second)] == [1, 1]
    assert [make.reload(one).failed_payments for one in (first, second)] == [1, 1]


def test_a_read_counts_from_when_it_was_written(ctx, desk, late, make, paypal):
    """An answer that another worker asked for after this batch began, and before this read, must not overtake it."""
    [one] = late(1)
    hear(desk, one)
    paypal.rule("show", "normal", latency=200)
    began = utc_now()
    drains.drain(ctx, desk.merchant.id, now=began)
    assert make.reload(one).failed_payments == 1
    assert make.reload(one).provider_read_at >= began + timedelta(milliseconds=200)


def test_siblings_come_with_the_oldest_message_of_their_subscription(ctx, desk, late, paypal, monkeypatch):
    """A batch is so many subscriptions, not so many messages: those far behind in the row are about them too."""
    monkeypatch.setattr(drains, "SUBSCRIPTIONS", 2)
    first, second, third = late(3)
    hear(desk, first, second, third, third, first)
    assert drain(ctx, desk.merchant) == 3
    assert states(ctx)[third.provider_id] is WAITING
    assert drain(ctx, desk.merchant) == 2
    assert [paypal.count("show", one.provider_id) for one in (first, second, third)] == [1, 1, 1]


def test_sales_of_one_subscription_are_one_read_of_it_and_one_of_its_payments(ctx, desk, make, paypal):
    subscription = make.subscription(merchant=desk.merchant)
    for _ in range(2):
        paypal.happen(subscription.provider_id, "charge")
    paid = paypal.subscriptions[subscription.provider_id].payments[-2:]
    for one in paid:
        resource = {**sale(one.id, subscription.provider_id), "create_time": one.time}
        assert desk.send(event(COMPLETED, resource)) is Intake.STORED
    assert drain(ctx, desk.merchant) == 2
    assert set(desk.payments()) >= {one.id for one in paid}
    assert (paypal.count("show"), paypal.count("transactions")) == (1, 1)


def test_a_refund_that_names_only_its_sale_finds_it_in_its_own_batch(ctx, desk, make, paypal):
    subscription = make.subscription(merchant=desk.merchant)
    paypal.happen(subscription.provider_id, "charge")
    paid = paypal.subscriptions[subscription.provider_id].payments[-1]
    paypal.happen(subscription.provider_id, "refund")
    assert desk.send(event("PAYMENT.SALE.REFUNDED", refund(paid.id))) is Intake.STORED
    resource = {**sale(paid.id, subscription.provider_id), "create_time": paid.time}
    assert desk.send(event(COMPLETED, resource)) is Intake.STORED
    assert drain(ctx, desk.merchant) == 2
    assert [row.state for row in desk.rows()] == [DONE, DONE]
    assert desk.payments()[paid.id] == ("refunded", "29.9")


def test_what_changes_nothing_but_facts_is_one_transaction(ctx, desk, late):
    """Twelve subscriptions, one commit of what PayPal shows: the log of transactions grows by no more than five."""
    hear(desk, *late(12))
    with ctx.db.read() as session:
        before = session.scalar(text("SELECT pg_current_xact_id()::text::bigint"))
    drain(ctx, desk.merchant)
    with ctx.db.read() as session:
        after = session.scalar(text("SELECT pg_current_xact_id()::text::bigint"))
    assert set(states(ctx).values()) == {DONE}
    assert after - before <= 5  # claimed, PayPal's token, what it shows, what became of the messages; and our look


# One that fails


def test_one_that_raises_in_the_middle_waits_alone_and_the_others_are_applied(ctx, desk, late, make, paypal):
    first, bad, last = late(3)
    with ctx.db.begin() as session:
        session.execute(text("CREATE FUNCTION no() RETURNS trigger AS 'BEGIN RAISE ''no''; END' LANGUAGE plpgsql"))
        session.execute(
            text(
                "CREATE TRIGGER no BEFORE UPDATE ON subscriptions FOR EACH ROW "
                f"WHEN (new.id = '{bad.id}') EXECUTE FUNCTION no()"
            )
        )
    hear(desk, first, bad, last)
    drain(ctx, desk.merchant)
    assert states(ctx) == {first.provider_id: DONE, bad.provider_id: WAITING, last.provider_id: DONE}
    [row] = [row for row in desk.rows() if row.state is WAITING]
    assert row.attempts == 1
    assert row.error
    assert timedelta(seconds=50) < row.next_try_at - utc_now() < timedelta(seconds=70), "the first wait of the ladder"
    assert [make.reload(one).failed_payments for one in (first, bad, last)] == [1, 0, 1]
    assert paypal.count("show") == 3, "what PayPal had shown was written, not asked for again"
    with ctx.db.begin() as session:
        session.execute(text("DROP TRIGGER no ON subscriptions"))
    assert drain(ctx, desk.merchant, timedelta(minutes=2)) == 1
    assert make.reload(bad).failed_payments == 1
    with ctx.db.read() as session:
        kinds = session.scalars(select(TimelineEntry.kind).where(TimelineEntry.kind == "status_seen")).all()
    assert len(kinds) == 3, "each is told once"


def test_one_that_paypal_does_not_answer_waits_alone(ctx, desk, late, paypal):
    first, bad, last = late(3)
    paypal.rule("show", "500", only=bad.provider_id)
    hear(desk, first, bad, last)
    drain(ctx, desk.merchant)
    assert states(ctx) == {first.provider_id: DONE, bad.provider_id: WAITING, last.provider_id: DONE}


def test_when_paypal_answers_nobody_it_is_left_alone_and_all_wait(ctx, desk, late, paypal):
    paypal.rule("show", "500")
    hear(desk, *late(30))
    drain(ctx, desk.merchant)
    assert {(row.state, row.attempts, row.error.split()[0]) for row in desk.rows()} == {(WAITING, 1, "unavailable")}
    assert paypal.count("show") <= 3 + 2 * 8, "three answers are enough, and what was under way beside them"


def test_a_refused_key_is_asked_about_once_for_the_batch(ctx, desk, late, paypal):
    paypal.rule("show", "403")
    hear(desk, *late(6))
    drain(ctx, desk.merchant)
    assert set(states(ctx).values()) == {WAITING}
    assert tasks(ctx).count("paypal_keys.check") == 1


# Side by side


def test_two_workers_share_the_work(ctx, desk, late, paypal, monkeypatch):
    monkeypatch.setattr(drains, "SUBSCRIPTIONS", 2)
    subscriptions = late(10)
    hear(desk, *subscriptions)
    paypal.rule("show", "normal", latency=30)
    with ThreadPoolExecutor(2) as workers:
        list(workers.map(lambda _worker: jobs.drain_all(ctx), range(2)))
    assert set(states(ctx).values()) == {DONE}
    assert [paypal.count("show", one.provider_id) for one in subscriptions] == [1] * 10


def test_what_a_dead_worker_had_comes_again_after_its_lease_and_not_before(ctx, desk, late):
    hear(desk, *late(2))
    now = utc_now()
    with ctx.db.begin() as session:  # a worker that dies right after this
        taken = paypal_events.claim(session, desk.merchant.id, now=now, until=now + drains.LEASE, subjects=9, limit=9)
    assert len(taken) == 2
    assert drain(ctx, desk.merchant) == 0
    assert drain(ctx, desk.merchant, drains.LEASE) == 2
    assert set(states(ctx).values()) == {DONE}


@pytest.fixture
def draining(ctx):
    """Let a worker's drain run beside what is done meanwhile."""

    def beside(act):
        async def run():
            async with jobs.draining(ctx):
                await asyncio.to_thread(act)

        asyncio.run(run())

    return beside


def until(what):
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_comes_while_a_drain_runs_is_found(ctx, desk, late, paypal, draining):
    """Nobody is told of it: it may come before, during or after any of the worker's looks."""
    first, second = late(2)
    paypal.rule("show", "normal", latency=200)

    def act():
        hear(desk, first)
        until(lambda: paypal.count("show") == 1)
        hear(desk, second, first)  # while PayPal is asked about the first
        until(lambda: [row.state for row in desk.rows()] == [DONE] * 3)

    draining(act)
    assert paypal.count("show", first.provider_id) == 2, "PayPal was asked before the second message came"


def test_many_messages_of_one_merchant_keep_no_others_waiting(ctx, desk, late, make, paypal, draining, monkeypatch):
    monkeypatch.setattr(drains, "SUBSCRIPTIONS", 1)
    monkeypatch.setattr(jobs, "MERCHANTS", 2)
    busy = late(12)
    hear(desk, *busy)
    other = WebhookDesk(ctx, paypal, make.merchant())
    paypal.rule("show", "normal", latency=250)

    def act():
        until(lambda: paypal.count("show") >= 1)
        hear(other, make.subscription(merchant=other.merchant))
        until(lambda: other.rows()[0].state is DONE)
        left = [row for row in desk.rows() if row.state is WAITING]
        assert len(left) >= 3, "the others still wait, ours did not wait for them"

    draining(act)


def test_a_drain_goes_on_when_the_database_was_away(ctx, desk, late, draining, monkeypatch):
    monkeypatch.setattr(jobs, "PAUSE", 0.1)

    def act():
        with ctx.db.begin() as session:
            session.execute(text("ALTER TABLE paypal_events RENAME TO gone"))
        time.sleep(0.3)
        with ctx.db.begin() as session:
            session.execute(text("ALTER TABLE gone RENAME TO paypal_events"))
        hear(desk, *late(1))
        until(lambda: set(states(ctx).values()) == {DONE})

    draining(act)


def test_what_has_waited_longest_is_taken_however_many_name_nothing(ctx, make):
    merchant, now = make.merchant(), utc_now()

    def waits(subject: str, seconds: float) -> PayPalEvent:
        at = now - timedelta(seconds=seconds)
        kept = {"environment": "sandbox", "source": EventSource.IPN, "event_id": uuid.uuid4().hex, "event_type": "x"}
        when = {"received_at": at, "next_try_at": at, "state": EventState.WAITING}
        return PayPalEvent(merchant_id=merchant.id, subject=subject, body=b"", attempts=0, error="", **kept, **when)

    make.add(*(waits("", 60 + number / 1000) for number in range(3000)), waits("I-OLD", 3600))
    with ctx.db.begin() as session:
        session.execute(text("ANALYZE paypal_events"))
        until = now + timedelta(minutes=2)
        taken = paypal_events.claim(session, merchant.id, now=now, until=until, subjects=50, limit=400)
    assert taken[0].subject == "I-OLD"
    assert len(taken) == 50, "what names nothing is not gathered as one subscription's"


def test_what_a_message_said_of_somebody_erased_goes_once_it_is_handled(ctx, desk, late, make):
    """It may have waited during the erasure, or come after it: names and addresses stand in it."""
    gone, other = late(2)
    somebody = make.customer(desk.merchant)
    with ctx.db.begin() as session:
        session.get_one(Subscription, other.id).customer_id = somebody.id
        session.get_one(Customer, gone.customer_id).erased_at = utc_now()
    hear(desk, gone, other)
    drains.drain(ctx, desk.merchant.id, now=utc_now())
    with ctx.db.read() as session:
        bodies = {row.subject: row.body for row in session.scalars(select(PayPalEvent))}
    assert states(ctx) == {gone.provider_id: DONE, other.provider_id: DONE}
    assert bodies[gone.provider_id] is None
    assert bodies[other.provider_id]

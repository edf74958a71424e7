"""The life of a stored message: handled, tried again with growing waits, given up after days, replayed, never lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.policies import Actor
from portal.jobs import run_worker
from portal.models import EventSource, EventState, PayPalAccount, PayPalEvent, Provider
from portal.queries.messages import event_lists
from portal.services.arrivals.event_outcomes import NotYet
from portal.services.inbox.inbox import see_event
from portal.services.messages import drains, events
from portal.services.messages.events import Message, Stored
from portal.services.messages.webhook_intake import Intake
from portal.services.paypal.gateways import slow_down
from tests.fakes.webhooks import event
from tests.services.messages.webhook_desk import WebhookDesk, changed

BODY = event("BILLING.SUBSCRIPTION.CANCELLED", changed("I-BW452GLLEP1G"))


@pytest.fixture
def desk(ctx, paypal, make):
    desk = WebhookDesk(ctx, paypal, make.merchant())
    seen = paypal.add_subscription()
    desk.send(event("BILLING.SUBSCRIPTION.ACTIVATED", changed(seen.id)))
    return desk


def tasks(ctx, name):
    with ctx.db.read() as session:
        return session.scalars(
            text("SELECT args FROM procrastinate_jobs WHERE task_name = :name"), {"name": name}
        ).all()


def calm_until(ctx):
    """Until when PayPal asked to wait."""
    with ctx.db.read() as session:
        return session.scalars(select(PayPalAccount.calm_until)).one()


def test_the_waits_grow_and_after_three_days_it_is_given_up(ctx, desk, paypal):
    """The waits of cancellation.md, rule 8, give or take a tenth."""
    paypal.rule("show", "500")
    minutes = [1, 5, 15, 60, 180, *[360] * 12]
    clock, waits = utc_now(), []
    while True:
        assert drains.drain(ctx, desk.merchant.id, now=clock) == 1
        [row] = desk.rows()
        if row.state is not EventState.WAITING:
            break
        waits.append((row.next_try_at - clock) / timedelta(minutes=1))
        assert drains.drain(ctx, desk.merchant.id, now=row.next_try_at - timedelta(seconds=1)) == 0
        clock = row.next_try_at
    assert row.state is EventState.FAILED
    assert row.error.startswith("unavailable")
    assert row.next_try_at is None
    assert clock - row.received_at >= timedelta(days=3)
    assert len(waits) >= 14
    for wait, wanted in zip(waits, minutes, strict=False):
        assert wanted * 0.89 <= wait <= wanted * 1.11
    before = paypal.count("show")
    assert drains.drain(ctx, desk.merchant.id, now=clock + timedelta(days=1)) == 0
    assert paypal.count("show") == before


def test_a_worker_that_looks_too_early_or_again_does_nothing(ctx, desk, paypal):
    paypal.rule("show", "500", times=1)
    desk.work()
    desk.work()
    assert paypal.count("show") == 1
    desk.work(later=timedelta(minutes=2))
    assert desk.rows()[0].state is EventState.DONE
    desk.work(later=timedelta(minutes=2))
    assert paypal.count("show") == 2


@pytest.mark.parametrize(("answer", "word"), [("401", "bad_credentials"), ("403", "forbidden")])
def test_a_refused_key_is_tested_soon_and_the_message_waits(ctx, desk, paypal, answer, word):
    paypal.rule("show", answer)
    desk.work()
    [row] = desk.rows()
    assert row.state is EventState.WAITING
    assert row.error.split()[0] == word
    [check] = tasks(ctx, "paypal_keys.check")
    assert (check["merchant_id"], check["provider"]) == (str(desk.merchant.id), "paypal_rest")


def test_too_many_calls_slow_the_whole_merchant_down(ctx, desk, paypal):
    paypal.rule("show", "429", times=1, retry_after=1200)
    before = utc_now()
    desk.work()
    assert calm_until(ctx) >= before + timedelta(seconds=1200)
    assert desk.rows()[0].next_try_at >= before + timedelta(seconds=1200)
    desk.work(later=timedelta(hours=1))
    assert paypal.count("show") == 1, "the wait that PayPal asked for stands, whoever asks"


def test_who_asks_meanwhile_makes_the_wait_no_longer(ctx, desk, paypal):
    """Our own refusal says 429 as PayPal's did: with a message each second no cancellation would ever leave again."""
    paypal.rule("show", "429", times=1, retry_after=1200)
    desk.work()
    asked = calm_until(ctx)
    for _number in range(3):
        seen = paypal.add_subscription()
        desk.send(event("BILLING.SUBSCRIPTION.ACTIVATED", changed(seen.id)))
        desk.work()
    assert paypal.count("show") == 1
    assert calm_until(ctx) == asked


def test_a_shorter_wait_does_not_cut_the_longer_one_short(ctx, desk):
    now = utc_now()
    for seconds, stands in ((600, 600), (30, 600), (900, 900)):
        with ctx.db.begin() as session:
            until = now + timedelta(seconds=seconds)
            slow_down(session, desk.merchant.id, Provider.PAYPAL_REST, until=until)
        assert calm_until(ctx) == now + timedelta(seconds=stands)


def test_without_a_key_the_message_waits_for_one(ctx, desk, make, paypal):
    with ctx.db.begin() as session:
        session.execute(text("DELETE FROM paypal_accounts"))
    desk.work()
    assert desk.rows()[0].error == "no_key"
    make.key(desk.merchant)
    with ctx.db.begin() as session:
        assert events.retry_all(session, desk.merchant.id, Provider.PAYPAL_CLASSIC, now=utc_now()) == 0
        assert events.retry_all(session, desk.merchant.id, Provider.PAYPAL_REST, now=utc_now()) == 1
    desk.work()
    assert desk.rows()[0].state is EventState.DONE


@pytest.mark.parametrize("why", ["no key", "refused", "silence"])
def test_what_was_given_up_for_want_of_a_key_is_tried_again_with_a_good_one(ctx, desk, make, paypal, why):
    """A classic sale is in no list of PayPal's: its message is all there is."""
    if why == "no key":
        with ctx.db.begin() as session:
            session.execute(text("DELETE FROM paypal_accounts"))
    else:
        paypal.rule("show", "500" if why == "silence" else "401")
    clock = utc_now()
    while desk.rows()[0].state is EventState.WAITING:
        drains.drain(ctx, desk.merchant.id, now=clock)
        clock += timedelta(hours=8)
    assert desk.rows()[0].state is EventState.FAILED
    paypal.rules.clear()
    if why == "no key":
        make.key(desk.merchant)
    with ctx.db.begin() as session:
        tried = events.retry_all(session, desk.merchant.id, Provider.PAYPAL_REST, now=utc_now())
    assert tried == (0 if why == "silence" else 1)
    desk.work()
    assert desk.rows()[0].state is (EventState.FAILED if why == "silence" else EventState.DONE)


@pytest.mark.parametrize(
    ("error", "columns", "state"),
    [
        ("no_key", {}, EventState.WAITING),
        ("bad_credentials f00ba4", {}, EventState.WAITING),
        ("key_unreadable", {"body": None}, EventState.WAITING),  # its subscription is read again
        ("key_unreadable", {"body": None, "subject": ""}, EventState.FAILED),
        ("unavailable f00ba4", {}, EventState.FAILED),  # no key helps there
    ],
)
def test_what_was_given_up_for_want_of_a_key_begins_anew_with_one(ctx, desk, error, columns, state):
    with ctx.db.begin() as session:
        row = session.scalars(select(PayPalEvent)).one()
        row.state, row.error, row.attempts, row.next_try_at = EventState.FAILED, error, 17, None
        for name, value in columns.items():
            setattr(row, name, value)
    with ctx.db.begin() as session:
        tried = events.retry_all(session, desk.merchant.id, Provider.PAYPAL_REST, now=utc_now())
    [row] = desk.rows()
    assert (row.state, tried) == (state, int(state is EventState.WAITING))
    assert state is EventState.FAILED or row.attempts == 0


def test_what_somebody_set_aside_is_heard_again_when_paypal_sends_it_anew(ctx, desk, paypal):
    body = event("BILLING.SUBSCRIPTION.UPDATED", changed(paypal.add_subscription().id), event_id="WH-SET-ASIDE")
    desk.send(body)
    with ctx.db.begin() as session:
        given_up = update(PayPalEvent).where(PayPalEvent.event_id == "WH-SET-ASIDE").returning(PayPalEvent.id)
        values = {"state": EventState.FAILED, "error": "unavailable", "next_try_at": None}
        row_id = session.scalars(given_up.values(values)).one()
    see_event(ctx, desk.merchant.id, row_id, by=By(actor=Actor.STAFF, name="Sam"), now=utc_now())
    with ctx.db.read() as session:
        assert event_lists.known_ids(session, desk.merchant.id, ["WH-SET-ASIDE"]) == set()
    assert desk.send(body) is Intake.STORED
    desk.work()
    with ctx.db.read() as session:
        assert session.get_one(PayPalEvent, row_id).state is EventState.DONE
        assert event_lists.known_ids(session, desk.merchant.id, ["WH-SET-ASIDE"]) == {"WH-SET-ASIDE"}


def test_a_defect_of_ours_puts_the_message_off_and_names_no_content(ctx, desk):
    with ctx.db.begin() as session:
        session.execute(text("ALTER TABLE subscriptions RENAME TO gone"))
    desk.work()
    with ctx.db.begin() as session:
        session.execute(text("ALTER TABLE gone RENAME TO subscriptions"))
    [row] = desk.rows()
    assert (row.state, row.error) == (EventState.WAITING, "ProgrammingError")
    desk.work(later=timedelta(minutes=2))
    assert desk.rows()[0].state is EventState.DONE


def test_a_replay_starts_from_the_beginning(ctx, desk, paypal):
    paypal.rule("show", "500")
    desk.work(later=timedelta(days=4))
    assert desk.rows()[0].state is EventState.FAILED
    paypal.clear_rules()
    now = utc_now() + timedelta(days=10)
    with ctx.db.begin() as session:
        events.replay(session, session.scalars(select(PayPalEvent)).one(), now)
    [row] = desk.rows()
    assert (row.state, row.attempts, row.error, row.replayed_at) == (EventState.WAITING, 0, "", now)
    paypal.rule("show", "500", times=1)
    drains.drain(ctx, desk.merchant.id, now=now)
    assert desk.rows()[0].state is EventState.WAITING, "it has three days again"
    drains.drain(ctx, desk.merchant.id, now=now + timedelta(minutes=2))
    assert desk.rows()[0].state is EventState.DONE


def test_a_worker_that_comes_late_does_not_undo_a_replay(ctx, desk, paypal):
    """A replay while the message is at a worker: that worker's outcome is not the replay's."""
    with ctx.db.read() as session:
        before = session.scalars(select(PayPalEvent)).one()
    with ctx.db.begin() as session:
        events.replay(session, session.scalars(select(PayPalEvent)).one(), utc_now())
    with ctx.db.begin() as session:
        drains._write(session, [(before, NotYet("late"))], now=utc_now())
    [row] = desk.rows()
    assert (row.error, row.attempts) == ("", 0)


def test_the_real_worker_handles_what_waits(ctx, desk):
    run_worker(ctx, wait=False)
    assert [row.state for row in desk.rows()] == [EventState.DONE]


def test_an_ipn_has_no_transmission_id_and_its_own_key(ctx, desk):
    message = Message(
        merchant_id=desk.merchant.id,
        environment="sandbox",
        source=EventSource.IPN,
        event_id="txn:61E67681CH3238416:Completed",
        event_type="recurring_payment",
        body=b"txn_id=61E67681CH3238416",
    )
    with ctx.db.once() as connection:
        assert events.store(connection, message, now=utc_now()) is Stored.NEW
    with ctx.db.once() as connection:
        assert events.store(connection, message, now=utc_now()) is Stored.KNOWN

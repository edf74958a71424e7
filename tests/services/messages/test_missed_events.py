"""After an outage PayPal is asked to send again what is missing here, and nothing else."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, text, update

from portal.jobs import run_worker
from portal.jobs.webhooks import TRY_AGAIN
from portal.models import EventSource, EventState, PayPalAccount, PayPalEvent, WebhookEndpoint
from portal.providers.ports import GatewayUnavailable
from portal.services.messages import missed_events, webhook_registration
from portal.services.messages.missed_events import Fetched, NothingToAsk
from portal.services.messages.webhook_registration import NotRegistered
from portal.services.paypal.gateways import NoKey

DAY = timedelta(days=1)


@pytest.fixture
def ctx(ctx):
    return replace(ctx, base_url="https://portail.boutique.fr")


@pytest.fixture
def merchant(ctx, paypal, make, now):
    """A merchant whom PayPal reports to, though nobody answers: events pile up there."""
    paypal.automatic = False
    merchant = make.merchant()
    assert webhook_registration.ensure(ctx, merchant.id, now=now) is None
    return merchant


@pytest.fixture
def events(paypal):
    """Let this many things happen at PayPal; return the ids of their events, oldest first."""

    def happen(number: int) -> list[str]:
        before = set(paypal.state.events)
        for _ in range(number):
            paypal.happen(paypal.add_subscription().id, "buyer-cancels")
        return [key for key in paypal.state.events if key not in before]

    return happen


def stored(ctx, merchant, event_ids, now):
    with ctx.db.begin() as session:
        session.add_all(
            PayPalEvent(
                merchant_id=merchant.id,
                environment="sandbox",
                source=EventSource.WEBHOOK,
                event_id=event_id,
                event_type="BILLING.SUBSCRIPTION.CANCELLED",
                received_at=now,
                state=EventState.DONE,
            )
            for event_id in event_ids
        )


def fetch(ctx, merchant, now, **more):
    return missed_events.fetch_share(
        ctx, merchant.id, **{"start": now - DAY / 2, "end": now + DAY / 4, "now": now} | more
    )


def sent_again(paypal):
    """The ids of the calls that asked PayPal to send an event again."""
    return [call.provider_id for call in paypal.calls if call.operation == "resend_event"]


def test_only_what_is_missing_is_asked_for_over_several_pages(ctx, paypal, merchant, events, now):
    happened = events(47)
    stored(ctx, merchant, happened[::2], now)
    assert fetch(ctx, merchant, now) == Fetched(listed=47, known=24, resent=23, refused=0)
    assert sorted(sent_again(paypal)) == sorted(happened[1::2])
    assert paypal.count("list_events") == 3


def test_what_was_never_for_this_portal_is_left_alone(ctx, paypal, merchant, events, now):
    [event_id] = events(1)
    paypal.state.events[event_id].body = paypal.state.events[event_id].body.replace(
        "BILLING.SUBSCRIPTION.CANCELLED", "CATALOG.PRODUCT.CREATED"
    )
    assert fetch(ctx, merchant, now) == Fetched()
    assert sent_again(paypal) == []


def test_another_merchants_copy_does_not_count_as_known(ctx, paypal, make, merchant, events, now):
    happened = events(2)
    stored(ctx, make.merchant(), happened, now)
    assert fetch(ctx, merchant, now).resent == 2


def test_one_that_paypal_no_longer_sends_does_not_stop_the_others(ctx, paypal, merchant, events, now):
    happened = events(3)
    paypal.rule("resend_event", "404", only=happened[1])
    assert fetch(ctx, merchant, now) == Fetched(listed=3, known=0, resent=2, refused=1)


@pytest.mark.parametrize("operation", ["list_events", "resend_event"])
@pytest.mark.parametrize("behaviour", ["401", "403"])
def test_a_refused_key_stops_it_and_is_tested(ctx, paypal, merchant, events, now, operation, behaviour):
    events(3)
    paypal.rule(operation, behaviour)
    assert fetch(ctx, merchant, now) is None
    assert paypal.count("resend_event") <= 2  # a token is renewed once
    with ctx.db.read() as session:
        jobs = session.scalars(text("SELECT task_name FROM procrastinate_jobs")).all()
    assert jobs.count("paypal_keys.check") == 1


@pytest.mark.parametrize("behaviour", ["500", "429", "html-502", "cut"])
def test_a_silence_is_for_the_job_to_try_again(ctx, paypal, merchant, events, now, behaviour):
    happened = events(3)
    rule = paypal.rule("resend_event", behaviour, skip=1)
    with pytest.raises(GatewayUnavailable):
        fetch(ctx, merchant, now)
    paypal.rules.remove(rule)
    with ctx.db.begin() as session:
        session.execute(text("UPDATE paypal_accounts SET calm_until = NULL"))
    assert fetch(ctx, merchant, now).resent == 3  # known is only what has arrived
    assert set(sent_again(paypal)) == set(happened)


def test_a_long_span_goes_from_job_to_job_a_day_each(ctx, paypal, merchant, now):
    missed_events.start_fetch(ctx, merchant.id, start=now - timedelta(days=90), end=now + DAY, now=now)
    with ctx.db.read() as session:
        [(start, end)] = session.execute(
            text("SELECT args->>'start', args->>'end' FROM procrastinate_jobs WHERE task_name = 'events.fetch_missed'")
        ).all()
    assert (start, end) == ((now - timedelta(days=30)).isoformat(), now.isoformat())
    for _ in range(31):  # a worker that does not wait stops while the next job is still held back
        run_worker(ctx, wait=False)
    with ctx.db.read() as session:
        spans = session.execute(
            text("SELECT args->>'start', status FROM procrastinate_jobs WHERE task_name = 'events.fetch_missed'")
        ).all()
    assert len({start for start, _status in spans}) == 30
    assert {status for _start, status in spans} == {"succeeded"}
    assert paypal.count("list_events") == 30


def test_what_was_found_adds_up_for_the_page_and_a_share_done_twice_counts_once(ctx, paypal, merchant, events, now):
    events(3)
    later = now + DAY / 4  # the events happen after `now`
    missed_events.start_fetch(ctx, merchant.id, start=later - 2 * DAY, end=later, now=later)
    found = []
    for start in (later - 2 * DAY, later - DAY, later - DAY):
        missed_events.fetch_share(ctx, merchant.id, start=start, end=later, now=later)
        with ctx.db.read() as session:
            found.append(session.scalar(text("SELECT last_fetch FROM webhook_endpoints")))
    assert [(one["listed"], one["resent"], one["until"]) for one in found] == [
        (0, 0, (later - DAY).isoformat()),
        (3, 3, later.isoformat()),
        (3, 3, later.isoformat()),
    ]


def test_without_key_or_webhook_there_is_nothing_to_ask(ctx, make, merchant, now):
    nobody = make.merchant(key=False)
    with pytest.raises(NoKey):
        missed_events.start_fetch(ctx, nobody.id, start=now - DAY, end=now, now=now)
    with pytest.raises(NotRegistered):
        missed_events.start_fetch(ctx, make.merchant().id, start=now - DAY, end=now, now=now)
    with pytest.raises(NoKey):
        missed_events.start_fetch(ctx, uuid.uuid4(), start=now - DAY, end=now, now=now)
    with ctx.db.begin() as session:  # removed between the wish and the job
        session.execute(delete(WebhookEndpoint))
    assert fetch(ctx, merchant, now) is None
    with ctx.db.begin() as session:
        session.execute(delete(PayPalAccount))
    assert fetch(ctx, merchant, now) is None


@pytest.mark.parametrize(("start", "end"), [(1, 2), (0, 1), (-1, -1), (-1, -2), (-40, -31)])
def test_a_span_without_a_moment_to_ask_for_is_refused(ctx, merchant, now, start, end):
    with pytest.raises(NothingToAsk):
        missed_events.start_fetch(ctx, merchant.id, start=now + start * DAY, end=now + end * DAY, now=now)
    assert noted(ctx) is None


def noted(ctx):
    """What the page is told of the last fetch."""
    with ctx.db.read() as session:
        return session.scalar(text("SELECT last_fetch FROM webhook_endpoints"))


def started(ctx, merchant, now):
    """Start a fetch of one day, and return what its job is given."""
    span = {"start": now - DAY, "end": now}
    missed_events.start_fetch(ctx, merchant.id, **span, now=now)
    return span


@pytest.mark.parametrize(
    ("behaviour", "word"), [("401", "key_refused"), ("403", "missing_right"), ("404", "refused"), (None, None)]
)
def test_the_page_is_told_of_a_refusal_until_a_new_fetch(ctx, paypal, merchant, now, behaviour, word):
    span = started(ctx, merchant, now)
    rule = paypal.rule("list_events", behaviour) if behaviour else None
    fetch(ctx, merchant, now, **span)
    assert noted(ctx).get("stopped") == word
    assert (noted(ctx)["until"] == span["end"].isoformat()) is (word is None)
    if rule:
        paypal.rules.remove(rule)
    started(ctx, merchant, now)
    assert "stopped" not in noted(ctx)


def test_the_page_is_told_when_key_or_webhook_is_gone(ctx, merchant, now):
    span = started(ctx, merchant, now)
    with ctx.db.begin() as session:
        session.execute(update(WebhookEndpoint).values(webhook_id=None))
    assert fetch(ctx, merchant, now, **span) is None
    assert noted(ctx)["stopped"] == "not_registered"
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(secret=b"sealed with a key that is gone", token=None))
    assert fetch(ctx, merchant, now, **span) is None
    assert noted(ctx)["stopped"] == "key_unreadable"
    with ctx.db.begin() as session:
        session.execute(delete(PayPalAccount))
    assert fetch(ctx, merchant, now, **span) is None
    assert noted(ctx)["stopped"] == "no_key"


def test_a_silence_shows_until_paypal_answers_and_at_the_last_try_as_the_end(ctx, paypal, merchant, now):
    span = started(ctx, merchant, now)
    rule = paypal.rule("list_events", "500")
    run_worker(ctx, wait=False)
    assert noted(ctx)["stopped"] == "retrying"
    with ctx.db.begin() as session:
        session.execute(
            text("UPDATE procrastinate_jobs SET scheduled_at = NULL, attempts = :tries WHERE task_name = :task"),
            {"tries": TRY_AGAIN.max_attempts, "task": "events.fetch_missed"},
        )
    run_worker(ctx, wait=False)
    with ctx.db.read() as session:
        status = session.scalar(text("SELECT status FROM procrastinate_jobs WHERE task_name = 'events.fetch_missed'"))
    assert (status, noted(ctx)["stopped"]) == ("failed", "no_answer")
    paypal.rules.remove(rule)
    fetch(ctx, merchant, now, **span)
    assert "stopped" not in noted(ctx)


def test_an_older_fetch_says_nothing_about_a_newer_one(ctx, paypal, merchant, now):
    old = started(ctx, merchant, now - 2 * DAY)
    started(ctx, merchant, now)
    paypal.rule("list_events", "403")
    fetch(ctx, merchant, now, **old)
    assert "stopped" not in noted(ctx)

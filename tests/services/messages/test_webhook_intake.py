"""A message at the door: known address, PayPal's signature for our webhook, kept once."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import event as sql_events
from sqlalchemy import text

from portal.clock import utc_now
from portal.demo.simulator.sending.certificates import authority, certificate
from portal.models import EventState
from portal.services.messages import webhook_intake
from portal.services.messages.webhook_intake import Intake
from tests.fakes.webhooks import event, signed
from tests.services.messages.webhook_desk import WEBHOOK_ID, WebhookDesk, changed

CANCELLED = "BILLING.SUBSCRIPTION.CANCELLED"
BODY = event(CANCELLED, changed("I-BW452GLLEP1G"))


@pytest.fixture
def desk(ctx, paypal, make):
    return WebhookDesk(ctx, paypal, make.merchant())


def jobs(ctx):
    with ctx.db.read() as session:
        return session.scalars(text("SELECT task_name FROM procrastinate_jobs")).all()


def test_a_message_is_kept_with_its_bytes_and_its_facts_and_is_due_without_a_job(ctx, desk):
    delivery = desk.sign(BODY)
    assert desk.take_in(delivery) is Intake.STORED
    [row] = desk.rows()
    assert (row.event_type, row.subject, row.state) == (CANCELLED, "I-BW452GLLEP1G", EventState.WAITING)
    assert (row.body, row.transmission_id, row.event_id) == (BODY, delivery.transmission_id, json.loads(BODY)["id"])
    assert row.happened_at is not None
    assert row.next_try_at == row.received_at <= utc_now()
    assert jobs(ctx) == []


def test_a_doubled_message_is_kept_once_whichever_id_is_the_same(ctx, desk):
    delivery = desk.sign(BODY)
    assert [desk.take_in(delivery) for _ in range(3)] == [Intake.STORED, Intake.DOUBLED, Intake.DOUBLED]
    assert desk.send(BODY) is Intake.DOUBLED, "a retry with a transmission id of its own"
    other = event(CANCELLED, changed("I-OTHER"))
    assert desk.send(other, transmission_id=delivery.transmission_id) is Intake.DOUBLED
    assert len(desk.rows()) == 1


def test_two_merchants_may_get_the_same_event(ctx, paypal, make, desk):
    other = WebhookDesk(ctx, paypal, make.merchant(), webhook_id="2JE4291016473214D")
    assert desk.send(BODY) is Intake.STORED
    assert other.send(BODY, webhook_id="2JE4291016473214D") is Intake.STORED


def test_a_message_for_another_merchants_webhook_is_refused(ctx, paypal, make, desk):
    other = WebhookDesk(ctx, paypal, make.merchant(), webhook_id="2JE4291016473214D")
    delivery = desk.sign(BODY)
    assert other.take_in(delivery) is Intake.REFUSED
    assert other.rows() == []
    assert desk.take_in(delivery) is Intake.STORED


def test_a_refused_message_is_counted_with_its_reason_and_never_kept(ctx, desk):
    assert desk.take_in(replace(desk.sign(BODY), body=BODY + b" ")) is Intake.REFUSED
    assert desk.take_in(replace(desk.sign(BODY), auth_algo="SHA1withRSA")) is Intake.REFUSED
    assert desk.send(BODY, at=utc_now() - timedelta(days=5)) is Intake.REFUSED
    forged = signed(authority().issue("evil.example"), BODY, webhook_id=WEBHOOK_ID, url="https://evil.example/CERT-1")
    assert desk.take_in(forged) is Intake.REFUSED
    endpoint = desk.endpoint()
    assert (endpoint.refused_count, endpoint.last_refusal) == (4, "certificate_address")
    assert endpoint.last_refused_at is not None
    assert desk.rows() == []
    assert jobs(ctx) == []


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "x" * 5000, "a\0b", "é"])
def test_an_address_we_never_gave_is_nobodys(ctx, paypal, token):
    delivery = signed(certificate("sandbox"), BODY, webhook_id=WEBHOOK_ID, url=paypal.url)
    assert webhook_intake.take_in(ctx, token, delivery, now=utc_now()) is Intake.UNKNOWN_ADDRESS


def test_before_the_webhook_id_is_known_paypal_is_asked_to_come_back(ctx, paypal, make):
    desk = WebhookDesk(ctx, paypal, make.merchant(), webhook_id=None)
    assert desk.send(BODY) is Intake.NOT_NOW
    desk.set(webhook_id=WEBHOOK_ID)
    assert desk.send(BODY) is Intake.STORED


def test_an_unreachable_certificate_is_no_refusal(ctx, paypal, desk):
    paypal.rule("certificate", "503")
    assert desk.send(BODY) is Intake.NOT_NOW
    assert (desk.endpoint().refused_count, desk.rows()) == (0, [])


UNREADABLE = {
    "empty": b"",
    "not UTF-8": b'{"id": "WH-1", "event_type": "\xff\xfe"}',
    "UTF-16": '{"id": "WH-1"}'.encode("utf-16"),
    "not JSON": b"<html>",
    "that says its type twice": b'{"id": "WH-1", "event_type": "A", "event_type": "B"}',
    "with a doubled key deep inside": b'{"id": "WH-1", "resource": {"id": "I-1", "id": "I-2"}}',
    "cut": BODY[:-20],
    "a list": b'[{"id": "WH-1"}]',
    "a number": b"1e2",
    "null": b"null",
    "without an id": b'{"event_type": "BILLING.SUBSCRIPTION.CANCELLED"}',
    "with a number for an id": b'{"id": 17}',
    "with an endless id": json.dumps({"id": "W" * 5000}).encode(),
    "with a NUL in the id": b'{"id": "WH-\\u0000"}',
    "with half a pair in the id": b'{"id": "WH-\\ud800"}',
    "too deep": b'{"a":' * 50_000,
    "an endless number": b'{"id": "WH-1", "n": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_paypal_signed_and_nobody_can_read_is_kept_once_and_leads_to_nothing(ctx, desk, body):
    delivery = desk.sign(body)
    assert desk.take_in(delivery) is Intake.STORED
    assert desk.take_in(delivery) is Intake.DOUBLED
    [row] = desk.rows()
    assert (row.state, row.error, row.body, row.subject) == (EventState.IGNORED, "unreadable", body, "")
    assert row.next_try_at is None


ODD = {
    "no type": {"id": "WH-1"},
    "no resource": {"id": "WH-1", "event_type": CANCELLED},
    "another thing for a resource": {"id": "WH-1", "event_type": CANCELLED, "resource": ["I-1"]},
    "an object for a type": {"id": "WH-1", "event_type": {"a": 1}, "resource": {"id": "I-BW452GLLEP1G"}},
    "a subject that is none": {"id": "WH-1", "event_type": CANCELLED, "resource": {"id": "../../etc"}},
    "a NUL in the subject": {"id": "WH-1", "event_type": CANCELLED, "resource": {"id": "I-\0ABC"}},
    "a date that is none": {"id": "WH-1", "event_type": CANCELLED, "create_time": "2026-02-31T00:00:00Z"},
    "a date without zone": {"id": "WH-1", "event_type": CANCELLED, "create_time": "2026-02-11T00:00:00"},
    "the end of time": {"id": "WH-1", "event_type": CANCELLED, "create_time": "9999-12-31T23:59:59-14:00"},
}


@pytest.mark.parametrize("content", ODD.values(), ids=ODD.keys())
def test_what_does_not_have_paypals_form_is_left_out(ctx, desk, content):
    assert desk.send(json.dumps(content).encode()) is Intake.STORED
    [row] = desk.rows()
    assert (row.subject, row.happened_at) == ("", None)
    desk.work()
    assert desk.rows()[0].state is EventState.IGNORED


# The made-up event of simulate-event


def test_the_answer_to_our_own_test_is_noted_and_nothing_else(ctx, desk):
    desk.set(test_asked_at=utc_now())
    assert desk.send(BODY, webhook_id="WEBHOOK_ID") is Intake.TEST
    assert desk.endpoint().test_seen_at is not None
    assert (desk.endpoint().refused_count, desk.rows(), jobs(ctx)) == (0, [], [])


@pytest.mark.parametrize("asked", [None, timedelta(hours=2)])
def test_a_made_up_event_nobody_asked_for_is_refused(desk, asked):
    desk.set(test_asked_at=utc_now() - asked if asked else None)
    assert desk.send(BODY, webhook_id="WEBHOOK_ID") is Intake.REFUSED
    assert desk.endpoint().test_seen_at is None


def test_a_test_does_not_open_the_door_to_anything_else(desk):
    desk.set(test_asked_at=utc_now())
    assert desk.send(BODY, webhook_id="ANOTHER") is Intake.REFUSED
    assert desk.send(BODY, webhook_id="WEBHOOK_ID", at=utc_now() - timedelta(days=5)) is Intake.REFUSED
    assert desk.send(BODY) is Intake.STORED


# A message that was given up


def test_a_message_sent_anew_after_it_was_given_up_waits_again(ctx, desk, paypal):
    assert desk.send(BODY) is Intake.STORED
    paypal.rule("show", "500")
    desk.work(later=timedelta(days=3, minutes=1))
    assert desk.rows()[0].state is EventState.FAILED
    assert desk.send(BODY) is Intake.STORED
    [row] = desk.rows()
    assert (row.state, row.attempts, row.next_try_at) == (EventState.WAITING, 0, row.replayed_at)


@pytest.fixture
def seen(ctx):
    """All that goes to PostgreSQL: the pool's own too, which pass SQLAlchemy by. The pool is that of every test."""
    queries = []

    class Counting(psycopg.Cursor):
        def execute(self, query, *rest, **more):
            queries.append(query)
            return super().execute(query, *rest, **more)

    def count(raw, _record):
        raw.cursor_factory = Counting

    ctx.db.engine.dispose()
    sql_events.listen(ctx.db.engine, "connect", count)
    yield queries
    sql_events.remove(ctx.db.engine, "connect", count)
    ctx.db.engine.dispose()


def test_a_message_takes_one_statement_and_a_double_two(ctx, desk, seen):
    desk.send(event(CANCELLED, changed("I-FIRST")))  # the certificate is known afterwards
    with ctx.db.begin(), ctx.db.read():
        pass  # connect
    for expected, most in ((Intake.STORED, 1), (Intake.DOUBLED, 2)):
        seen.clear()
        assert desk.send(BODY) is expected
        pings = [query for query in seen if query == ";"]
        assert len(seen) - len(pings) == most, seen
    assert any("paypal_events" in str(query) for query in seen)


def test_a_changed_webhook_id_counts_from_the_next_message_on(desk):
    """Addresses that genuine messages came to are remembered; a row that changed is read anew."""
    assert desk.send(BODY) is Intake.STORED
    desk.set(webhook_id="2JE4291016473214D")
    other = event(CANCELLED, changed("I-OTHER"))
    assert desk.send(other, webhook_id="2JE4291016473214D") is Intake.STORED
    assert desk.send(event(CANCELLED, changed("I-THIRD"))) is Intake.REFUSED

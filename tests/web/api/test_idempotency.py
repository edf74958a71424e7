"""The same call under the same name: carried out once, answered the same."""

from __future__ import annotations

import threading
from datetime import timedelta

from sqlalchemy import event, select, update

from portal.models import ApiReply
from portal.services.api import api_replies
from portal.services.api.api_replies import Standing
from tests.web.api.ids import shown


def test_the_first_answer_is_given_again(make, program):
    merchant = make.merchant()
    row = make.subscription(merchant=merchant)
    api, body = program(merchant), {"subscription": shown("sub", row)}
    first = api.post("/end_requests", body, Idempotency_Key="one")
    again = api.post("/end_requests", body, Idempotency_Key="one")
    assert (again.status_code, again.json) == (202, first.json)
    assert again.headers["Location"] == first.headers["Location"]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"


def test_another_call_under_the_name_is_refused(make, program):
    merchant = make.merchant()
    rows = [make.subscription(merchant=merchant) for _number in range(2)]
    api = program(merchant)
    api.post("/end_requests", {"subscription": shown("sub", rows[0])}, Idempotency_Key="one")
    other = api.post("/end_requests", {"subscription": shown("sub", rows[1])}, Idempotency_Key="one")
    assert (other.status_code, other.json["code"]) == (422, "idempotency-key-reused")
    elsewhere = api.post("/customers/search", {"email": "a@b.fr"}, Idempotency_Key="one")
    assert elsewhere.status_code == 422
    assert make.requests(rows[1]) == []


def test_names_are_each_keys_own(make, program):
    merchant = make.merchant()
    rows = [make.subscription(merchant=merchant) for _number in range(2)]
    for row in rows:
        answer = program(merchant).post("/end_requests", {"subscription": shown("sub", row)}, Idempotency_Key="one")
        assert answer.status_code == 202


def test_while_the_first_is_carried_out_the_second_waits(make, program, ctx, key_of):
    merchant = make.merchant()
    row = make.subscription(merchant=merchant)
    api = program(merchant)
    started, go_on = threading.Event(), threading.Event()
    answers = []

    from portal.services.ends import end_requests

    record = end_requests.record

    def slowly(*what, **more):
        started.set()
        assert go_on.wait(20)
        return record(*what, **more)

    body = {"subscription": shown("sub", row)}
    end_requests.record = slowly
    try:
        first = threading.Thread(
            target=lambda: answers.append(api.post("/end_requests", body, Idempotency_Key="one").status_code)
        )
        first.start()
        assert started.wait(20)
        second = api.post("/end_requests", body, Idempotency_Key="one")
        go_on.set()
        first.join()
    finally:
        end_requests.record = record
    assert (second.status_code, second.json["code"]) == (409, "call-under-way")
    assert answers == [202]
    assert api.post("/end_requests", body, Idempotency_Key="one").headers["Idempotency-Replayed"] == "true"


def test_what_failed_here_may_be_sent_again(make, program, monkeypatch):
    merchant = make.merchant()
    row = make.subscription(merchant=merchant)
    api, body = program(merchant), {"subscription": shown("sub", row)}

    def fail(*_what, **_more):
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr("portal.services.ends.end_requests.record", fail)
        assert api.post("/end_requests", body, Idempotency_Key="one").status_code == 500
    assert api.post("/end_requests", body, Idempotency_Key="one").status_code == 202


def test_a_refusal_is_not_kept_since_nothing_was_done(make, program):
    """The customer comes in, or the merchant names the address, a moment later: the same call then goes through."""
    site = "https://courses.example/me"
    merchant = make.merchant(return_addresses=[site])
    api, ask = program(merchant), {"customer": "user-18", "return_url": site}
    assert api.post("/portal_sessions", ask, Idempotency_Key="one").status_code == 404
    customer = make.customer(merchant, external_id="user-18")
    made = api.post("/portal_sessions", ask, Idempotency_Key="one")
    assert (made.status_code, made.json["customer"]) == (201, shown("cus", customer))
    assert api.post("/portal_sessions", ask, Idempotency_Key="one").json == made.json


def test_a_name_that_a_dead_process_took_is_free_after_a_minute(make, program, ctx, key_of):
    merchant = make.merchant()
    api = program(merchant)
    key = api.get("/key").json
    from uuid import UUID

    key_id, now = UUID(key["id"].removeprefix("key_")), make.now()
    assert api_replies.begin(ctx, key_id, "one", b"call", now=now).standing is Standing.NEW
    assert api_replies.begin(ctx, key_id, "one", b"call", now=now).standing is Standing.UNDER_WAY
    later = now + timedelta(seconds=61)
    assert api_replies.begin(ctx, key_id, "one", b"other", now=later).standing is Standing.OTHER_CALL
    assert api_replies.begin(ctx, key_id, "one", b"call", now=later).standing is Standing.NEW
    assert api_replies.begin(ctx, key_id, "one", b"call", now=later).standing is Standing.UNDER_WAY


def test_a_day_later_the_name_is_free(make, program, ctx):
    merchant = make.merchant()
    rows = [make.subscription(merchant=merchant) for _number in range(2)]
    api = program(merchant)
    api.post("/end_requests", {"subscription": shown("sub", rows[0])}, Idempotency_Key="one")
    with ctx.db.begin() as session:
        session.execute(update(ApiReply).values(created_at=make.now() - timedelta(hours=24, seconds=1)))
    other = api.post("/end_requests", {"subscription": shown("sub", rows[1])}, Idempotency_Key="one")
    assert other.status_code == 202
    assert api_replies.purge(ctx, now=make.now() + timedelta(hours=25)) == 1


def test_a_kept_answer_is_sealed(make, program, ctx):
    merchant = make.merchant()
    customer = make.customer(merchant, email="claire@client.test")
    api = program(merchant)
    api.post("/customers/search", {"email": customer.email}, Idempotency_Key="one")
    with ctx.db.read() as session:
        (kept,) = session.scalars(select(ApiReply))
    assert kept.status == 200
    assert b"claire" not in kept.body


def test_a_name_is_visible_ascii(make, program):
    api = program(make.merchant())
    for name in ("a b", "x" * 256, "é"):
        answer = api.post("/customers/search", {"email": "a@b.fr"}, Idempotency_Key=name)
        assert answer.status_code == 400


def test_a_name_that_is_given_free_at_this_very_moment_is_still_taken(make, program, ctx):
    """Of the first call, which was refused: the second one is not told that what it names is not there."""
    from uuid import UUID

    key_id = UUID(program(make.merchant()).get("/key").json["id"].removeprefix("key_"))
    api_replies.begin(ctx, key_id, "one", b"call", now=make.now())

    def give_free(_connection, _cursor, statement, *_more):
        if statement.startswith("INSERT INTO api_replies"):
            api_replies.forget(ctx, key_id, "one")

    event.listen(ctx.db.engine, "after_cursor_execute", give_free)
    try:
        assert api_replies.begin(ctx, key_id, "one", b"call", now=make.now()).standing is Standing.UNDER_WAY
    finally:
        event.remove(ctx.db.engine, "after_cursor_execute", give_free)

"""Events leave signed, are tried again, and arrive once as far as it lies with us."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update
from standardwebhooks import Webhook, WebhookVerificationError

from portal.clock import utc_now
from portal.domain.integrations.outgoing_events import MOST_ASKED, DeliveryState, EndpointState, EventType, Fault
from portal.models import EventAttempt, EventDelivery, EventEndpoint, Mail
from portal.services.outgoing import event_deliveries, event_endpoints, event_replays
from portal.services.own_data import retention
from tests.services.carrying.carried import ask, carry
from tests.services.outgoing.conftest import SOMEBODY

GONE = "http://127.0.0.1:9/hook"  # nobody listens


@pytest.fixture
def subscription(make):
    make.merchant()
    return make.subscription()


@pytest.fixture
def merchant(subscription):
    return subscription.customer and type("Merchant", (), {"id": subscription.merchant_id})


def told(ctx, make, merchant, endpoints, address, count=1, **wish):
    """An endpoint with so many test events that wait for it."""
    made = endpoints.make(merchant, address, **wish)
    for _ in range(count):
        assert event_endpoints.test(ctx, merchant.id, made.endpoint_id, by=SOMEBODY, now=utc_now())
    return made


def test_an_end_reaches_a_receiver_that_can_verify_it_and_only_once_paypal_confirmed(
    ctx, make, endpoints, receiver, merchant, subscription
):
    made = endpoints.make(merchant, receiver.url, is_full=True)
    request = ask(ctx, make, subscription)
    assert endpoints.types() == ["subscription.end_requested"]
    carry(ctx, request)
    endpoints.drain(made)

    assert [json.loads(one.body)["type"] for one in receiver.got] == [
        "subscription.end_requested",
        "subscription.ended",
    ]
    last = receiver.got[-1]
    said = Webhook(made.secret).verify(last.body, last.headers)
    assert said["data"]["id"] == f"sub_{subscription.id.hex}"
    assert said["data"]["customer"] == f"cus_{subscription.customer_id.hex}"
    after = make.reload(subscription)
    assert (said["data"]["outcome"], said["data"]["sequence"]) == ("cancelled", 2)
    assert datetime.fromisoformat(said["data"]["access_until"]) == after.access_until.replace(microsecond=0)
    with pytest.raises(WebhookVerificationError):
        Webhook(made.secret).verify(last.body + b" ", last.headers)


def test_a_thin_event_says_no_more_than_what_it_is_about(ctx, make, endpoints, receiver, merchant, subscription):
    made = endpoints.make(merchant, receiver.url)
    ask(ctx, make, subscription)
    endpoints.drain(made)
    (one,) = receiver.got
    said = json.loads(one.body)
    assert said.keys() == {"type", "timestamp", "data"}
    assert said["data"] == {"id": f"sub_{subscription.id.hex}", "sequence": 1, "is_test": True}


def test_both_secrets_sign_for_a_day_after_a_rotation_and_the_new_one_alone_after_it(
    ctx, make, endpoints, receiver, merchant
):
    first = told(ctx, make, merchant, endpoints, receiver.url)
    second = event_endpoints.renew_secret(ctx, merchant.id, first.endpoint_id, by=SOMEBODY, now=utc_now())
    endpoints.drain(first)
    (got,) = receiver.got
    for secret in (first.secret, second.secret):
        Webhook(secret).verify(got.body, got.headers)

    with ctx.db.begin() as session:
        session.execute(update(EventEndpoint).values(former_secret_until=utc_now() - timedelta(seconds=1)))
    event_endpoints.test(ctx, merchant.id, first.endpoint_id, by=SOMEBODY, now=utc_now())
    endpoints.drain(first)
    got = receiver.got[-1]
    Webhook(second.secret).verify(got.body, got.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(first.secret).verify(got.body, got.headers)


def test_of_two_new_secrets_in_a_row_the_one_in_use_still_signs(ctx, make, endpoints, receiver, merchant):
    """The button was pressed twice, or the answer was lost: the receiver has the first one until somebody deploys."""
    made = told(ctx, make, merchant, endpoints, receiver.url)
    for _press in range(2):
        newest = event_endpoints.renew_secret(ctx, merchant.id, made.endpoint_id, by=SOMEBODY, now=utc_now())
    endpoints.drain(made)
    (got,) = receiver.got
    for secret in (made.secret, newest.secret):
        Webhook(secret).verify(got.body, got.headers)


@pytest.mark.parametrize("answer", [410, None])
def test_what_the_former_address_answers_says_nothing_of_the_new_one(
    ctx, make, endpoints, receiver, merchant, monkeypatch, answer
):
    made = told(ctx, make, merchant, endpoints, receiver.url if answer else GONE)

    def moved():
        wish = event_endpoints.Wish(address=f"{receiver.url}/new")
        event_endpoints.change(ctx, merchant.id, made.endpoint_id, wish, by=SOMEBODY, now=utc_now())

    post = ctx.event_posts.post

    def answered(address, **given):
        moved()
        return post(address, **given)

    receiver.status = answer or 204
    monkeypatch.setattr(ctx.event_posts, "post", answered)
    endpoints.drain(made)
    monkeypatch.undo()
    endpoint = endpoints.row(made)
    assert (endpoint.state, endpoint.failing_since, endpoint.quiet_until) == (EndpointState.ENABLED, None, None)
    receiver.status = 204
    endpoints.drain(made)
    assert receiver.got[-1].path == "/hook/new"
    assert endpoints.all(EventDelivery)[0].state is DeliveryState.DELIVERED


def test_a_new_address_begins_anew_whatever_the_former_one_did(ctx, make, endpoints, receiver, merchant):
    made = told(ctx, make, merchant, endpoints, GONE)
    endpoints.drain(made)
    assert endpoints.row(made).quiet_until is not None
    wish = event_endpoints.Wish(address=receiver.url)
    event_endpoints.change(ctx, merchant.id, made.endpoint_id, wish, by=SOMEBODY, now=utc_now())
    endpoint = endpoints.row(made)
    assert (endpoint.failing_since, endpoint.unanswered, endpoint.quiet_until) == (None, 0, None)


def test_what_fails_comes_again_under_its_id_with_the_time_of_the_try(ctx, make, endpoints, receiver, merchant):
    made = told(ctx, make, merchant, endpoints, receiver.url)
    receiver.status, receiver.answer = 500, b'{"token": "abc", "said": "no"}'
    endpoints.drain(made)
    assert endpoints.drain(made).tried == 0, "not before its wait is over"
    receiver.status = 200
    endpoints.drain(made, now=utc_now() + timedelta(minutes=1))

    assert len(set(receiver.ids)) == 1
    for got in receiver.got:  # a receiver takes what is five minutes old at most: the time is the try's
        assert abs(int(got.headers["webhook-timestamp"]) - utc_now().timestamp()) < 60
    (delivery,) = endpoints.all(EventDelivery)
    assert (delivery.state, delivery.next_try_at) == (DeliveryState.DELIVERED, None)
    first, second = endpoints.all(EventAttempt)
    assert (first.status, second.status) == (500, 200)
    assert "abc" not in first.answer
    assert "no" in first.answer


def test_it_is_tried_ten_times_over_some_three_days_and_then_given_up(ctx, make, endpoints, receiver, merchant):
    """An endpoint that takes other events is not paused because it never takes this one."""
    made = told(ctx, make, merchant, endpoints, receiver.url)
    receiver.status = 500
    moments = []
    with ctx.db.read() as session:
        begun = session.scalars(select(EventDelivery)).one().created_at
    while (row := endpoints.all(EventDelivery)[0]).state is DeliveryState.WAITING:
        moments.append(row.next_try_at)
        with ctx.db.begin() as session:
            session.execute(update(EventEndpoint).values(failing_since=None))
            session.execute(update(EventDelivery).values(next_try_at=utc_now()))
        endpoints.drain(made)
    assert len(receiver.got) == 10
    waits = [then - before for before, then in zip([begun, *moments[1:-1]], moments[1:], strict=False)]
    assert row.state is DeliveryState.FAILED
    assert len(waits) == 9
    assert endpoints.row(made).state is EndpointState.ENABLED


@pytest.mark.parametrize(("header", "seconds"), [("3600", 3600), ("999999999", MOST_ASKED.total_seconds())])
def test_a_receiver_that_asks_for_a_wait_is_left_alone_for_it_within_bounds(
    ctx, make, endpoints, receiver, merchant, header, seconds
):
    made = told(ctx, make, merchant, endpoints, receiver.url, count=2)
    receiver.status, receiver.headers = 429, {"Retry-After": header}
    now = utc_now()
    assert endpoints.drain(made).tried == 1, "the other one is not even tried"
    row = endpoints.row(made)
    assert timedelta(0) <= row.quiet_until - now - timedelta(seconds=seconds) < timedelta(seconds=20)
    assert event_deliveries.due(ctx, now=now + timedelta(seconds=seconds - 1)) == []
    assert event_deliveries.due(ctx, now=now + timedelta(seconds=seconds + 21)) == [made.endpoint_id]


def test_an_endpoint_that_is_gone_is_told_nothing_more_and_the_merchant_is(ctx, make, endpoints, receiver, merchant):
    made = told(ctx, make, merchant, endpoints, receiver.url, count=3)
    receiver.status = 410
    assert endpoints.drain(made).tried == 1
    row = endpoints.row(made)
    assert (row.state, row.is_by_hand) == (EndpointState.DISABLED, False)
    assert {one.state for one in endpoints.all(EventDelivery)} == {DeliveryState.FAILED}
    with ctx.db.read() as session:
        assert session.scalars(select(Mail.kind)).all() == ["merchant_endpoint_stopped"]
    assert not event_endpoints.test(ctx, merchant.id, made.endpoint_id, by=SOMEBODY, now=utc_now())


def test_one_that_fails_for_three_days_is_paused_keeps_what_comes_and_gets_it_when_resumed(
    ctx, make, endpoints, receiver, merchant, subscription
):
    made = endpoints.make(merchant, receiver.url)
    request = ask(ctx, make, subscription)
    receiver.status = 503
    endpoints.drain(made)
    with ctx.db.begin() as session:
        session.execute(update(EventEndpoint).values(failing_since=utc_now() - timedelta(days=3)))
        session.execute(update(EventDelivery).values(next_try_at=utc_now(), failed=9))
    endpoints.drain(made)
    assert endpoints.row(made).state is EndpointState.PAUSED
    with ctx.db.read() as session:
        assert session.scalars(select(Mail.kind)).all().count("merchant_endpoint_stopped") == 1
    carry(ctx, request)
    assert event_deliveries.due(ctx, now=utc_now()) == []

    receiver.status, receiver.got = 200, []
    assert event_replays.resume(ctx, merchant.id, made.endpoint_id, by=SOMEBODY, now=utc_now()) == 2
    endpoints.drain(made)
    assert [json.loads(one.body)["type"] for one in receiver.got] == [
        "subscription.end_requested",
        "subscription.ended",
    ]


def test_one_that_does_not_answer_is_asked_with_one_event_and_the_others_lose_no_try(ctx, make, endpoints, merchant):
    made = told(ctx, make, merchant, endpoints, GONE, count=5)
    drained = endpoints.drain(made)
    assert (drained.tried, drained.is_troubled) == (1, True)
    assert sorted(one.failed for one in endpoints.all(EventDelivery)) == [0, 0, 0, 0, 1]
    assert endpoints.all(EventAttempt)[0].fault is Fault.UNREACHABLE
    assert event_deliveries.due(ctx, now=utc_now()) == []
    again = utc_now() + timedelta(seconds=11)
    assert event_deliveries.due(ctx, now=again) == [made.endpoint_id]
    assert endpoints.drain(made, now=again).tried == 1


def test_an_event_that_one_receiver_refuses_keeps_no_other_waiting(ctx, make, endpoints, receiver, merchant):
    made = told(ctx, make, merchant, endpoints, receiver.url, count=3)
    receiver.status = 400
    assert endpoints.drain(made).tried == 3


def test_two_workers_never_have_one_event_at_once(ctx, make, endpoints, receiver, merchant):
    made = told(ctx, make, merchant, endpoints, receiver.url, count=4)
    receiver.wait.clear()
    first = threading.Thread(target=endpoints.drain, args=(made,), kwargs={"limit": 2})
    first.start()
    while not receiver.got:
        pass
    second = threading.Thread(target=endpoints.drain, args=(made,))
    second.start()
    while len(receiver.got) < 2:
        pass
    receiver.wait.set()
    first.join()
    second.join()
    assert len(receiver.ids) == 4
    assert len(set(receiver.ids)) == 4


def test_what_a_killed_worker_had_comes_again_and_a_slow_one_writes_nothing_of_what_was_taken_over(
    ctx, make, endpoints, receiver, merchant, monkeypatch
):
    made = told(ctx, make, merchant, endpoints, receiver.url)
    monkeypatch.setattr(event_deliveries, "_write", lambda *_args, **_more: None)  # it dies before that
    endpoints.drain(made)
    monkeypatch.undo()
    assert endpoints.drain(made).tried == 0, "it may still live"
    later = utc_now() + event_deliveries.LEASE
    receiver.wait.clear()
    slow = threading.Thread(target=endpoints.drain, args=(made,), kwargs={"now": later})
    slow.start()
    while len(receiver.got) < 2:
        pass
    event_replays.replay(
        ctx, merchant.id, made.endpoint_id, endpoints.all(EventDelivery)[0].id, by=SOMEBODY, now=utc_now()
    )
    receiver.wait.set()
    slow.join()
    assert endpoints.all(EventDelivery)[0].state is DeliveryState.WAITING, "the replay stands"
    assert len(set(receiver.ids)) == 1


def test_an_endpoint_removed_in_the_middle_of_a_try_leaves_nothing(ctx, make, endpoints, receiver, merchant):
    made = told(ctx, make, merchant, endpoints, receiver.url)
    receiver.wait.clear()
    under_way = threading.Thread(target=endpoints.drain, args=(made,))
    under_way.start()
    while not receiver.got:
        pass
    event_endpoints.remove(ctx, merchant.id, made.endpoint_id, by=SOMEBODY, now=utc_now())
    receiver.wait.set()
    under_way.join()
    assert endpoints.all(EventDelivery) == []


def test_each_endpoint_is_told_what_it_chose(ctx, make, endpoints, receiver, merchant, subscription):
    chosen = endpoints.make(merchant, receiver.url, types=(EventType.SUBSCRIPTION_ENDED,))
    every = endpoints.make(merchant, GONE)
    carry(ctx, ask(ctx, make, subscription))
    with ctx.db.read() as session:
        rows = session.scalars(select(EventDelivery.endpoint_id)).all()
    assert (rows.count(chosen.endpoint_id), rows.count(every.endpoint_id)) == (1, 2)


def test_a_secret_that_cannot_be_opened_costs_no_try(ctx, make, endpoints, receiver, merchant):
    made = told(ctx, make, merchant, endpoints, receiver.url)
    with ctx.db.begin() as session:
        session.execute(update(EventEndpoint).values(secret=b"lost|box"))
    endpoints.drain(made)
    row = endpoints.all(EventDelivery)[0]
    assert (row.failed, row.state, receiver.got) == (0, DeliveryState.WAITING, [])
    assert endpoints.row(made).failing_since is None


def test_a_time_that_is_told_is_utc(ctx, make, endpoints, receiver, merchant):
    made = told(ctx, make, merchant, endpoints, receiver.url)
    endpoints.drain(made)
    said = json.loads(receiver.got[0].body)["timestamp"]
    assert said.endswith("Z")
    assert datetime.fromisoformat(said).tzinfo == UTC


def test_after_thirty_days_event_log_and_answers_are_gone(ctx, make, endpoints, receiver, merchant):
    made = told(ctx, make, merchant, endpoints, receiver.url)
    endpoints.drain(made)
    retention.run(ctx, now=utc_now() + timedelta(days=29))
    assert len(endpoints.events()) == 1
    retention.run(ctx, now=utc_now() + timedelta(days=31))
    assert [endpoints.events(), endpoints.all(EventDelivery), endpoints.all(EventAttempt)] == [[], [], []]

"""Endpoints and events by the API: what a receiver would do that missed some."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from portal.api import webhook_endpoints
from portal.domain.integrations.api_keys import Mode, Scope
from portal.domain.integrations.outgoing_events import DeliveryState
from portal.models import EventDelivery, EventEndpoint, OutgoingEvent, Subscription
from tests.web.api.ids import shown

URL = "https://courses.example/events"


@pytest.fixture
def world(make, program):
    merchant = make.merchant()
    return merchant, make.subscription(merchant=merchant), program(merchant)


def subscribe(api, url=URL, **more):
    return api.post("/webhook_endpoints", {"url": url, **more})


def test_who_subscribes_is_told_and_whoever_missed_it_reads_it_again(make, world, ctx):
    _merchant, row, api = world
    made = subscribe(api, payload="full")
    assert made.status_code == 201
    assert made.json["secret"].startswith("whsec_")
    path = made.headers["Location"].removeprefix("/v1")
    assert api.get(path).json == made.json | {"secret": None}
    api.post("/end_requests", {"subscription": shown("sub", row)})
    listed = api.get("/events", subscription=shown("sub", row)).json["data"]
    assert [one["type"] for one in listed] == ["subscription.end_requested"]
    (event,) = listed
    assert event["data"]["status"] in ("active", "pending")  # nothing is over before PayPal says so
    assert api.get(f"/events/{event['id']}").json == event
    with ctx.db.read() as session:
        (delivery,) = session.scalars(select(EventDelivery))
    assert delivery.state is DeliveryState.WAITING
    again = api.post(f"/events/{event['id']}/replay", {"endpoint": made.json["id"]})
    assert (again.status_code, again.json["id"]) == (202, event["id"])
    assert api.call("DELETE", path).status_code == 204
    assert api.get(path).status_code == 404
    assert api.post(f"/events/{event['id']}/replay", {"endpoint": made.json["id"]}).status_code == 404


def test_what_is_named_is_changed_and_the_rest_stays(world):
    _merchant, _row, api = world
    path = subscribe(api, description="Courses", types=["subscription.ended"]).headers["Location"].removeprefix("/v1")
    changed = api.call("PATCH", path, json={"payload": "full"}).json
    assert (changed["payload"], changed["types"], changed["description"]) == ("full", ["subscription.ended"], "Courses")
    rotated = api.post(f"{path}/rotate_secret").json["secret"]
    assert rotated.startswith("whsec_")
    assert api.get(path).json["secret"] is None
    assert api.post(f"{path}/test").json == {"object": "webhook_test", "sent": True}
    assert api.get("/events").json["data"] == []  # a test is no event of anybody's


def test_what_a_colleague_writes_in_the_same_moment_stays(world, ctx, monkeypatch):
    _merchant, _row, api = world
    path = subscribe(api, description="Courses").headers["Location"].removeprefix("/v1")
    seen = webhook_endpoints._seen

    def overtaken(endpoint_id):
        row = seen(endpoint_id)
        with ctx.db.begin() as session:
            session.execute(update(EventEndpoint).values(description="Theirs"))
        return row

    monkeypatch.setattr(webhook_endpoints, "_seen", overtaken)
    api.call("PATCH", path, json={"payload": "full"})
    monkeypatch.undo()
    told = api.get(path).json
    assert (told["payload"], told["description"]) == ("full", "Theirs")


@pytest.mark.parametrize(
    "url",
    [
        "http://courses.example/events",
        "https://user:password@courses.example/",
        "https://courses.example/#a",
        "javascript:alert(1)",
        "https://",
        "https://courses.example/\\evil",
        "x" * 501,
    ],
)
def test_only_public_https_addresses_are_taken(world, url):
    _merchant, _row, api = world
    refused = subscribe(api, url)
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/url")


def test_one_address_is_told_once_and_ten_are_enough(world):
    _merchant, _row, api = world
    subscribe(api)
    assert subscribe(api).json["reason"] == "same_address"
    for number in range(9):
        assert subscribe(api, f"{URL}/{number}").status_code == 201
    assert subscribe(api, f"{URL}/more").json["reason"] == "too_many"
    assert len(api.get("/webhook_endpoints").json["data"]) == 10


def test_a_repeated_call_gives_the_same_secret_and_one_endpoint(world):
    _merchant, _row, api = world
    first = api.post("/webhook_endpoints", {"url": URL}, Idempotency_Key="one")
    again = api.post("/webhook_endpoints", {"url": URL}, Idempotency_Key="one")
    assert again.json == first.json
    assert len(api.get("/webhook_endpoints").json["data"]) == 1


def test_nothing_of_another_merchants_is_seen_or_touched(make, program, world, ctx):
    _merchant, row, api = world
    path = subscribe(api).headers["Location"].removeprefix("/v1")
    api.post("/end_requests", {"subscription": shown("sub", row)})
    event = api.get("/events").json["data"][0]["id"]
    other = program(make.merchant())
    assert other.get("/events").json["data"] == other.get("/webhook_endpoints").json["data"] == []
    for answer in (
        other.get(path),
        other.get(f"/events/{event}"),
        other.call("PATCH", path, json={"payload": "full"}),
        other.call("DELETE", path),
        other.post(f"{path}/rotate_secret"),
        other.post(f"{path}/test"),
        other.post(f"{path}/resume"),
        other.post(f"/events/{event}/replay", {"endpoint": path.rsplit("/", 1)[1]}),
    ):
        assert answer.status_code == 404
    with ctx.db.read() as session:
        assert session.scalars(select(EventEndpoint.is_full)).all() == [False]


def test_to_read_is_not_to_write(make, program):
    api = program(make.merchant(), Scope.EVENTS_READ)
    assert subscribe(api).status_code == 403
    assert api.get("/webhook_endpoints").status_code == 200


class TestWorlds:
    """What is real and what is PayPal's sandbox are told apart, and each endpoint of the one, the other, or both."""

    @pytest.fixture
    def merchant(self, make):
        return make.merchant()

    @pytest.fixture
    def keys(self, merchant, program):
        return {mode: program(merchant, mode=mode) for mode in Mode}

    def test_an_endpoint_is_of_the_world_of_its_key_unless_another_is_named(self, keys):
        assert subscribe(keys[Mode.TEST]).json["mode"] == "test"
        assert subscribe(keys[Mode.LIVE], f"{URL}/live").json["mode"] == "live"
        both = subscribe(keys[Mode.LIVE], f"{URL}/both", mode="both")
        path = both.headers["Location"].removeprefix("/v1")
        assert both.json["mode"] == "both"
        assert keys[Mode.LIVE].call("PATCH", path, json={"description": "Bot"}).json["mode"] == "both"
        assert keys[Mode.LIVE].call("PATCH", path, json={"mode": "test"}).json["mode"] == "test"

    @pytest.mark.parametrize("mode", ["live", "both"])
    def test_a_test_key_has_nobody_told_of_what_is_real(self, keys, mode):
        refused = subscribe(keys[Mode.TEST], mode=mode)
        assert (refused.status_code, refused.json["code"]) == (403, "forbidden")
        own = subscribe(keys[Mode.TEST]).headers["Location"].removeprefix("/v1")
        assert keys[Mode.TEST].call("PATCH", own, json={"mode": mode}).status_code == 403

    def test_a_test_key_does_not_see_the_endpoints_of_what_is_real(self, keys):
        for mode in ("live", "both"):
            there = subscribe(keys[Mode.LIVE], f"{URL}/{mode}", mode=mode).headers["Location"].removeprefix("/v1")
            test = keys[Mode.TEST]
            assert [test.get(there).status_code, test.call("DELETE", there).status_code] == [404, 404]
            assert test.call("PATCH", there, json={"url": "https://evil.example/"}).status_code == 404
            for act in ("rotate_secret", "resume", "test"):
                assert test.post(f"{there}/{act}").status_code == 404
        assert keys[Mode.TEST].get("/webhook_endpoints").json["data"] == []
        assert len(keys[Mode.LIVE].get("/webhook_endpoints").json["data"]) == 2

    def test_events_say_which_world_and_reach_who_is_told_of_it(self, make, ctx, merchant, keys):
        wanted = {"live": "live", "test": "sandbox", "both": None}
        made = {mode: subscribe(keys[Mode.LIVE], f"{URL}/{mode}", mode=mode).json["id"] for mode in wanted}
        rows = {one: make.subscription(merchant=merchant, at_paypal=False) for one in ("live", "sandbox")}
        with ctx.db.begin() as session:
            session.get_one(Subscription, rows["live"].id).environment = "live"
        for mode, environment in (("live", "live"), ("test", "sandbox")):
            asked = keys[Mode(mode)].post("/end_requests", {"subscription": shown("sub", rows[environment])})
            assert asked.status_code == 202
        with ctx.db.read() as session:
            pairs = select(OutgoingEvent.facts, EventDelivery.endpoint_id).join(EventDelivery.event)
            told = {(facts["is_test"], endpoint.hex) for facts, endpoint in session.execute(pairs)}
        ids = {mode: one.removeprefix("ep_") for mode, one in made.items()}
        assert told == {(False, ids["live"]), (False, ids["both"]), (True, ids["test"]), (True, ids["both"])}
        for mode, is_test in ((Mode.LIVE, False), (Mode.TEST, True)):
            (event,) = keys[mode].get("/events").json["data"]
            assert event["data"]["is_test"] is is_test
            other = keys[Mode.TEST if mode is Mode.LIVE else Mode.LIVE]
            assert other.get(f"/events/{event['id']}").status_code == 404

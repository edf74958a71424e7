"""The simulator's webhook management API in PayPal's shapes, judged by PayPal's own file; the events it keeps."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from portal.demo.simulator import Simulator, serve
from tests.demo.conftest import URL, log_in

EVERYTHING = [{"name": "*"}]


def test_a_webhook_lives_its_life(call):
    made = call("POST", "webhooks", json={"url": URL, "event_types": [{"name": "BILLING.SUBSCRIPTION.CANCELLED"}]})
    assert made.status_code == 201
    webhook_id = made.json()["id"]
    assert [row["id"] for row in call("GET", "webhooks").json()["webhooks"]] == [webhook_id]

    patch = [
        {"op": "replace", "path": "/url", "value": URL + "2"},
        {"op": "replace", "path": "/event_types", "value": EVERYTHING},
    ]
    assert call("PATCH", f"webhooks/{webhook_id}", json=patch).status_code == 200
    shown = call("GET", f"webhooks/{webhook_id}").json()
    assert (shown["url"], [row["name"] for row in shown["event_types"]]) == (URL + "2", ["*"])

    assert call("DELETE", f"webhooks/{webhook_id}").status_code == 204
    assert call("GET", f"webhooks/{webhook_id}").status_code == 404
    assert call("GET", "webhooks").json() == {"webhooks": []}


def test_ten_webhooks_are_the_most_and_each_address_is_taken_once(paypal, call):
    for number in range(10):
        assert call("POST", "webhooks", json={"url": f"{URL}{number}", "event_types": EVERYTHING}).status_code == 201
    eleventh = call("POST", "webhooks", json={"url": URL, "event_types": EVERYTHING})
    again = call("POST", "webhooks", json={"url": f"{URL}0", "event_types": EVERYTHING})
    assert (eleventh.status_code, eleventh.json()["name"]) == (400, "WEBHOOK_NUMBER_LIMIT_EXCEEDED")
    assert (again.status_code, again.json()["name"]) == (400, "WEBHOOK_URL_ALREADY_EXISTS")
    first, second = list(paypal.state.webhooks.values())[:2]
    taken = call("PATCH", f"webhooks/{first.id}", json=[{"op": "replace", "path": "/url", "value": second.url}])
    assert (taken.status_code, taken.json()["name"]) == (400, "WEBHOOK_URL_ALREADY_EXISTS")


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("https://portal.example/x", 201),
        ("https://portal.example:443/x", 201),
        ("http://127.0.0.1:8000/x", 201),
        ("http://localhost/x", 201),
        ("http://portal.example/x", 400),
        ("https://portal.example:8443/x", 400),
        ("https://portal.example:99999/x", 400),
        ("ftp://127.0.0.1/x", 400),
        ("https:///x", 400),
        ("https://portal.example/" + "x" * 2048, 400),
        ("", 400),
        (7, 400),
        (None, 400),
    ],
)
def test_which_addresses_are_taken(raw, url, status):
    answer = raw("POST", "webhooks", json={"url": url, "event_types": EVERYTHING})
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["name"] == "VALIDATION_ERROR"


@pytest.mark.parametrize("types", [None, [], "*", [{}], [{"name": "NO.SUCH.EVENT"}], [7], [{"name": "*"}] * 501])
def test_which_event_types_are_refused(raw, types):
    answer = raw("POST", "webhooks", json={"url": URL, "event_types": types})
    assert (answer.status_code, answer.json()["name"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PATCH", "webhooks/ID", {}, 400),
        ("PATCH", "webhooks/ID", [], 400),
        ("PATCH", "webhooks/ID", [{"op": "remove", "path": "/url"}], 400),
        ("PATCH", "webhooks/ID", [{"op": "replace", "path": "/id", "value": "x"}], 400),
        ("PATCH", "webhooks/NOBODY", [{"op": "replace", "path": "/url", "value": URL}], 404),
        ("GET", "webhooks/NOBODY", None, 404),
        ("DELETE", "webhooks/NOBODY", None, 404),
        ("PUT", "webhooks/ID", {}, 405),
        ("POST", "simulate-event", {"event_type": "BILLING.SUBSCRIPTION.CREATED"}, 400),
        ("POST", "simulate-event", {"event_type": "NO.SUCH", "webhook_id": "ID"}, 400),
        ("POST", "simulate-event", {"event_type": "BILLING.SUBSCRIPTION.CREATED", "webhook_id": "NOBODY"}, 404),
        ("GET", "webhooks-events?page_size=none", None, 400),
        ("GET", "webhooks-events?start_time=yesterday", None, 400),
        ("GET", "webhooks-events/WH-NOTHING", None, 404),
        ("POST", "webhooks-events/WH-NOTHING/resend", {}, 404),
    ],
)
def test_what_is_refused(paypal, raw, method, path, body, status):
    webhook = paypal.add_webhook(URL)
    if isinstance(body, dict) and body.get("webhook_id") == "ID":
        body = body | {"webhook_id": webhook.id}
    answer = raw(method, path.replace("ID", webhook.id) if "/ID" in path else path, json=body)
    assert answer.status_code == status
    assert answer.json()["debug_id"] == answer.headers["PayPal-Debug-Id"]
    assert (webhook.url, webhook.event_types) == (URL, ["*"])


def test_another_app_sees_nothing_of_it(paypal, call):
    paypal.add_account("other", "secret-of-the-other")
    webhook = paypal.add_webhook(URL)
    row = paypal.add_subscription()
    paypal.happen(row.id, "buyer-cancels")
    event = next(iter(paypal.state.events))
    with log_in(paypal.url, "other", "secret-of-the-other") as http:
        root = f"{paypal.url}/v1/notifications/"
        assert http.get(root + "webhooks", timeout=5).json() == {"webhooks": []}
        assert http.get(root + "webhooks-events", timeout=5).json()["events"] == []
        assert http.get(f"{root}webhooks/{webhook.id}", timeout=5).status_code == 404
        assert http.delete(f"{root}webhooks/{webhook.id}", timeout=5).status_code == 404
        assert http.post(f"{root}webhooks-events/{event}/resend", json={}, timeout=5).status_code == 404
    assert webhook.id in paypal.state.webhooks


def test_an_app_without_the_right_is_refused(paypal):
    paypal.add_account("poor", "secret-of-the-poor", scopes=["https://uri.paypal.com/services/subscriptions"])
    with log_in(paypal.url, "poor", "secret-of-the-poor") as http:
        for path in ("webhooks", "webhooks-events", "webhooks-event-types"):
            answer = http.get(f"{paypal.url}/v1/notifications/{path}", timeout=5)
            assert (answer.status_code, answer.json()["name"]) == (403, "NOT_AUTHORIZED")
        assert http.get(f"{paypal.url}/v1/billing/plans", timeout=5).status_code == 200


def test_the_event_types_are_those_that_a_webhook_may_name(call):
    names = [row["name"] for row in call("GET", "webhooks-event-types").json()["event_types"]]
    assert {"BILLING.SUBSCRIPTION.CANCELLED", "PAYMENT.SALE.REVERSED"} <= set(names)
    types = [{"name": name} for name in names]
    assert call("POST", "webhooks", json={"url": URL, "event_types": types}).status_code == 201


def test_events_are_listed_page_by_page_newest_first(paypal, call):
    paypal.automatic = False
    paypal.add_webhook(URL)
    row = paypal.add_subscription()
    for _ in range(25):
        paypal.happen(row.id, "charge")
    found, query = [], "page_size=10"
    while query:
        body = call("GET", f"webhooks-events?{query}").json()
        assert body["count"] == len(body["events"])
        found += [event["id"] for event in body["events"]]
        following = [link["href"] for link in body["links"] if link["rel"] == "next"]
        query = following[0].partition("?")[2] if following else ""
    assert found == list(paypal.state.events)[::-1]
    assert len(call("GET", "webhooks-events").json()["events"]) == 10
    assert call("GET", f"webhooks-events/{found[0]}").json()["id"] == found[0]


def test_events_are_found_by_type_and_time(call):
    at = [datetime(2026, 5, 1, 12, tzinfo=UTC)]
    moving = Simulator(clock=lambda: at[0])
    moving.automatic = False
    moving.add_account("a", "s")
    moving.add_webhook(URL)
    row = moving.add_subscription()
    for happening in ("charge", "refund", "buyer-cancels"):
        moving.happen(row.id, happening)
        at[0] += timedelta(hours=1)
    with serve(moving) as handle, log_in(handle.url, "a", "s") as http:

        def kinds(**query):
            found = http.get(f"{handle.url}/v1/notifications/webhooks-events", params=query, timeout=5).json()
            return [event["event_type"].rpartition(".")[2] for event in found["events"]]

        assert kinds() == ["CANCELLED", "REFUNDED", "COMPLETED"]
        assert kinds(start_time="2026-05-01T13:00:00Z") == ["CANCELLED", "REFUNDED"]
        assert kinds(end_time="2026-05-01T13:00:00Z") == ["REFUNDED", "COMPLETED"]
        assert kinds(event_type="PAYMENT.SALE.REFUNDED") == ["REFUNDED"]
        assert kinds(transaction_id=row.payments[-1].id) == ["COMPLETED"]


def test_the_oldest_events_are_forgotten(paypal):
    paypal.automatic = False
    webhook = paypal.add_webhook(URL)
    paypal.most_events = 20
    row = paypal.add_subscription()
    for _ in range(60):
        paypal.happen(row.id, "charge")
    assert 20 <= len(paypal.state.events) <= 22
    assert json.loads(paypal.messages(webhook.id)[-1].body)["resource"]["id"] == row.payments[-1].id
    assert len(paypal.messages(webhook.id)) == len(paypal.state.events)


def test_an_app_without_webhooks_has_no_events(paypal, call):
    row = paypal.add_subscription()
    paypal.happen(row.id, "buyer-cancels")
    assert call("GET", "webhooks-events").json()["events"] == []

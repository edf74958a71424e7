"""The simulator's own doors: the page with buttons, the JSON beside it, the state file, the command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from bs4 import BeautifulSoup

from portal.demo.simulator import Behaviour, Simulator, serve
from portal.demo.simulator.life.happenings import HAPPENINGS
from portal.demo.simulator.records import State
from portal.demo.simulator.showing.control import BUTTONS


@pytest.fixture
def control(paypal):
    """Call the control address with JSON; every answer must say what it is."""
    with requests.Session() as http:

        def call(method: str, path: str, **more) -> requests.Response:
            answer = http.request(method, f"{paypal.url}/_simulator{path}", timeout=5, allow_redirects=False, **more)
            assert "simulator" in answer.headers["X-PayPal-Simulator"]
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            if answer.text and answer.headers["Content-Type"] != "text/css":
                assert "This is a simulator, not PayPal." in answer.text
            return answer

        yield call


@pytest.fixture
def bearer(paypal):
    """A session that holds a token of the account."""
    with requests.Session() as http:
        token = http.post(
            f"{paypal.url}/v1/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=(paypal.credentials.client_id, paypal.credentials.secret),
            timeout=5,
        ).json()
        http.headers["Authorization"] = f"Bearer {token['access_token']}"
        yield http


def test_the_page_is_whole_and_has_every_button(control, paypal):
    row = paypal.add_subscription(given_name="<script>alert(1)</script>")
    page = BeautifulSoup(control("GET", "/").text, "html.parser")
    assert len(page.find_all("h1")) == 1
    assert {button["value"] for button in page.select("button[name=behaviour]")} == {value for value, _ in BUTTONS}
    assert {value for value, _ in BUTTONS} <= {behaviour.value for behaviour in Behaviour}
    assert row.id in page.text
    assert not page.find_all("script")
    assert not page.select("[style], [onclick]")
    ids = [element["id"] for element in page.select("[id]")]
    assert len(ids) == len(set(ids))
    assert {label["for"] for label in page.select("label")} <= set(ids)
    assert control("GET", "/style.css").headers["Content-Type"] == "text/css"


def test_every_form_of_the_page_does_what_its_button_says(control, paypal):
    row = paypal.add_subscription()
    page = BeautifulSoup(control("GET", "/").text, "html.parser")
    addresses = [form["action"].removeprefix("/_simulator") for form in page.select("form")]
    happening = f"/subscriptions/{row.id}/happening"
    assert addresses == ["/rules/clear", "/rules", "/limit", "/clock", "/ending", happening, "/sending"]

    form = {"operation": "cancel", "behaviour": "500", "times": "2", "reads": "", "only": ""}
    assert control("POST", "/rules", data=form).status_code == 303
    assert [(rule.operation, rule.behaviour, rule.times) for rule in paypal.rules] == [("cancel", "500", 2)]
    assert "cancel" in BeautifulSoup(control("GET", "/").text, "html.parser").select_one("main li").text
    before = paypal.now()
    assert control("POST", "/clock", data={"days": "30"}).status_code == 303
    assert paypal.now() - before >= timedelta(days=30)
    typed = {"plan_id": next(iter(paypal.state.plans)), "email": "soon@example.com", "minutes": "2.5"}
    assert control("POST", "/ending", data=typed).status_code == 303
    soon = next(one for one in paypal.subscriptions.values() if one.email == "soon@example.com")
    until = datetime.fromisoformat(soon.next_billing_time) - paypal.now()
    assert timedelta(minutes=2) < until <= timedelta(minutes=2.5)
    assert soon.last_payment is not None
    assert control("POST", "/rules/clear", data={}).status_code in (204, 303)
    assert paypal.rules == []
    assert control("POST", happening, data={"action": "buyer-cancels"}).status_code == 303
    assert row.status == "CANCELLED"
    assert control("POST", "/limit", data={"calls": "1", "seconds": "60"}).status_code == 303
    assert "1 calls" in control("GET", "/").text
    assert control("POST", "/limit", data={"calls": "", "seconds": "60"}).status_code == 303
    assert paypal.limits.calls is None
    assert control("POST", "/sending", data={"automatic": ""}).status_code == 303
    assert not paypal.automatic
    assert control("POST", "/sending", data={"automatic": "yes"}).status_code == 303
    assert paypal.automatic


def test_the_same_as_json(control, paypal, bearer):
    assert control("POST", "/accounts", json={"client_id": "second", "secret": "s"}).status_code == 201
    plan = control("POST", "/plans", json={"name": "Club", "amount": "10", "client_id": paypal.credentials.client_id})
    made = control("POST", "/subscriptions", json={"plan_id": plan.json()["id"], "surname": "Ô’Neil"}).json()
    rule = {"operation": "show", "behaviour": "404", "times": 1, "only": made["id"]}
    assert control("POST", "/rules", json=rule).status_code == 201

    address = f"{paypal.url}/v1/billing/subscriptions/{made['id']}"
    assert [bearer.get(address, timeout=5).status_code for _ in range(2)] == [404, 200]
    calls = control("GET", "/calls").json()["calls"]
    assert [(call["operation"], call["provider_id"], call["answer"]) for call in calls] == [
        ("token", "", "200"),
        ("show", made["id"], "404"),
        ("show", made["id"], "200"),
    ]
    assert control("DELETE", "/rules").status_code == 204
    assert control("DELETE", "/calls").status_code == 204
    assert control("GET", "/rules").json()["rules"] == control("GET", "/calls").json()["calls"] == []
    assert control("POST", f"/subscriptions/{made['id']}/charge", json={}).json()["last_payment"]["amount"] == "10"
    assert control("POST", f"/subscriptions/{made['id']}/forget", json={}).status_code == 204
    assert bearer.get(address, timeout=5).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/rules", {"operation": "dance", "behaviour": "500"}, 422),
        ("POST", "/rules", {"operation": "show", "behaviour": "599"}, 422),
        ("POST", "/rules", {"operation": "show", "behaviour": "silent"}, 422),
        ("POST", "/rules", {"nonsense": 1}, 422),
        ("POST", "/rules", [1], 422),
        ("POST", "/clock", {"days": -1}, 422),
        ("POST", "/subscriptions/I-NOBODY/buyer-cancels", {}, 404),
        ("POST", "/nowhere", {}, 404),
        ("GET", "/nowhere", None, 404),
    ],
)
def test_what_the_control_address_refuses(control, paypal, method, path, body, status):
    assert control(method, path, json=body).status_code == status
    assert paypal.rules == []


def test_a_form_of_another_site_changes_nothing(control, paypal):
    answer = control("POST", "/rules", data={"operation": "any", "behaviour": "500"}, headers={"Origin": "https://x.y"})
    assert answer.status_code == 403
    assert paypal.rules == []


def test_rules_are_counted_skipped_and_aimed(paypal, bearer):
    first, second = paypal.add_subscription(), paypal.add_subscription()

    def statuses(row, times):
        address = f"{paypal.url}/v1/billing/subscriptions/{row.id}"
        return [bearer.get(address, timeout=5).status_code for _ in range(times)]

    paypal.rule("show", "500", times=2, skip=1, only=first.id)
    assert statuses(second, 2) == [200, 200]
    assert statuses(first, 4) == [200, 500, 500, 200]


@pytest.mark.parametrize("behaviour", ["silent", "stale", "422-account-closed", "400"])
def test_what_is_for_acts_leaves_reads_alone(paypal, bearer, behaviour):
    row = paypal.add_subscription()
    paypal.rule("any", behaviour, times=1, seconds=0)
    assert bearer.get(f"{paypal.url}/v1/billing/subscriptions/{row.id}", timeout=5).status_code == 200
    assert paypal.rules[0].times == 1


BAD_REASONS = [
    ({"data": b"", "headers": {"Content-Type": "application/json"}}, 400, "MISSING_REQUEST_BODY"),
    ({"data": b"{", "headers": {"Content-Type": "application/json"}}, 400, "MALFORMED_REQUEST_JSON"),
    ({"json": {}}, 400, "MISSING_REQUIRED_PARAMETER"),
    ({"json": ["x"]}, 400, "MISSING_REQUIRED_PARAMETER"),
    ({"json": {"reason": 4}}, 400, "INVALID_PARAMETER_SYNTAX"),
    ({"json": {"reason": ""}}, 400, "INVALID_STRING_MIN_LENGTH"),
    ({"json": {"reason": "x" * 129}}, 400, "INVALID_STRING_MAX_LENGTH"),
    ({"data": {"reason": "x"}}, 415, None),
]


@pytest.mark.parametrize("action", ["cancel", "suspend", "activate"])
@pytest.mark.parametrize(("sent", "status", "issue"), BAD_REASONS)
def test_a_reason_that_is_not_one(paypal, bearer, action, sent, status, issue):
    row = paypal.add_subscription()
    answer = bearer.post(f"{paypal.url}/v1/billing/subscriptions/{row.id}/{action}", timeout=5, **sent)
    body = answer.json()
    assert answer.status_code == status
    assert [detail["issue"] for detail in body.get("details", [])] == ([issue] if issue else [])
    assert body["debug_id"] == answer.headers["PayPal-Debug-Id"]
    assert row.status == "ACTIVE"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "word"),
    [
        ("GET", "/v1/billing/subscriptions", {"Authorization": ""}, 401, "AUTHENTICATION_FAILURE"),
        ("GET", "/v1/billing/subscriptions", {"Authorization": "Bearer nonsense"}, 401, "invalid_token"),
        ("GET", "/v1/billing/subscriptions?page_size=21", {}, 400, "INVALID_REQUEST"),
        ("GET", "/v1/billing/subscriptions?page=0", {}, 400, "INVALID_REQUEST"),
        ("GET", "/v1/billing/subscriptions?statuses=active", {}, 400, "INVALID_REQUEST"),
        ("GET", "/v1/billing/subscriptions?plan_ids=" + ",".join("P" * 71), {}, 400, "INVALID_REQUEST"),
        ("GET", "/v1/billing/subscriptions?status_updated_after=today", {}, 400, "INVALID_REQUEST"),
        ("GET", "/v1/billing/subscriptions/I-NOBODY", {}, 404, "RESOURCE_NOT_FOUND"),
        ("GET", "/v1/billing/subscriptions/I-NOBODY/transactions", {}, 400, "INVALID_REQUEST"),
        ("GET", "/v1/billing/plans/P-NOTHING", {}, 404, "RESOURCE_NOT_FOUND"),
        ("DELETE", "/v1/billing/plans", {}, 405, "METHOD_NOT_SUPPORTED"),
        ("GET", "/v1/somewhere", {}, 404, "RESOURCE_NOT_FOUND"),
        ("POST", "/v1/oauth2/token", {"Authorization": ""}, 400, "unsupported_grant_type"),
    ],
)
def test_what_paypal_refuses(paypal, bearer, method, path, headers, status, word):
    answer = bearer.request(method, paypal.url + path, headers=headers, timeout=5)
    body = answer.json()
    assert (answer.status_code, body.get("name") or body.get("error")) == (status, word)
    assert answer.headers["PayPal-Debug-Id"]


def test_the_next_link_is_on_another_host_as_paypals_is(paypal, bearer):
    for _ in range(3):
        paypal.add_subscription()
    body = bearer.get(f"{paypal.url}/v1/billing/subscriptions?page_size=2", timeout=5).json()
    assert "total_items" not in body
    assert [link["rel"] for link in body["links"]] == ["self", "next"]
    assert all(link["href"].startswith("https://api.sandbox.paypal.com/") for link in body["links"])


def test_filters_of_the_list(paypal, bearer):
    active, ended = paypal.add_subscription(), paypal.add_subscription(status="CANCELLED")
    old = paypal.add_subscription(started_at="2020-01-01T10:00:00Z")

    def ids(query):
        body = bearer.get(f"{paypal.url}/v1/billing/subscriptions?{query}", timeout=5).json()
        return {row["id"] for row in body["subscriptions"]}

    assert ids("") == {active.id, ended.id, old.id}
    assert ids("statuses=CANCELLED,EXPIRED") == {ended.id}
    assert ids("created_before=2021-01-01T00:00:00Z") == {old.id}
    assert ids("plan_ids=P-X") == set()


def test_time_bills(paypal):
    at = datetime(2026, 1, 31, 10, tzinfo=UTC)
    moving = Simulator(clock=lambda: at)
    plan = moving.add_plan(amount="10")
    row = moving.add_subscription(plan_id=plan.id, started_at=at)
    moving.advance(days=60)
    assert [paid.time[:10] for paid in row.payments] == ["2026-01-31", "2026-02-28", "2026-03-31"]
    assert row.next_billing_time == "2026-04-30T10:00:00Z"
    assert row.last_payment == {"amount": "10", "time": "2026-03-31T10:00:00Z"}


def test_a_pause_is_not_billed_afterwards(paypal, bearer):
    row = paypal.add_subscription(started_at=paypal.now() - timedelta(days=1))
    address = f"{paypal.url}/v1/billing/subscriptions/{row.id}"
    assert bearer.post(f"{address}/suspend", json={"reason": "x"}, timeout=5).status_code == 204
    paypal.advance(100)
    assert bearer.post(f"{address}/activate", json={"reason": "x"}, timeout=5).status_code == 204
    assert (row.status, len(row.payments)) == ("ACTIVE", 1)
    assert row.next_billing_time > paypal.now().strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("action", HAPPENINGS)
@pytest.mark.parametrize("status", ["APPROVAL_PENDING", "APPROVED", "ACTIVE", "SUSPENDED", "CANCELLED", "EXPIRED"])
def test_no_happening_breaks_or_revives_a_subscription(paypal, status, action):
    row = paypal.add_subscription(status=status, plan_id=None if action != "charge" else "P-UNKNOWN")
    paypal.happen(row.id, action)
    paypal.advance(40)
    if status in ("CANCELLED", "EXPIRED"):
        assert row.status == status


def test_the_state_survives_a_restart(tmp_path):
    file = tmp_path / "simulator.json"
    first = Simulator(file)
    first.add_account("a", "b", environment="live")
    first.add_plan("Café « Ω »")
    row = first.add_subscription(given_name="عائشة", extra={"x": [1, None]})
    first.advance(45)
    second = Simulator(file)
    assert second.state == first.state
    assert second.subscriptions[row.id].payments == row.payments
    assert list(tmp_path.iterdir()) == [file]
    assert file.stat().st_mode & 0o077 == 0


def test_a_state_of_before_the_webhooks_is_read(tmp_path):
    file = tmp_path / "simulator.json"
    first = Simulator(file)
    row = first.add_subscription()
    raw = json.loads(file.read_text())
    for name in ("webhooks", "events", "deliveries"):
        del raw[name]
    for kept in raw["subscriptions"].values():
        for name in ("untold", "retry_at", "tries"):
            kept.pop(name, None)
        for paid in kept["payments"]:
            del paid["refunded"], paid["reversed"]
    file.write_text(json.dumps(raw))
    second = Simulator(file)
    assert second.state == first.state
    assert second.subscriptions[row.id].payments == row.payments != []


def test_a_failed_write_leaves_the_file_before(tmp_path):
    file = tmp_path / "simulator.json"
    simulator = Simulator(file)
    simulator.add_account("a", "b")
    before = file.read_text()
    simulator.state.accounts[0].secret = object()  # cannot be written
    with pytest.raises(TypeError):
        simulator.save()
    assert file.read_text() == before
    assert list(tmp_path.iterdir()) == [file]
    assert State.load(file).accounts[0].secret == "b"


def test_stopping_does_not_wait_for_held_calls(paypal):
    simulator = Simulator()
    simulator.rule("any", "timeout", seconds=300)
    handle = serve(simulator)
    with pytest.raises(requests.Timeout):
        requests.get(handle.url + "/v1/billing/plans", timeout=(2, 0.2))
    handle.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(handle.url, timeout=2)


def test_the_command_serves_and_ends_on_a_signal(tmp_path):
    file = tmp_path / "deep" / "simulator.json"
    command = [sys.executable, "-m", "portal.demo.simulator", "--port", "0", "--state", str(file)]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True, env={**os.environ}) as process:
        try:
            address = process.stdout.readline().split()[-1]
            added = requests.post(address + "accounts", json={"client_id": "x", "secret": "y"}, timeout=5)
            assert added.status_code == 201
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    assert json.loads(file.read_text())["accounts"][0]["client_id"] == "x"

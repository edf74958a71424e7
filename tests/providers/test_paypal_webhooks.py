"""Webhooks and events of the REST client: what is asked, what is read of any answer, which addresses PayPal calls."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from portal.providers.paypal import PayPalGateways
from portal.providers.ports import Credentials, GatewayRefused, GatewayUnavailable, Refusal, Token
from tests.fakes.paypal import MemoryTokens
from tests.fakes.raw_server import http

KEY = Credentials(client_id="c", secret="s", environment="sandbox")
URL = "https://portail.boutique.fr/webhooks/paypal/abc"
START = datetime(2026, 11, 20, 8, 30, 15, 400_000, tzinfo=UTC)


def gateway_at(url: str):
    store = MemoryTokens()
    store.token = Token(value="T-123", expires_at=datetime.now(UTC) + timedelta(hours=1), scopes=frozenset())
    return PayPalGateways({"sandbox": url})(KEY, store, patience=3)


def said(status: str, body: object) -> bytes:
    return http(status, json.dumps(body).encode())


def sent(server) -> tuple[str, object]:
    """The request line and the JSON body of the only call."""
    [request] = server.asked
    head, _, body = request.partition("\r\n\r\n")
    return head.splitlines()[0], json.loads(body) if body else None


# Against the simulator, judged by PayPal's published contract


def test_a_webhook_from_its_making_to_its_change(gateway, paypal):
    made = gateway.create_webhook(url=URL, event_types={"PAYMENT.SALE.COMPLETED", "BILLING.SUBSCRIPTION.CANCELLED"})
    assert (made.url, made.event_types) == (URL, {"PAYMENT.SALE.COMPLETED", "BILLING.SUBSCRIPTION.CANCELLED"})
    assert gateway.list_webhooks() == (made,)
    moved = gateway.change_webhook(made.provider_id, url=URL + "d")
    assert (moved.provider_id, moved.url, moved.event_types) == (made.provider_id, URL + "d", made.event_types)
    wider = gateway.change_webhook(made.provider_id, event_types={"*"})
    assert (wider.url, wider.event_types) == (URL + "d", {"*"})


def test_an_eleventh_webhook_and_a_doubled_address_have_their_own_refusals(gateway, paypal):
    for number in range(9):
        paypal.add_webhook(f"https://site{number}.fr/")
    gateway.create_webhook(url=URL, event_types={"*"})
    for url, refusal in ((URL, Refusal.WEBHOOK_EXISTS), (URL + "2", Refusal.WEBHOOK_LIMIT)):
        with pytest.raises(GatewayRefused) as refused:
            gateway.create_webhook(url=url, event_types={"*"})
        assert refused.value.refusal is refusal
        assert refused.value.debug_id


def test_an_unknown_event_type_is_refused_as_a_defect(gateway, paypal):
    with pytest.raises(GatewayRefused) as refused:
        gateway.create_webhook(url=URL, event_types={"BILLING.SUBSCRIPTION.DANCED"})
    assert refused.value.refusal is Refusal.OTHER


def test_a_webhook_that_is_gone(gateway):
    with pytest.raises(GatewayRefused) as refused:
        gateway.change_webhook("0AB12345CD678901E", url=URL)
    assert refused.value.refusal is Refusal.NOT_FOUND


def test_a_test_message_is_made_for_the_webhook(gateway, paypal):
    webhook = gateway.create_webhook(url=URL, event_types={"*"})
    assert gateway.simulate_event(webhook.provider_id, event_type="BILLING.SUBSCRIPTION.CREATED")
    [message] = paypal.messages(webhook.provider_id)
    assert message.event_type == "BILLING.SUBSCRIPTION.CREATED"


def test_events_are_read_over_all_pages_and_sent_again_to_one_webhook(gateway, paypal, now):
    paypal.automatic = False
    webhook, other = (gateway.create_webhook(url=URL + name, event_types={"*"}) for name in "ab")
    for _ in range(45):
        paypal.happen(paypal.add_subscription().id, "buyer-cancels")
    listed = list(gateway.list_events(start=now - timedelta(hours=1), end=now + timedelta(hours=1)))
    assert {event.provider_id for event in listed} == set(paypal.state.events)
    assert len(listed) == 45
    assert {event.event_type for event in listed} == {"BILLING.SUBSCRIPTION.CANCELLED"}
    assert paypal.count("list_events") == 3
    for row in paypal.state.deliveries.values():
        row.state = "delivered"
    gateway.resend_event(listed[0].provider_id, webhook_id=webhook.provider_id)
    assert len(paypal.messages(webhook.provider_id)) == 46
    assert len(paypal.messages(other.provider_id)) == 45


# Against a server that says anything


def test_a_change_sends_only_what_differs(raw):
    server = raw(said("200 OK", {"id": "0AB12345CD", "url": URL, "event_types": []}))
    gateway_at(server.url).change_webhook("0AB12345CD", event_types=["B.X", "A.Y"])
    line, body = sent(server)
    assert line == "PATCH /v1/notifications/webhooks/0AB12345CD HTTP/1.1"
    assert body == [{"op": "replace", "path": "/event_types", "value": [{"name": "A.Y"}, {"name": "B.X"}]}]


def test_a_lenient_reader_keeps_what_can_be_read(raw):
    rows = [
        {"id": "1AB", "url": URL, "event_types": [{"name": "*", "status": "ENABLED"}], "more": [1]},
        {"id": "2AB", "url": None, "event_types": None},
        {"id": "3AB", "url": 7, "event_types": [{"name": 3}, "PAYMENT", {}, {"name": "A.B"}]},
        {"url": URL},
        {"id": "../4"},
        {"id": ["5"]},
        "6AB",
        None,
    ]
    found = gateway_at(raw(said("200 OK", {"webhooks": rows})).url).list_webhooks()
    assert [(row.provider_id, row.url, set(row.event_types)) for row in found] == [
        ("1AB", URL, {"*"}),
        ("2AB", "", set()),
        ("3AB", "", {"A.B"}),
    ]


@pytest.mark.parametrize("body", [{}, {"webhooks": None}, {"webhooks": {}}, {"items": []}, {"name": "X"}])
def test_a_list_that_is_none_is_not_taken_for_an_empty_one(raw, body):
    # Else a second webhook would be made beside the one that was not shown.
    with pytest.raises(GatewayUnavailable):
        gateway_at(raw(said("200 OK", body)).url).list_webhooks()


@pytest.mark.parametrize("answer", [b"", b"accepted", b"{}", b"[]"])
def test_a_202_needs_no_body(raw, answer):
    gateway_at(raw(http("202 Accepted", answer)).url).resend_event("WH-1-2", webhook_id="0AB")


@pytest.mark.parametrize("body", [{"url": URL}, {"id": "../x"}, {"id": 5}])
def test_a_created_webhook_without_an_id_is_unknown(raw, body):
    with pytest.raises(GatewayUnavailable):
        gateway_at(raw(said("201 Created", body)).url).create_webhook(url=URL, event_types={"*"})


@pytest.mark.parametrize("status", ["400 Bad Request", "409 Conflict", "422 Unprocessable Entity"])
@pytest.mark.parametrize(
    ("word", "refusal"),
    [
        ("WEBHOOK_NUMBER_LIMIT_EXCEEDED", Refusal.WEBHOOK_LIMIT),
        ("WEBHOOK_URL_ALREADY_EXISTS", Refusal.WEBHOOK_EXISTS),
    ],
)
@pytest.mark.parametrize("where", ["name", "issue"])
def test_the_word_decides_wherever_it_stands(raw, status, word, refusal, where):
    as_issue = {"name": "VALIDATION_ERROR", "details": [{"issue": word}]}
    body = {"name": word} if where == "name" else as_issue
    with pytest.raises(GatewayRefused) as refused:
        gateway_at(raw(said(status, body)).url).create_webhook(url=URL, event_types={"*"})
    assert (refused.value.refusal, refused.value.issue) == (refusal, word)


@pytest.mark.parametrize(
    "href",
    [
        "https://evil.example/v1/notifications/webhooks-events?next_page_token=B",
        "http://api.paypal.com:99/v1/notifications/webhooks-events?next_page_token=B",
        "http://[::1/?next_page_token=B",
        None,
        7,
    ],
)
def test_a_link_to_the_next_page_is_never_followed_elsewhere_nor_for_ever(raw, href):
    row = {"id": "WH-1", "event_type": "PAYMENT.SALE.COMPLETED", "create_time": "2026-11-20T09:00:00Z"}
    server = raw(said("200 OK", {"events": [row], "links": [{"rel": "next", "href": href}]}))
    found = list(gateway_at(server.url).list_events(start=START, end=START + timedelta(hours=1)))
    assert [event.provider_id for event in found] == ["WH-1"]
    assert len(server.asked) == 2  # the second page brings nothing new
    for request in server.asked:
        line = request.splitlines()[0]
        assert line.startswith("GET /v1/notifications/webhooks-events?")
        assert "start_time=2026-11-20T08%3A30%3A15Z" in line  # widened to whole seconds
        assert "end_time=2026-11-20T09%3A30%3A16Z" in line
    assert ("next_page_token=B" in server.asked[1]) is (isinstance(href, str) and "[" not in href)


def test_events_without_an_id_are_left_out(raw):
    rows = [{"id": "WH-1"}, {"id": "a b"}, {"event_type": "X"}, 3, None, {"id": "WH-2", "create_time": "yesterday"}]
    found = list(gateway_at(raw(said("200 OK", {"events": rows})).url).list_events(start=START, end=START))
    assert [(event.provider_id, event.event_type, event.created_at) for event in found] == [
        ("WH-1", "", None),
        ("WH-2", "", None),
    ]


PUBLIC = [
    "https://portail.boutique.fr/webhooks/paypal/abc",
    "https://portail.boutique.fr:443/x",
    "https://xn--caf-dma.fr/x",
    "https://93.184.216.34/x",
    "https://boutique.fr./x",
]
NOT_PUBLIC = [
    "http://portail.boutique.fr/x",
    "https://portail.boutique.fr:8443/x",
    "https://portail.boutique.fr:99999/x",
    "https://portail/x",
    "https://localhost/x",
    "https://127.0.0.1/x",
    "https://10.1.2.3/x",
    "https://192.168.0.9/x",
    "https://169.254.169.254/x",
    "https://[::1]/x",
    "https://[fe80::1]/x",
    "https://[fd00::1]/x",
    "https://[::1/x",
    "https://user@boutique.fr/x",
    "https://user:word@boutique.fr/x",
    "https://portail.local/x",
    "https://portail.internal/x",
    "https://portail.test/x",
    "https://a..fr/x",
    "https:///x",
    "ftp://boutique.fr/x",
    "boutique.fr/x",
    "",
    "https://boutique.fr/" + "x" * 2048,
]
LOOPBACK = ["http://127.0.0.1:8000/x", "http://localhost:8000/x", "http://[::1]:8000/x", "https://localhost/x"]


@pytest.mark.parametrize("url", PUBLIC)
def test_addresses_that_paypal_calls(url):
    assert gateway_at("https://api-m.sandbox.paypal.com").takes_address(url)
    assert gateway_at("http://127.0.0.1:1").takes_address(url)


@pytest.mark.parametrize("url", [*NOT_PUBLIC, *LOOPBACK])
def test_addresses_that_paypal_does_not_call(url):
    assert not gateway_at("https://api-m.sandbox.paypal.com").takes_address(url)


@pytest.mark.parametrize("url", LOOPBACK)
def test_a_stand_in_on_this_machine_also_calls_this_machine(url):
    assert gateway_at("http://127.0.0.1:1").takes_address(url)


@pytest.mark.parametrize("url", ["http://portail.boutique.fr/x", "http://192.168.0.9/x", "ftp://127.0.0.1/x"])
def test_a_stand_in_calls_no_other_machine_in_the_clear(url):
    assert not gateway_at("http://127.0.0.1:1").takes_address(url)

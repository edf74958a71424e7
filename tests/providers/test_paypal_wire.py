"""Below PayPal: sockets that lie, hang up, redirect or flood, and addresses that would leak the key."""

from __future__ import annotations

import gzip
import socket
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from portal.providers.paypal import PayPalGateways, transport
from portal.providers.ports import Credentials, GatewayRefused, GatewayUnavailable, Token
from tests.fakes.paypal import MemoryTokens
from tests.fakes.raw_server import http

KEY = Credentials(client_id="c", secret="s", environment="sandbox")


def gateway_at(url: str, *, patience: float = 3):
    store = MemoryTokens()
    store.token = Token(value="T-123", expires_at=datetime.now(UTC) + timedelta(hours=1), scopes=frozenset())
    return PayPalGateways({"sandbox": url})(KEY, store, patience=patience)


HOSTILE = {
    "no HTTP at all": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nothing": b"",
    "half a status line": b"HTTP/1.1 2",
    "shorter than promised": b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"id": "I-A',
    "broken chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
    "broken gzip": http("200 OK", b"\x1f\x8bnot gzip", "Content-Encoding: gzip"),
    "a redirect": http("302 Found", b"", "Location: https://example.org/steal"),
    "a login page": http("200 OK", b"<html>Welcome to the hotel</html>", "Content-Type: text/html"),
    "a number": http("200 OK", b"4"),
    "an empty object": http("200 OK", b"{}"),
    "an object without a status": http("200 OK", b'{"id": "I-ABC"}'),
    "an object without an id": http("200 OK", b'{"status": "CANCELLED"}'),
    "another subscription": http("200 OK", b'{"id": "I-XYZ", "status": "CANCELLED"}'),
    "not UTF-8": http("200 OK", b'{"id": "\xff\xfe"}'),
    "very deep": http("200 OK", b"[" * 200_000),
    "a huge number": http("200 OK", b'{"id": ' + b"9" * 10_000 + b"}"),
    "a flood": http("200 OK", b'{"id": "' + b"A" * 3_000_000 + b'"}'),
    "a gzip bomb": http("200 OK", gzip.compress(b" " * 50_000_000), "Content-Encoding: gzip"),
    "204 with nothing": b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    "408": http("408 Request Timeout", b"{}"),
    "504": http("504 Gateway Timeout", b"{}"),
    "999": http("999 Odd", b"{}"),
    "403 of a firewall": http("403 Forbidden", b"<html>Access denied</html>"),
    "404 of a proxy": http("404 Not Found", b"no such host"),
    "401 of a proxy": http("401 Unauthorized", b"log in first"),
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_read_that_cannot_be_believed_is_unknown(raw, answer):
    server = raw(answer)
    with pytest.raises(GatewayUnavailable):
        gateway_at(server.url).show_subscription("I-ABC")
    assert len(server.asked) == 1


@pytest.mark.parametrize("answer", ["200 OK", "201 Created", "202 Accepted", "302 Found"])
def test_only_204_says_that_a_cancel_was_done(raw, answer):
    server = raw(http(answer, b'{"status": "CANCELLED"}', "Location: /elsewhere"))
    with pytest.raises(GatewayUnavailable):
        gateway_at(server.url).cancel_subscription("I-ABC", reason="x")
    assert len(server.asked) == 1


@pytest.mark.parametrize("answer", ['{"plans": {}}', '{"plans": "x"}', "{}", '{"links": 3}'])
def test_a_list_of_the_wrong_shape_is_unknown(raw, answer):
    gateway = gateway_at(raw(http("200 OK", answer.encode())).url)
    with pytest.raises(GatewayUnavailable):
        list(gateway.list_plans())
    with pytest.raises(GatewayUnavailable):
        gateway.list_subscriptions(page=1)


def test_a_list_that_leads_round_for_ever_ends(raw):
    body = b'{"plans": [{"id": "P-1234", "name": "Club"}], "links": [{"rel": "next", "href": "https://example.org"}]}'
    server = raw(http("200 OK", body))
    assert [plan.provider_id for plan in gateway_at(server.url).list_plans()] == ["P-1234"]
    assert len(server.asked) == 2


def test_what_a_cancel_looks_like_on_the_wire(raw):
    server = raw(b"HTTP/1.1 204 No Content\r\nPayPal-Debug-Id: f00\r\nConnection: close\r\n\r\n")
    assert gateway_at(server.url).cancel_subscription("I-ABC", reason="Je pars") == "f00"
    asked = server.asked[0]
    assert asked.startswith("POST /v1/billing/subscriptions/I-ABC/cancel HTTP/1.1\r\n")
    assert "Content-Type: application/json\r\n" in asked
    assert "Authorization: Bearer T-123\r\n" in asked
    assert asked.endswith('{"reason": "Je pars"}')


def test_the_debug_id_of_the_body_serves_when_the_header_is_missing(raw):
    body = b'{"name": "RESOURCE_NOT_FOUND", "debug_id": "aac6", "details": [{"issue": "INVALID_RESOURCE_ID"}]}'
    with pytest.raises(GatewayRefused) as caught:
        gateway_at(raw(http("404 Not Found", body)).url).show_subscription("I-ABC")
    assert (caught.value.debug_id, caught.value.issue) == ("aac6", "INVALID_RESOURCE_ID")


def test_no_cookie_is_kept(raw):
    server = raw(http("200 OK", b'{"id": "I-ABC", "status": "ACTIVE"}', "Set-Cookie: who=me; Path=/"))
    gateway = gateway_at(server.url)
    gateway.show_subscription("I-ABC")
    gateway.show_subscription("I-ABC")
    assert "cookie" not in server.asked[1].lower()


def test_a_netrc_of_the_machine_never_replaces_the_token(raw, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = raw(http("200 OK", b'{"id": "I-ABC", "status": "ACTIVE"}'))
    gateway = gateway_at(server.url)
    gateway._http.trust_env = True
    gateway.show_subscription("I-ABC")
    assert "Authorization: Bearer T-123" in server.asked[0]


@pytest.mark.law("R-SE-2")
@pytest.mark.parametrize("url", ["http://api-m.paypal.com", "http://10.0.0.4:8010", "ftp://127.0.0.2"])
def test_a_key_never_travels_unencrypted(url):
    with pytest.raises(ValueError, match="unencrypted"):
        PayPalGateways({"live": url})


def test_the_default_addresses_are_paypals():
    gateways = PayPalGateways()
    assert {name: gateways(Credentials(client_id="c", secret="s", environment=name), MemoryTokens())._where.rest
            for name in ("live", "sandbox")} == {
        "live": "https://api-m.paypal.com",
        "sandbox": "https://api-m.sandbox.paypal.com",
    }  # fmt: skip
    with pytest.raises(ValueError, match="environment"):
        gateways(Credentials(client_id="c", secret="s", environment="moon"), MemoryTokens())


@contextmanager
def trickling(before: bytes, more: bytes):
    """A server that answers byte after byte, each in time, for as long as anybody listens."""
    listener, ended = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def trickle() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(before)
            while not ended.wait(0.02):
                try:
                    connection.sendall(more)
                except OSError:
                    return

    thread = threading.Thread(target=trickle, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    ended.set()
    thread.join(5)
    listener.close()


def test_a_body_that_trickles_is_given_up_at_the_deadline():
    with (
        trickling(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b" ") as address,
        transport.new_session(address).get(address, stream=True, timeout=5) as answer,
    ):
        assert transport.read(answer, largest=10_000_000, seconds=0.2) is None


@pytest.mark.parametrize(("before", "more"), [(b"HTTP/1.1 200 ", b"O"), (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a")])
def test_a_head_that_trickles_is_given_up_at_the_deadline(before, more):
    """Sixty thousand bytes of one line may come at this pace for twenty minutes."""
    with trickling(before, more) as address, pytest.raises(GatewayUnavailable):
        gateway_at(address, patience=0.3).show_subscription("I-ABC")


def test_the_time_of_the_head_is_not_the_body_s(raw):
    body = b'{"id": "I-ABC", "status": "ACTIVE", "plan_id": "' + b"P" * 500_000 + b'"}'
    server = raw(http("200 OK", body))
    assert gateway_at(server.url).show_subscription("I-ABC").status == "ACTIVE"


@pytest.mark.parametrize("where", ['"status": "ACTIVE"', '"a": [{"b": {"c": 1, "c": 1}}]'])
def test_an_object_that_says_a_key_twice_says_nothing(raw, where):
    body = f'{{"id": "I-ABC", "status": "CANCELLED", {where}}}'
    with pytest.raises(GatewayUnavailable):
        gateway_at(raw(http("200 OK", body.encode())).url).show_subscription("I-ABC")

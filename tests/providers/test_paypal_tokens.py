"""The token: one for many calls, shared through the store, refreshed once (FACTS.md 1.1)."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from portal.providers.paypal.tokens import read_token, usable
from portal.providers.ports import GatewayRefused, GatewayUnavailable, Refusal, Token
from tests.fakes.paypal import CLIENT_ID, SECRET, MemoryTokens

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_one_token_for_many_calls_and_many_gateways(paypal, open_gateway, tokens):
    row = paypal.add_subscription()
    for _ in range(3):
        gateway = open_gateway()
        gateway.show_subscription(row.id)
        gateway.list_subscriptions(page=1)
    gateway.cancel_subscription(row.id, reason="Because")
    assert paypal.count("token") == 1
    assert tokens.puts == 1


def test_the_check_of_a_key_always_asks_and_leaves_the_store_alone(paypal, gateway, tokens):
    first, second = gateway.check_key(), gateway.check_key()
    assert paypal.count("token") == 2
    assert first.value != second.value
    assert "https://uri.paypal.com/services/subscriptions" in first.scopes
    assert timedelta(hours=8) < first.expires_at - datetime.now(UTC) < timedelta(hours=9)
    assert (tokens.puts, tokens.drops) == (0, 0)


@pytest.mark.parametrize(("seconds_left", "asks_again"), [(3600, False), (121, False), (60, True), (-1, True)])
def test_a_token_about_to_end_is_not_used(paypal, gateway, tokens, seconds_left, asks_again):
    gateway.list_subscriptions(page=1)
    old = tokens.token
    tokens.token = Token(
        value=old.value, expires_at=datetime.now(UTC) + timedelta(seconds=seconds_left), scopes=old.scopes
    )
    gateway.list_subscriptions(page=1)
    assert (paypal.count("token") == 2) is asks_again
    assert (tokens.token.value != old.value) is asks_again


def test_a_token_that_died_early_is_replaced_once(paypal, gateway, tokens):
    row = paypal.add_subscription()
    gateway.show_subscription(row.id)
    paypal.state.tokens.clear()
    assert gateway.cancel_subscription(row.id, reason="Because")

    assert paypal.cancelled == [row.id]
    assert [(call.operation, call.answer) for call in paypal.calls][2:] == [
        ("cancel", "401"),
        ("token", "200"),
        ("cancel", "204"),
    ]
    assert (tokens.puts, tokens.drops) == (2, 1)


def test_401_twice_means_the_key(paypal, gateway, tokens):
    row = paypal.add_subscription()
    paypal.rule("cancel", "401")
    with pytest.raises(GatewayRefused) as caught:
        gateway.cancel_subscription(row.id, reason="Because")
    assert (caught.value.refusal, caught.value.issue) == (Refusal.BAD_CREDENTIALS, "invalid_token")
    assert (paypal.count("token"), paypal.count("cancel")) == (2, 2)
    assert tokens.token is None


def test_a_revoked_key_is_found_at_the_refresh(paypal, gateway, tokens):
    gateway.list_subscriptions(page=1)
    paypal.rule("any", "401")
    with pytest.raises(GatewayRefused) as caught:
        gateway.list_subscriptions(page=1)
    assert (caught.value.refusal, caught.value.issue) == (Refusal.BAD_CREDENTIALS, "invalid_client")
    assert (paypal.count("token"), paypal.count("list")) == (2, 2)
    assert tokens.token is None


@pytest.mark.parametrize("behaviour", ["500", "429", "html-502", "empty-200", "array-200", "cut"])
def test_a_token_call_that_fails_says_nothing_of_the_key(paypal, gateway, behaviour):
    paypal.rule("token", behaviour)
    with pytest.raises(GatewayUnavailable):
        gateway.check_key()
    with pytest.raises(GatewayUnavailable):
        gateway.list_subscriptions(page=1)
    assert paypal.count("list") == 0


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [(31668, 31668), (5, 5), (None, 300), ("31668", 300), (True, 300), (-4, 300), (10**9, 32400)],
)
def test_how_long_a_token_lives(expires_in, seconds):
    token = read_token({"access_token": "A21", "expires_in": expires_in}, now=NOW)
    assert token.expires_at == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("value", [None, "", 5, "a b", "a\r\nX-Evil: 1", "é", "x" * 5000, ["a"]])
def test_what_is_not_a_token(value):
    assert read_token({"access_token": value, "expires_in": 900}, now=NOW) is None


def test_no_token_is_not_usable():
    assert usable(None, now=NOW) is False


@pytest.mark.law("R-SE-2")
def test_neither_logs_nor_errors_hold_a_secret(paypal, open_gateway, caplog):
    row = paypal.add_subscription(email="private@example.com", given_name="Zéphyrine", surname="Secrète")
    store = MemoryTokens()
    gateway = open_gateway(store=store)
    said: list[str] = [repr(gateway)]
    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as lines:
        gateway.show_subscription(row.id)
        said.append(repr(store.token))
        value = store.token.value
        gateway.list_subscriptions(page=1)
        gateway.cancel_subscription(row.id, reason="A private reason")
        for behaviour in ("500", "401", "cut", "422-account-closed", "html-502", "429"):
            paypal.clear_rules()
            paypal.rule("cancel", behaviour)
            with pytest.raises((GatewayRefused, GatewayUnavailable)) as caught:
                gateway.cancel_subscription(row.id, reason="A private reason")
            said += [str(caught.value), repr(caught.value), repr(caught.value.__cause__)]
    said += [str(line) for line in lines] + [record.getMessage() for record in caplog.records]
    text = "\n".join(said)
    assert SECRET not in repr(paypal.credentials)

    assert len(lines) > 8
    for secret in (SECRET, CLIENT_ID, value, "private@", "Zéphyrine", "Secrète", "private reason", "Bearer", "Basic"):
        assert secret not in text


@pytest.mark.law("R-SE-2")
def test_each_call_is_logged_with_what_finds_it_again_at_paypal(paypal, gateway):
    row = paypal.add_subscription()
    with structlog.testing.capture_logs() as lines:
        debug_id = gateway.cancel_subscription(row.id, reason="Because")
    asked, done = lines
    assert (asked["operation"], asked["status"]) == ("token", 200)
    assert done.pop("milliseconds") >= 0
    assert done == {
        "event": "paypal call",
        "log_level": "info",
        "operation": "cancel",
        "provider_id": row.id,
        "status": 204,
        "debug_id": debug_id,
    }

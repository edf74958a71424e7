"""FACTS.md 1.5 and cancellation.md « PayPal's answer »: each answer becomes one of two errors."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from portal.providers.paypal import PayPalGateways, errors
from portal.providers.ports import Credentials, GatewayRefused, GatewayUnavailable, Refusal
from tests.fakes.paypal import MemoryTokens

ACTS = ("cancel", "suspend", "activate")
#  behaviour                operations                          refusal or unavailable
TABLE = """
400                         cancel,suspend,activate             other
401                         any                                 bad_credentials
403                         any                                 forbidden
404                         show,cancel,suspend,activate        not_found
422-account-closed          cancel,suspend,activate             account_closed
422-status-invalid          cancel,suspend,activate             status_invalid
422-cannot-be-activated     activate                            cannot_be_activated
429                         any                                 unavailable
500                         any                                 unavailable
503                         any                                 unavailable
html-502                    any                                 unavailable
empty-200                   any                                 unavailable
array-200                   any                                 unavailable
cut                         any                                 unavailable
other-id                    show,show_plan                      unavailable
"""
EVERY = ("show", "list", "cancel", "suspend", "activate", "show_plan", "list_plans", "transactions")
ROWS = [
    (behaviour, operation, outcome)
    for behaviour, operations, outcome in (line.split() for line in TABLE.strip().splitlines())
    for operation in (EVERY if operations == "any" else operations.split(","))
]


def call(gateway, row, operation):
    if operation in ACTS:
        return getattr(gateway, f"{operation}_subscription")(row.id, reason="Because")
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    return {
        "show": lambda: gateway.show_subscription(row.id),
        "list": lambda: gateway.list_subscriptions(page=1),
        "show_plan": lambda: gateway.show_plan(row.plan_id),
        "list_plans": lambda: list(gateway.list_plans()),
        "transactions": lambda: gateway.list_payments(row.id, start=start, end=end),
    }[operation]()


@pytest.mark.parametrize(("behaviour", "operation", "outcome"), ROWS)
def test_each_answer_is_one_of_two_errors(paypal, gateway, behaviour, operation, outcome):
    row = paypal.add_subscription()
    paypal.rule(operation, behaviour)
    with pytest.raises((GatewayRefused, GatewayUnavailable)) as caught:
        call(gateway, row, operation)

    error = caught.value
    said = error.refusal.value if isinstance(error, GatewayRefused) else "unavailable"
    assert said == outcome
    if behaviour != "cut":
        assert error.debug_id
    # One call and no more, but for the one refresh that a 401 allows.
    assert paypal.count(operation) == (2 if behaviour == "401" else 1)
    assert paypal.cancelled == []


@pytest.mark.parametrize("operation", ["show", "cancel", "list"])
def test_a_paypal_that_does_not_answer(paypal, gateway, open_gateway, operation):
    row = paypal.add_subscription()
    gateway.list_subscriptions(page=1)  # the token is there: the silence is the operation's own
    paypal.rule(operation, "timeout")
    with pytest.raises(GatewayUnavailable, match="timeout"):
        call(open_gateway(patience=0.2), row, operation)
    assert paypal.subscriptions[row.id].status == "ACTIVE"


def test_a_cancel_that_worked_but_was_not_answered(paypal, gateway, open_gateway):
    row = paypal.add_subscription()
    gateway.show_subscription(row.id)
    paypal.rule("cancel", "silent", times=1)
    with pytest.raises(GatewayUnavailable):
        open_gateway(patience=0.2).cancel_subscription(row.id, reason="Because")

    assert paypal.cancelled == [row.id]
    assert gateway.show_subscription(row.id).status == "CANCELLED"
    assert paypal.count("cancel") == 1


def test_a_cancel_that_shows_late(paypal, gateway):
    row = paypal.add_subscription()
    paypal.rule("cancel", "stale", reads=2)
    gateway.cancel_subscription(row.id, reason="Because")
    assert [gateway.show_subscription(row.id).status for _ in range(3)] == ["ACTIVE", "ACTIVE", "CANCELLED"]


def test_nobody_listens(paypal):
    away = PayPalGateways({"sandbox": "http://127.0.0.1:9"})(paypal.credentials, MemoryTokens(), patience=0.5)
    with pytest.raises(GatewayUnavailable, match="network"):
        away.check_key()


@pytest.mark.parametrize(
    ("credentials", "refusal"),
    [
        (Credentials(client_id="client-of-the-tests", secret="wrong", environment="sandbox"), Refusal.BAD_CREDENTIALS),
        (Credentials(client_id="é£", secret="日本", environment="sandbox"), Refusal.BAD_CREDENTIALS),
        (
            Credentials(client_id="client-of-the-tests", secret="secret-of-the-tests-4f2", environment="live"),
            Refusal.BAD_CREDENTIALS,
        ),
    ],
)
def test_a_wrong_key_is_refused_at_once(paypal, open_gateway, tokens, credentials, refusal):
    gateway = open_gateway(credentials)
    with pytest.raises(GatewayRefused) as caught:
        gateway.check_key()
    assert (caught.value.refusal, caught.value.http_status) == (refusal, 401)
    assert paypal.count("token") == 1
    assert tokens.puts == 0


def test_a_key_of_the_live_world_opens_it(paypal, open_gateway):
    paypal.add_account("live-client", "live-secret", environment="live")
    key = Credentials(client_id="live-client", secret="live-secret", environment="live")
    gateway = open_gateway(key)
    assert gateway.check_key().value
    assert gateway.list_subscriptions(page=1).readings == ()


def test_an_app_without_the_right_is_forbidden(paypal, open_gateway, tokens):
    paypal.add_account("no-rights", "s", scopes=["https://uri.paypal.com/services/reporting/search/read"])
    gateway = open_gateway(Credentials(client_id="no-rights", secret="s", environment="sandbox"))
    assert "https://uri.paypal.com/services/subscriptions" not in gateway.check_key().scopes
    with pytest.raises(GatewayRefused) as caught:
        gateway.list_subscriptions(page=1)
    assert (caught.value.refusal, caught.value.issue) == (Refusal.FORBIDDEN, "PERMISSION_DENIED")


def test_another_merchants_subscription_is_not_found(paypal, open_gateway):
    row = paypal.add_subscription()
    paypal.add_account("other", "s")
    gateway = open_gateway(Credentials(client_id="other", secret="s", environment="sandbox"))
    with pytest.raises(GatewayRefused) as caught:
        gateway.cancel_subscription(row.id, reason="Because")
    assert caught.value.refusal is Refusal.NOT_FOUND
    assert paypal.cancelled == []


@pytest.mark.parametrize("bad", ["", "I-1/../../x", "I-ABC?x=1", "I-ABC#", "..", "I-é", "I-" + "A" * 60, "I-A\n"])
def test_an_id_that_cannot_be_paypals_is_never_sent(paypal, gateway, bad):
    calls = [
        lambda: gateway.show_subscription(bad),
        lambda: gateway.cancel_subscription(bad, reason="x"),
        lambda: gateway.show_plan(bad),
    ]
    for attempt in calls:
        with pytest.raises(GatewayRefused) as caught:
            attempt()
        assert (caught.value.refusal, caught.value.http_status) == (Refusal.NOT_FOUND, 0)
    assert not paypal.calls


NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("0", 1),
        (None, 30),
        ("soon", 30),
        ("-5", 30),
        ("99999999", 6 * 3600),
        ("Sun, 22 Nov 2026 12:01:30 GMT", 90),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 1),
        ("Sun, 22 Nov 2026 12:01:30 -0000", 90),
    ],
)
def test_how_long_a_429_asks_to_wait(header, seconds):
    error = errors.rate_limited(header, now=NOW, debug_id="d")
    assert (error.retry_after, error.http_status) == (seconds, 429)


def test_429_without_a_header_waits_the_default(paypal, gateway):
    paypal.rule("list", "429", times=1, retry_after=0)
    with pytest.raises(GatewayUnavailable) as caught:
        gateway.list_subscriptions(page=1)
    assert caught.value.retry_after == 30


def issue(*codes):
    return {"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": code} for code in codes]}


CLOSED = Refusal.ACCOUNT_CLOSED


@pytest.mark.parametrize(
    ("status", "body", "refusal", "code"),
    [
        (422, issue("SUBSCRIBER_ACCOUNT_LOCKED"), CLOSED, "SUBSCRIBER_ACCOUNT_LOCKED"),
        (422, issue("SUBSCRIBER_ACCOUNT_CLOSED"), CLOSED, "SUBSCRIBER_ACCOUNT_CLOSED"),
        (422, issue("SUBSCRIBER_ACCOUNT_RESTRICTED"), CLOSED, "SUBSCRIBER_ACCOUNT_RESTRICTED"),
        (422, issue("NEW", "USER_ACCOUNT_CLOSED"), CLOSED, "USER_ACCOUNT_CLOSED"),
        (422, issue("NEW"), Refusal.OTHER, "NEW"),
        (422, {"details": "odd", "name": "UNPROCESSABLE_ENTITY"}, Refusal.OTHER, "UNPROCESSABLE_ENTITY"),
        (422, {"details": [None, 3, {"issue": 4}]}, Refusal.OTHER, ""),
        (422, {"details": [{"issue": "a b<script>"}], "name": "x\ny"}, Refusal.OTHER, ""),
        (400, issue("SUBSCRIPTION_STATUS_INVALID"), Refusal.OTHER, "SUBSCRIPTION_STATUS_INVALID"),
        (401, {"error": "invalid_token"}, Refusal.BAD_CREDENTIALS, "invalid_token"),
        (401, {"name": "AUTHENTICATION_FAILURE"}, Refusal.BAD_CREDENTIALS, "AUTHENTICATION_FAILURE"),
        (405, {"name": "METHOD_NOT_SUPPORTED"}, Refusal.OTHER, "METHOD_NOT_SUPPORTED"),
        (409, {"name": "RESOURCE_CONFLICT"}, Refusal.OTHER, "RESOURCE_CONFLICT"),
        (415, {"name": "UNSUPPORTED_MEDIA_TYPE"}, Refusal.OTHER, "UNSUPPORTED_MEDIA_TYPE"),
    ],
)
def test_what_a_refusal_means(status, body, refusal, code):
    error = errors.refused(status, body, debug_id="d")
    assert (error.refusal, error.issue, error.http_status) == (refusal, code, status)


def test_the_two_errors_are_siblings():
    assert not issubclass(GatewayRefused, GatewayUnavailable)
    assert not issubclass(GatewayUnavailable, GatewayRefused)

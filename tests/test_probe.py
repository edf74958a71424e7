"""`flask paypal probe`: says what PayPal answered, never what is secret or personal, and leaves live keys alone."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from portal import cli
from portal.models import PayPalAccount
from portal.providers.paypal.probe import leaves
from tests.fakes.makers import CLASSIC
from tests.fakes.paypal import MemoryTokens

PERSON = {"email_address": "claire@client.test", "payer_id": "2J6QB8YJQSJRJ", "given_name": "Claire"}


@pytest.fixture
def merchant(make):
    return make.merchant(slug="atelier")


@pytest.fixture
def probe(ctx, merchant, paypal):
    """Run a probe's command; every secret the simulator knows is looked for in what it prints."""
    app = Flask("portal")
    app.extensions["portal"] = ctx
    cli.install(app)

    def run(*words: str, status: int = 0, answer: str | None = None) -> str:
        arguments = ["paypal", "probe", *(["--live"] if words[0] == "--live" else []), "atelier"]
        result = app.test_cli_runner().invoke(
            args=[*arguments, *(word for word in words if word != "--live")], input=answer
        )
        assert result.exit_code == status, result.output
        for unspeakable in (paypal.credentials.secret, *paypal.state.tokens, *PERSON.values(), "A21AA"):
            assert unspeakable not in result.output
        return result.output

    return run


@pytest.fixture
def subscription(make, merchant):
    return make.subscription(merchant=merchant)


def test_a_token_is_described_and_never_shown(probe, paypal):
    said = probe("token")
    assert said.count("POST /v1/oauth2/token -> 200") == 2
    assert "scope: https://uri.paypal.com/services/subscriptions" in said
    assert "expires_in: 31668" in said
    assert "app_id: APP-80W284485P519543T" in said
    assert "POST /v1/oauth2/token -> 400" in said
    assert "error_description: Grant Type is NULL" in said
    assert re.search(r"access_token: (?!\(text)", said) is None


def test_a_refused_key_is_an_answer(probe, paypal):
    paypal.rule("token", "401")
    assert "POST /v1/oauth2/token -> 401" in probe("list")
    assert paypal.count("list") == 0


def test_the_list_says_its_order_states_and_whether_it_goes_on(probe, make, merchant, paypal, now):
    for days in range(3):
        paypal.add_subscription(status="ACTIVE", started_at=now - timedelta(days=days))
    paypal.add_subscription(status="CANCELLED", started_at=now - timedelta(days=9))
    whole = probe("list")
    assert "rows: 4" in whole
    assert "states: ACTIVE 3, CANCELLED 1" in whole
    assert "next page: no" in whole
    part = probe("list", "--page-size", "2")
    assert "rows: 2" in part
    assert "next page: yes" in part


def test_a_subscription_is_shown_field_by_field_without_the_person(probe, subscription, paypal):
    row = paypal.subscriptions[subscription.provider_id]
    row.email, row.payer_id, row.given_name = PERSON.values()
    said = probe("show", subscription.provider_id)
    assert f"id: {subscription.provider_id}" in said
    assert "status: ACTIVE" in said
    assert re.search(r"billing_info\.next_billing_time: 20\d\d-", said)
    assert re.search(r"subscriber\.email_address: \(text, \d+ characters\)", said)
    assert "links: " in said
    paypal.happen(row.id, "buyer-cancels")
    absent = next(line for line in probe("show", subscription.provider_id).splitlines() if "absent:" in line)
    assert "billing_info.next_billing_time" in absent


def test_an_unknown_one_shows_paypals_own_words(probe):
    said = probe("show", "I-NOBODY000000")
    assert "-> 404" in said
    assert "details[0].issue: INVALID_RESOURCE_ID" in said


def test_payments_are_asked_for_in_three_spans(probe, subscription, paypal):
    said = probe("transactions", subscription.provider_id)
    assert [line for line in said.splitlines() if line.endswith("days:")] == ["31 days:", "90 days:", "366 days:"]
    assert paypal.count("transactions") == 3


def test_a_cancel_asks_first(probe, subscription, paypal):
    probe("cancel", subscription.provider_id, answer="n\n", status=1)
    assert paypal.count("cancel") == 0


def test_a_cancel_is_watched_until_it_is_over_and_then_refused(probe, subscription, paypal):
    said = probe("cancel", subscription.provider_id, "--yes", "--without-body")
    assert paypal.subscriptions[subscription.provider_id].status == "CANCELLED"
    assert paypal.count("cancel") == 3
    answers = re.findall(r"/cancel -> (\d+)", said)
    assert answers[1:] == ["204", "422"]
    assert answers[0] in ("400", "415")
    assert "SUBSCRIPTION_STATUS_INVALID" in said
    assert re.search(r"ACTIVE, next_billing_time 20\d\d-", said)
    assert "CANCELLED, next_billing_time (absent)" in said


def test_suspended_ones_show_their_links(probe, subscription, paypal):
    assert "SUSPENDED" in probe("suspend", subscription.provider_id, "--yes")
    said = probe("activate", subscription.provider_id, answer="y\n")
    assert "/activate -> 204" in said
    assert "ACTIVE" in said


def test_limits_stop_at_the_first_refusal_and_show_how_long_to_wait(probe, paypal):
    probe("limits", "--calls", "3")
    assert paypal.count("list") == 3
    paypal.rule("list", "429", retry_after=7)
    said = probe("limits", "--calls", "9")
    assert "Retry-After: 7" in said
    assert paypal.count("list") == 4


def test_a_live_key_is_refused_until_it_is_asked_for(probe, ctx, merchant, paypal):
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(environment="live"))
    assert "Add --live" in probe("list", status=1)
    assert len(paypal.calls) == 0
    assert "-> 401" in probe("--live", "list")  # the tests' key opens the sandbox only


def test_a_merchant_without_a_key_is_told_where_to_enter_it(probe, ctx):
    with ctx.db.begin() as session:
        session.execute(PayPalAccount.__table__.delete())
    assert "no REST key" in probe("list", status=1)
    assert "no classic key" in probe("classic", "I-1234567890AB", status=1)


def test_no_answer_is_said_in_one_line(probe, paypal):
    paypal.rule("list", "cut")
    said = probe("list", status=1)
    assert "PayPal did not answer" in said
    assert "Traceback" not in said


def test_whatever_may_be_personal_or_secret_is_named_and_not_shown():
    body = {
        "id": "I-1",
        "subscriber": {"id": "7", "name": {"given_name": "Claire"}, "email_address": "claire@client.test"},
        "access_token": "A21AAsecret",
        "custom_id": "shop:claire",
        "status_change_note": "bonjour Claire",
        "description": "write to claire@client.test",
        "links": [{"href": "https://api.paypal.com/v1/x?token=1", "rel": "self"}],
        "tomorrow": "unknown",
        "plan_overridden": False,
        "empty": [],
    }
    assert dict(leaves(body)) == {
        "id": "I-1",
        "subscriber.id": "(text, 1 characters)",
        "subscriber.name.given_name": "(text, 6 characters)",
        "subscriber.email_address": "(text, 18 characters)",
        "access_token": "(text, 11 characters)",
        "custom_id": "(text, 11 characters)",
        "status_change_note": "(text, 14 characters)",
        "description": "write to (masked)",
        "links[0].href": "https://api.paypal.com/…",
        "links[0].rel": "self",
        "tomorrow": "(text, 7 characters)",
        "plan_overridden": "false",
        "empty": "[]",
    }


@pytest.fixture
def webhook(ctx, paypal):
    """A webhook at the application; its address, which nobody answers, opens something and must not be printed."""
    gateway = ctx.gateways(paypal.credentials, MemoryTokens())
    return gateway.create_webhook(
        url="http://127.0.0.1:9/webhooks/paypal/only-paypal-knows", event_types={"BILLING.SUBSCRIPTION.CANCELLED"}
    )


def test_webhooks_are_listed_without_their_secret_addresses(probe, webhook):
    said = probe("webhooks")
    assert f"{webhook.provider_id} http://127.0.0.1/… BILLING.SUBSCRIPTION.CANCELLED" in said
    assert "only-paypal-knows" not in said
    assert "anchor_type ACCOUNT:" in said


def test_event_types_say_which_of_ours_paypal_does_not_offer(probe):
    said = probe("event-types")
    assert "BILLING.SUBSCRIPTION.CANCELLED (registered by us)" in said
    assert "ours that are not offered:" in said


def test_events_are_simulated_listed_and_sent_again(probe, webhook, subscription, paypal):
    assert "/simulate-event -> 202" in probe("simulate", webhook.provider_id)
    paypal.happen(subscription.provider_id, "buyer-cancels")
    said = probe("events", "--event-type", "BILLING.SUBSCRIPTION.CANCELLED")
    (line,) = (line for line in said.splitlines() if subscription.provider_id in line)
    assert "BILLING.SUBSCRIPTION.CANCELLED" in line
    event_id = re.search(r"WH-\S+", line)
    assert event_id is not None
    assert "/resend -> 202" in probe("resend", event_id[0], webhook.provider_id)
    assert "/resend -> 404" in probe("resend", "WH-NOBODY", webhook.provider_id)


def test_a_classic_profile_is_shown_key_by_key_without_the_person(probe, make, merchant, paypal):
    make.classic_key(merchant)
    profile = make.profile(merchant=merchant)
    row = paypal.subscriptions[profile.provider_id]
    row.email, row.payer_id, row.given_name = PERSON.values()
    said = probe("classic", profile.provider_id)
    assert "NVP GetRecurringPaymentsProfileDetails -> 200" in said
    assert "ACK: Success" in said
    assert "STATUS: Active" in said
    assert "L_ERRORCODE0: 11552" in probe("classic", "I-000000000000")
    said = probe("classic-balance")
    assert "ACK: Success" in said
    for secret in CLASSIC:
        assert secret not in said


def test_an_ipn_is_posted_back_byte_for_byte(probe, make, merchant, paypal, tmp_path):
    make.classic_key(merchant)
    message = tmp_path / "message.bin"
    message.write_bytes(b"txn_type=subscr_cancel&first_name=Andr%E9&charset=windows-1252")
    assert "62 bytes posted back -> INVALID" in probe("ipn", str(message))
    assert paypal.count("ipn_postback") == 1

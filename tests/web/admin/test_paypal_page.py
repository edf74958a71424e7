"""The PayPal page: each answer of PayPal has its own sentence, and the secret never comes back."""

from __future__ import annotations

import io
import logging

import pytest
from sqlalchemy import select, text

from portal.models import LoginSession, PayPalAccount
from portal.services import paypal_keys

KEY = {"environment": "sandbox", "client_id": "client-of-the-tests", "client_secret": "secret-of-the-tests-4f2"}


@pytest.fixture
def merchant(make):
    return make.merchant(key=False, locale="en", self_cancellation=False)


def stored(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(PayPalAccount)).one_or_none()


def test_a_key_is_entered_tested_and_shown_without_its_secret(owner, ctx):
    page = owner.submit("/admin/paypal", press="Test and save the key", **KEY)
    assert page.path == "/admin/paypal"
    assert "PayPal accepted the key" in page.notices[0]
    for words in ("Sandbox", "client-of-the-tests", "ends in …-4f2", "APP-", "Last test", "Right to subscriptions"):
        assert words in page.text, words
    assert KEY["client_secret"] not in page.body
    assert stored(ctx) is not None


@pytest.mark.parametrize(
    ("operation", "behaviour", "status", "words"),
    [
        ("token", "401", 422, "the client id or the secret is wrong"),
        ("list", "403", 422, "it may not read subscriptions"),
        ("list", "401", 422, "refuses to show the account"),
        ("any", "500", 502, "PayPal did not answer"),
        ("any", "429", 502, "asks us to slow down"),
    ],
)
def test_each_refusal_has_its_own_sentence_and_loses_nothing(owner, paypal, ctx, operation, behaviour, status, words):
    paypal.rule(operation, behaviour)
    page = owner.submit("/admin/paypal", press="Test and save the key", status=status, **KEY)
    assert any(words in line for line in page.errors), page.errors
    assert any("Type the secret again" in line for line in page.errors)
    assert page.select_one("#client_id")["value"] == KEY["client_id"]
    assert not page.select_one("#client_secret").get("value")
    assert KEY["client_secret"] not in page.body
    assert stored(ctx) is None


def test_a_paypal_that_times_out(owner, paypal, ctx, monkeypatch):
    monkeypatch.setattr(paypal_keys, "PATIENCE", 0.3)
    paypal.rule("token", "timeout", seconds=1.5)
    page = owner.submit("/admin/paypal", press="Test and save the key", status=502, **KEY)
    assert any("PayPal did not answer" in line for line in page.errors)
    assert stored(ctx) is None


@pytest.mark.parametrize(("typed", "other"), [("sandbox", "live environment"), ("live", "sandbox")])
def test_a_key_of_the_other_environment_says_which_one(owner, paypal, typed, other):
    paypal.add_account("a-live-client", "a-secret-for-live-1234", environment="live")
    keys = {"live": KEY, "sandbox": {**KEY, "client_id": "a-live-client", "client_secret": "a-secret-for-live-1234"}}
    page = owner.submit(
        "/admin/paypal", press="Test and save the key", status=422, **{**keys[typed], "environment": typed}
    )
    assert any(f"belongs to the {other}" in line for line in page.errors), page.errors


def test_what_is_missing_is_asked_for(owner, ctx):
    page = owner.submit("/admin/paypal", press="Test and save the key", status=422, client_id=" ", client_secret="été")
    assert len(page.errors) >= 2
    assert stored(ctx) is None


def test_testing_again_says_what_was_found(owner, paypal, make, merchant):
    make.key(merchant)
    assert "The key works" in owner.get("/admin/paypal").submit(press="Test again").notices[0]
    paypal.rule("any", "401")
    page = owner.get("/admin/paypal").submit(press="Test again")
    assert "client id or the secret is wrong" in page.notices[0]
    assert "PayPal no longer accepts your key" in page.text
    paypal.clear_rules()
    paypal.rule("any", "500")
    assert "do not know more than before" in owner.get("/admin/paypal").submit(press="Test again").notices[0]


def test_the_other_environment_is_said_when_subscriptions_belong_to_it(owner, make, merchant, paypal):
    make.subscription(merchant=merchant, at_paypal=False)
    paypal.add_account("a-live-client", "a-secret-for-live-1234", environment="live")
    live = {"environment": "live", "client_id": "a-live-client", "client_secret": "a-secret-for-live-1234"}
    page = owner.submit("/admin/paypal", press="Test and save the key", **live)
    assert "belong to the other PayPal environment" in page.text


def test_an_old_log_in_is_asked_for_again(owner, ctx):
    with ctx.db.begin() as session:
        session.execute(text("UPDATE sessions SET authenticated_at = authenticated_at - interval '11 minutes'"))
    page = owner.get("/admin/paypal")
    assert page.path.startswith("/admin/confirm")
    with ctx.db.read() as session:
        assert session.scalars(select(LoginSession)).first() is not None


def test_others_than_owners_look_and_cannot_change(support, make, merchant, ctx):
    make.key(merchant)
    page = support.get("/admin/paypal")
    assert not page.select("#client_secret")
    token = page.select_one('input[name="csrf_token"]')["value"]
    support.post("/admin/paypal", {"csrf_token": token, **KEY}, status=403)
    support.post("/admin/paypal/check", {"csrf_token": token}, status=403)


def test_a_key_that_can_no_longer_be_read_is_asked_for_again(owner, make, merchant, ctx):
    account = make.key(merchant)
    with ctx.db.begin() as session:
        session.get_one(PayPalAccount, account.id).secret = b"gone|" + bytes(40)
    page = owner.get("/admin/paypal").submit(press="Test again")
    assert "can no longer be read" in page.notices[0]
    page = owner.submit("/admin/paypal", press="Test and save the key", **KEY)
    assert "PayPal accepted the key" in page.notices[0]


def test_no_secret_in_the_database_nor_in_the_logs(owner, ctx, paypal):
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    root = logging.getLogger()
    level, root.level = root.level, logging.DEBUG
    root.addHandler(handler)
    try:
        owner.submit("/admin/paypal", press="Test and save the key", **KEY)
        paypal.rule("any", "401")
        owner.get("/admin/paypal").submit(press="Test again")
        owner.submit("/admin/paypal", press="Test and save the key", status=422, **KEY)
    finally:
        root.removeHandler(handler)
        root.level = level
    assert "paypal_key_checked" in heard.getvalue()
    assert KEY["client_secret"] not in heard.getvalue()
    with ctx.db.read() as session:
        row = session.execute(text("SELECT to_jsonb(a)::text || encode(secret, 'escape') FROM paypal_accounts a"))
        assert KEY["client_secret"] not in row.scalar_one()

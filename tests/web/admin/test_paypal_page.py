"""The PayPal pages: each answer of PayPal has its own sentence, and no secret ever comes back."""

from __future__ import annotations

import io
import logging

import pytest
from sqlalchemy import select, text

from portal.models import KeyState, LoginSession, PayPalAccount, Provider
from portal.services.keys import key_checks, paypal_keys
from portal.services.messages.webhook_endpoints import endpoint_of

REST, CLASSIC = "/admin/paypal/rest", "/admin/paypal/classic"
PAGES = pytest.mark.parametrize("page_of", [REST, CLASSIC])
SAVE = "Test and save the key"
KEY = {"environment": "sandbox", "client_id": "client-of-the-tests", "client_secret": "secret-of-the-tests-4f2"}
CLASSIC_KEY = {
    "environment": "sandbox",
    "api_user": "seller_api1.client.test",
    "api_password": "secret-of-the-tests-classic",
    "api_signature": "secret-of-the-tests-signature",
}
SECRETS = ("client_secret", "api_password", "api_signature")


@pytest.fixture
def merchant(make):
    return make.merchant(key=False, locale="en", self_cancellation=False)


@pytest.fixture
def seller(paypal):
    """The account that the classic key opens, in the sandbox."""
    return paypal.add_classic_account(*list(CLASSIC_KEY.values())[1:], email="seller@client.test")


def stored(ctx, provider=Provider.PAYPAL_REST):
    with ctx.db.read() as session:
        return session.scalars(select(PayPalAccount).where(PayPalAccount.provider == provider)).one_or_none()


def keys_shown(page):
    return [value for value in {**KEY, **CLASSIC_KEY}.values() if value.startswith("secret-") and value in page.body]


def test_the_overview_says_which_keys_there_are_and_leads_to_each(owner, make, merchant, ctx):
    page = owner.get("/admin/paypal")
    assert "PayPal is not connected yet" in page.text
    assert [badge.get_text() for badge in page.select(".card [data-testid=status]")] == ["Not entered", "Not entered"]
    make.key(merchant)
    classic = make.classic_key(merchant)
    with ctx.db.begin() as session:
        row = session.get_one(PayPalAccount, classic.id)
        row.broken_since, row.state = row.checked_at, KeyState.REFUSED
    page = owner.get("/admin/paypal")
    assert [badge.get_text() for badge in page.select(".card [data-testid=status]")] == ["Works", "Does not work"]
    assert page.follow("REST key").path == REST
    assert page.follow("Classic key").path == CLASSIC


def test_a_key_is_entered_tested_and_shown_without_its_secret(owner, ctx):
    page = owner.submit(REST, press=SAVE, **KEY)
    assert page.path == REST
    assert "PayPal accepted the key" in page.notices[0]
    for words in ("Sandbox", "client-of-the-tests", "ends in …-4f2", "APP-", "Last test", "Access to subscriptions"):
        assert words in page.text, words
    assert keys_shown(page) == []
    assert stored(ctx) is not None


def test_a_classic_key_is_entered_tested_and_shown_without_its_secrets(owner, ctx, seller):
    typed = "Seller@Client.Test\r\n\r\n  ABCDEFGHJK234 \r\nseller@client.test"
    page = owner.submit(CLASSIC, press=SAVE, **CLASSIC_KEY, receivers=typed)
    assert page.path == CLASSIC
    assert "PayPal accepted the key" in page.notices[0]
    for words in ("Sandbox", "seller_api1.client.test", "ends in …ic", "Last test", "abcdefghjk234"):
        assert words in page.text, words
    assert "http://portal.test/webhooks/paypal/" in page.text
    assert "/ipn" in page.text
    assert keys_shown(page) == []
    account = stored(ctx, Provider.PAYPAL_CLASSIC)
    assert account.receivers == ["seller@client.test", "abcdefghjk234"]
    assert stored(ctx) is None, "the other kind is not touched"


def test_the_classic_page_says_that_paypal_retires_it_and_what_happens_then(reader):
    page = reader.get(CLASSIC)
    for words in ("end of 2026", "1 January 2027", "remain unaffected", "approve a new one"):
        assert words in page.text, words
    assert page.link("https://www.paypal.com/myaccount/autopay/") == "https://www.paypal.com/myaccount/autopay/"


@PAGES
def test_the_guide_has_paypals_words_in_both_languages(owner, page_of):
    page = owner.get(page_of)
    words = {
        REST: ("Apps & Credentials", "Applications et identifiants", "Client ID", "Identifiant client"),
        CLASSIC: ("Account Settings", "Paramètres du compte", "API Username", "Nom d’utilisateur API"),
    }[page_of]
    assert [word for word in words if word not in page.text] == []
    assert len(page.select("#guide li, #form details li")) >= 6


@pytest.mark.parametrize(
    ("operation", "behaviour", "status", "words"),
    [
        ("token", "401", 422, "the client ID or the secret is wrong"),
        ("list", "403", 422, "it may not read subscriptions"),
        ("list", "401", 422, "refuses to show the account"),
        ("any", "500", 502, "PayPal did not answer"),
        ("any", "429", 502, "asks us to slow down"),
    ],
)
def test_each_refusal_has_its_own_sentence_and_loses_nothing(owner, paypal, ctx, operation, behaviour, status, words):
    paypal.rule(operation, behaviour)
    page = owner.submit(REST, press=SAVE, status=status, **KEY)
    assert any(words in line for line in page.errors), page.errors
    assert any("Type the secret again" in line for line in page.errors)
    assert page.select_one("#client_id")["value"] == KEY["client_id"]
    assert not page.select_one("#client_secret").get("value")
    assert keys_shown(page) == []
    assert stored(ctx) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"api_password": "secret-of-somebody-else"}, "the password or the signature is wrong"),
        ({"environment": "live"}, "belongs to the sandbox"),
    ],
)
def test_a_refused_classic_key_says_why_and_loses_nothing(owner, ctx, seller, changes, words):
    typed = {**CLASSIC_KEY, "receivers": "seller@client.test\r\nABCDEFGHJK234", **changes}
    page = owner.submit(CLASSIC, press=SAVE, status=422, **typed)
    assert any(words in line for line in page.errors), page.errors
    assert page.select_one("#api_user")["value"] == typed["api_user"]
    assert page.values(page.form(having=("receivers",)))["receivers"].split() == typed["receivers"].split()
    assert not any(page.select_one(f"#{name}").get("value") for name in ("api_password", "api_signature"))
    assert any("Type the password and the signature again" in line for line in page.errors)
    assert keys_shown(page) == []
    assert stored(ctx, Provider.PAYPAL_CLASSIC) is None


def test_a_paypal_that_times_out(owner, paypal, ctx, monkeypatch):
    monkeypatch.setattr(key_checks, "PATIENCE", 0.3)
    paypal.rule("token", "timeout", seconds=1.5)
    page = owner.submit(REST, press=SAVE, status=502, **KEY)
    assert any("PayPal did not answer" in line for line in page.errors)
    assert stored(ctx) is None


@pytest.mark.parametrize(("typed", "other"), [("sandbox", "live environment"), ("live", "sandbox")])
def test_a_key_of_the_other_environment_says_which_one(owner, paypal, typed, other):
    paypal.add_account("a-live-client", "a-secret-for-live-1234", environment="live")
    keys = {"live": KEY, "sandbox": {**KEY, "client_id": "a-live-client", "client_secret": "a-secret-for-live-1234"}}
    page = owner.submit(REST, press=SAVE, status=422, **{**keys[typed], "environment": typed})
    assert any(f"belongs to the {other}" in line for line in page.errors), page.errors


def test_a_key_without_the_right_to_notifications_works_and_says_what_to_tick(owner, paypal):
    paypal.add_account("half", "secret-of-the-tests-half", scopes=[key_checks.SUBSCRIPTIONS_RIGHT])
    page = owner.submit(
        REST, press=SAVE, environment="sandbox", client_id="half", client_secret="secret-of-the-tests-half"
    )
    assert "PayPal accepted the key" in page.notices[0]
    assert "Tick “Webhooks”" in page.text
    assert "no – it is missing" in page.text


def test_what_is_missing_is_asked_for(owner, ctx):
    page = owner.submit(REST, press=SAVE, status=422, client_id=" ", client_secret="été")
    assert len(page.errors) >= 2
    assert stored(ctx) is None


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("api_user", " "),
        ("api_user", "deux mots"),
        ("api_password", ""),
        ("api_password", "short"),
        ("api_signature", "é" * 20),
        ("receivers", "not an address"),
        ("receivers", "a@b\r\n"),
        ("receivers", "ABCDEFGHJK23"),  # a merchant id has 13 signs
        ("receivers", "\r\n".join(f"a{number}@client.test" for number in range(21))),
    ],
)
def test_a_bad_answer_is_named_and_nothing_is_asked_of_paypal(owner, ctx, paypal, seller, field, typed):
    before = {**CLASSIC_KEY, "receivers": "seller@client.test", field: typed}
    page = owner.submit(CLASSIC, press=SAVE, status=422, **before)
    assert len(page.errors) == 1, page.errors
    assert page.select_one(f"#{field}-error")
    assert len(paypal.calls) == 0
    assert stored(ctx, Provider.PAYPAL_CLASSIC) is None


def test_the_addresses_are_changed_without_typing_the_key(owner, ctx, make, merchant):
    assert owner.get("/admin/paypal/classic/receivers").path == CLASSIC, "without a key there is nothing to change"
    key = make.classic_key(merchant, receivers=["old@client.test"])
    page = owner.get(CLASSIC).follow("Change your addresses at PayPal")
    refused = page.submit(receivers="NEW@client.test\r\nhello", status=422)
    assert "“hello” is neither" in refused.errors[0]
    assert "NEW@client.test" in refused.body
    page = refused.submit(receivers="NEW@client.test")
    assert "The addresses are saved" in page.notices[0]
    after = stored(ctx, Provider.PAYPAL_CLASSIC)
    assert (after.receivers, after.secret, after.set_at) == (["new@client.test"], key.secret, key.set_at)


def test_addresses_that_a_colleague_took_away_do_not_come_back_by_a_page_that_was_open(owner, ctx, make, merchant):
    make.classic_key(merchant, receivers=["old@client.test", "sold@client.test"])
    page = owner.get(CLASSIC).follow("Change your addresses at PayPal")
    paypal_keys.set_receivers(ctx, merchant.id, ("old@client.test",))
    page.submit(press="Save")
    assert stored(ctx, Provider.PAYPAL_CLASSIC).receivers == ["old@client.test"]


@pytest.mark.parametrize("kind", ["rest", "classic"])
def test_testing_again_says_what_was_found(owner, paypal, make, merchant, kind):
    page_of = REST if kind == "rest" else CLASSIC
    make.key(merchant) if kind == "rest" else make.classic_key(merchant)
    assert "The key works" in owner.get(page_of).submit(press="Test again").notices[0]
    paypal.rule("token", "401")
    known = list(paypal.state.classic_accounts)
    paypal.state.classic_accounts.clear()
    page = owner.get(page_of).submit(press="Test again")
    assert "PayPal does not know this key" in page.notices[0]
    assert ("PayPal no longer accepts your classic key" in page.text) is (kind == "classic")
    assert ("PayPal no longer accepts your key" in page.text) is (kind == "rest")
    assert owner.get("/admin/products").link("Check the key") == page_of, "every page of the desk says so"
    paypal.clear_rules()
    paypal.rule("any", "500")
    assert "nothing new is known" in owner.get(page_of).submit(press="Test again").notices[0]
    paypal.clear_rules()
    paypal.state.classic_accounts.extend(known)
    page = owner.get(page_of).submit(press="Test again")
    assert "no longer accepts" not in page.text


def test_a_key_that_a_request_found_refused_is_not_said_to_work(owner, make, merchant, ctx):
    account = make.key(merchant)
    owner.get(REST).submit(press="Test again")
    with ctx.db.begin() as session:
        row = session.get_one(PayPalAccount, account.id)
        row.broken_since, row.state = row.checked_at, KeyState.REFUSED
    page = owner.get(REST)
    assert "PayPal refused the key." in page.text
    assert "The key works." not in page.text


def test_the_other_environment_is_said_when_subscriptions_belong_to_it(owner, make, merchant, paypal):
    make.subscription(merchant=merchant, at_paypal=False)
    paypal.add_account("a-live-client", "a-secret-for-live-1234", environment="live")
    live = {"environment": "live", "client_id": "a-live-client", "client_secret": "a-secret-for-live-1234"}
    page = owner.submit(REST, press=SAVE, **live)
    assert "belong to the other PayPal environment" in page.text


@pytest.mark.parametrize("path", [REST, CLASSIC, f"{REST}/removal", f"{CLASSIC}/removal"])
def test_an_old_log_in_is_asked_for_again(owner, make, merchant, ctx, path):
    make.key(merchant)
    make.classic_key(merchant)
    with ctx.db.begin() as session:
        session.execute(text("UPDATE sessions SET authenticated_at = authenticated_at - interval '11 minutes'"))
    page = owner.get(path)
    assert page.path.startswith("/admin/confirm")
    with ctx.db.read() as session:
        assert session.scalars(select(LoginSession)).first() is not None


@PAGES
def test_an_old_log_in_neither_tests_nor_removes(owner, make, merchant, ctx, paypal, page_of):
    make.key(merchant)
    make.classic_key(merchant)
    token = owner.get(page_of).select_one('input[name="csrf_token"]')["value"]
    with ctx.db.begin() as session:
        session.execute(text("UPDATE sessions SET authenticated_at = authenticated_at - interval '11 minutes'"))
    for act in ("check", "removal"):
        answer = owner.post(f"{page_of}/{act}", {"csrf_token": token}, status=401)
        assert answer.h1 == "Confirm that it is you"
    assert len(paypal.calls) == 0
    assert stored(ctx) is not None


@PAGES
def test_others_than_owners_look_and_cannot_change(support, make, merchant, ctx, page_of):
    make.key(merchant)
    make.classic_key(merchant)
    page = support.get(page_of)
    assert not any(page.select(f"#{name}") for name in SECRETS)
    token = page.select_one('input[name="csrf_token"]')["value"]
    support.post(page_of, {"csrf_token": token, **KEY, **CLASSIC_KEY}, status=403)
    for act in ("check", "removal"):
        support.post(f"{page_of}/{act}", {"csrf_token": token}, status=403)
    support.get(f"{page_of}/removal", status=403)
    support.post("/admin/paypal/classic/receivers", {"csrf_token": token, "receivers": ""}, status=403)


@pytest.mark.parametrize("role", ["reader", "support"])
def test_only_an_owner_sees_the_address_for_notifications(owner, request, ctx, make, merchant, role):
    make.classic_key(merchant)
    with ctx.db.begin() as session:
        token = endpoint_of(session, merchant.id, "sandbox").token
    assert f"/webhooks/paypal/{token}/ipn" in owner.get(CLASSIC).text
    page = request.getfixturevalue(role).get(CLASSIC)
    assert token not in page.body
    assert "/webhooks/" not in page.body
    assert "Only an owner sees the address." in page.text


def test_the_stored_key_and_the_form_stand_before_the_long_parts(owner, make, merchant):
    for has_key in (False, True):
        if has_key:
            make.classic_key(merchant)
        page = owner.get(CLASSIC)
        folded = " ".join(fold.get_text() for fold in page.select("details"))
        assert "an API certificate".casefold() in folded.casefold()
        assert page.body.index("api_signature") < page.body.index("1 January 2027")
        assert "1 January 2027" in folded


@PAGES
def test_removing_says_what_stops_and_what_stays_and_removes_one_kind(owner, make, merchant, ctx, page_of):
    make.key(merchant)
    make.classic_key(merchant)
    make.subscription(merchant=merchant)
    make.subscription(merchant=merchant)
    page = owner.get(page_of).follow("Remove the key")
    assert page.h1 == ("Remove the REST key?" if page_of == REST else "Remove the classic key?")
    assert ("2 subscriptions at PayPal" in page.text) is (page_of == REST)
    assert "No request is open now" in page.text
    assert "wait three days for a key" in page.text
    assert page.follow("Keep the key").path == page_of
    assert stored(ctx) is not None
    page = page.submit(press="Remove the key")
    assert page.path == page_of
    assert "The key is removed" in page.notices[0]
    removed, kept = Provider.PAYPAL_REST, Provider.PAYPAL_CLASSIC
    if page_of == CLASSIC:
        removed, kept = kept, removed
    assert stored(ctx, removed) is None
    assert stored(ctx, kept) is not None
    assert owner.get(f"{page_of}/removal").path == page_of, "there is nothing left to remove"


@PAGES
def test_a_key_that_was_entered_since_the_page_was_opened_is_not_removed(owner, make, merchant, ctx, page_of):
    """A colleague has mended the broken one: its secret is nowhere else, and ends would wait again."""
    make.key(merchant), make.classic_key(merchant)
    page = owner.get(f"{page_of}/removal")
    with ctx.db.begin() as session:
        session.execute(text("UPDATE paypal_accounts SET set_at = set_at + interval '1 minute'"))
    page = page.submit(press="Remove the key")
    assert page.notices == ["Another key was entered meanwhile: here it is. Nothing was removed."]
    with ctx.db.read() as session:
        assert session.scalar(text("SELECT count(*) FROM paypal_accounts")) == 2
    assert "is removed" in owner.get(f"{page_of}/removal").submit(press="Remove the key").notices[0]


def test_a_key_that_can_no_longer_be_read_is_asked_for_again(owner, make, merchant, ctx):
    account = make.key(merchant)
    with ctx.db.begin() as session:
        session.get_one(PayPalAccount, account.id).secret = b"gone|" + bytes(40)
    page = owner.get(REST).submit(press="Test again")
    assert "can no longer be read" in page.notices[0]
    page = owner.submit(REST, press=SAVE, **KEY)
    assert "PayPal accepted the key" in page.notices[0]


def test_no_secret_in_the_database_nor_in_the_logs(owner, ctx, paypal, seller):
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    root = logging.getLogger()
    level, root.level = root.level, logging.DEBUG
    root.addHandler(handler)
    try:
        owner.submit(REST, press=SAVE, **KEY)
        owner.submit(CLASSIC, press=SAVE, **CLASSIC_KEY)
        paypal.rule("any", "401")
        owner.get(REST).submit(press="Test again")
        owner.submit(REST, press=SAVE, status=422, **KEY)
    finally:
        root.removeHandler(handler)
        root.level = level
    assert heard.getvalue().count("paypal_key_checked") == 4
    kept = "SELECT to_jsonb(a)::text || encode(secret, 'escape') || encode(coalesce(signature, ''), 'escape')"
    with ctx.db.read() as session:
        rows = "".join(session.execute(text(f"{kept} FROM paypal_accounts a")).scalars())
    for secret in (KEY["client_secret"], CLASSIC_KEY["api_password"], CLASSIC_KEY["api_signature"]):
        assert secret not in heard.getvalue()
        assert secret not in rows

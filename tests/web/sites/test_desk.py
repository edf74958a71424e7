"""The desk's page of the log-in with the merchant's site: tested before it is saved, in words; no secret comes out."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from portal.domain.integrations.site_logins import Proof
from portal.domain.policies import Role
from portal.models import AuditEntry, SiteLogin
from tests.fakes.openid import CLIENT, SECRET
from tests.web.admin.conftest import enter, owner  # noqa: F401 - the people of the desk's tests
from tests.web.sites.test_refusals import FLAWS

PAGE, SAVE = "/admin/settings/site-login", "Test and save"
DOCUMENT = "/.well-known/openid-configuration"


def stored(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(SiteLogin)).one_or_none()


def acts(ctx):
    with ctx.db.read() as session:
        rows = session.scalars(
            select(AuditEntry).where(AuditEntry.act.startswith("site_login.")).order_by(AuditEntry.number)
        ).all()
    return [(row.act, row.details) for row in sorted(rows, key=lambda row: row.number)]


def filled(site, **changed):
    return {"issuer": site.url, "client_id": CLIENT, "client_secret": SECRET, **changed}


def test_it_is_off_until_it_is_switched_on_and_every_act_is_in_the_chain(owner, site, ctx):  # noqa: F811
    page = owner.submit(PAGE, press=SAVE, **filled(site))
    assert page.notices == ["The test passed and the set-up is saved."]
    row = stored(ctx)
    assert (row.issuer, row.client_id, row.proof, row.is_on) == (site.url, CLIENT, Proof.EMAIL, False)
    assert SECRET.encode() not in row.secret
    page = page.submit(press="Test again").submit(press="Switch on")
    assert "your customers see the button “Continue with L’Atelier”" in page.text
    page.submit(press="Switch off")
    assert [act for act, _details in acts(ctx)] == [
        "site_login.set",
        "site_login.tested",
        "site_login.switched",
        "site_login.switched",
    ]
    assert [details["on"] for act, details in acts(ctx) if act == "site_login.switched"] == [True, False]


def test_removed_it_is_gone_with_its_secret(owner, site, ctx, connect, merchant):  # noqa: F811
    connect(merchant)
    page = owner.get(PAGE).follow("Remove").submit(press="Remove the log-in")
    assert page.notices == ["The log-in with your site is removed."]
    assert "Not set up yet." in page.text
    assert stored(ctx) is None
    assert acts(ctx)[-1] == ("site_login.removed", {"issuer": site.url})
    owner.get(f"{PAGE}/removal", status=404)


def test_the_secret_is_never_shown_nor_written_into_the_chain(owner, site, ctx):  # noqa: F811
    page = owner.submit(PAGE, press=SAVE, **filled(site))
    assert SECRET not in page.body
    assert SECRET not in json.dumps(acts(ctx))
    wrong = owner.submit(PAGE, press=SAVE, status=422, **filled(site, client_id="with a space"))
    assert SECRET not in wrong.body


def test_the_secret_stays_when_the_field_is_empty_but_never_for_another_issuer_or_client(owner, site, ctx):  # noqa: F811
    owner.submit(PAGE, press=SAVE, **filled(site))
    before = stored(ctx).secret
    owner.submit(PAGE, press=SAVE, **filled(site, client_secret="", label_en="With your course account"))
    assert (stored(ctx).secret, stored(ctx).label_en) == (before, "With your course account")
    page = owner.submit(PAGE, press=SAVE, status=422, **filled(site, client_secret="", client_id="another"))
    assert page.errors == ["Enter the secret of this client: it is never shown again."]
    assert stored(ctx).client_id == CLIENT


def test_what_to_enter_at_the_site_stands_there(owner, merchant):  # noqa: F811
    text = owner.get(PAGE).text
    assert f"http://portal.test/account/{merchant.slug}/login/site/back" in text


@pytest.mark.parametrize(
    "issuer",
    [
        *("https://10.0.0.1", "https://127.0.0.1", "https://[::1]", "https://localhost", "https://intranet"),
        *("https://shop.example:8443", "https://shop.example/?a=1", "https://me@shop.example", "ftp://shop.example"),
        *("http://shop.example", "javascript:alert(1)", "https://shop.example/#x", "https://" + "a" * 300 + ".example"),
    ],
)
def test_an_address_that_no_public_site_has(owner, site, ctx, issuer):  # noqa: F811
    page = owner.submit(PAGE, press=SAVE, status=422, **filled(site, issuer=issuer))
    assert len(page.errors) == 1
    assert page.select_one("input[name=issuer]")["value"] == issuer
    assert (stored(ctx), site.asked) == (None, [])


SAID = {
    "page": "not with an OpenID document",
    "list": "not with an OpenID document",
    "doubled": "not with an OpenID document",
    "deep": "not with an OpenID document",
    "huge": "far too long",
    "away": "leads on to another address",
    "broken": "did not answer in time",
    "gone": "no OpenID document under this address (answer 404)",
    "nothing": "not with an OpenID document",
}


@pytest.mark.parametrize("flaw", SAID)
def test_it_is_said_in_words_what_is_wrong_with_the_document(owner, site, ctx, flaw):  # noqa: F811
    site.answers[DOCUMENT] = FLAWS[flaw]
    page = owner.submit(PAGE, press=SAVE, status=422, **filled(site))
    assert SAID[flaw] in page.errors[0]
    assert stored(ctx) is None


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"issuer": "https://elsewhere.test"}, "another issuer: “https://elsewhere.test”"),
        ({"issuer": None}, "another issuer"),
        ({"token_endpoint": None}, "“token_endpoint”"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "“authorization_endpoint”"),
        ({"jwks_uri": 7}, "“jwks_uri”"),
        ({"id_token_signing_alg_values_supported": ["HS256", "none"]}, "signs by “HS256, none” only"),
        ({"response_types_supported": ["id_token"]}, "authorization code flow"),
    ],
)
def test_it_is_said_which_word_of_the_document_is_wrong(owner, site, document, said):  # noqa: F811
    site.document = document
    assert said in owner.submit(PAGE, press=SAVE, status=422, **filled(site)).errors[0]


WEAK = {"kty": "RSA", "n": "x" * 170, "e": "AQAB"}


@pytest.mark.parametrize(
    "keys",
    [[], None, {}, ["x"], [{"kty": "oct", "k": "x" * 43}], [WEAK], [{"kty": "RSA", "n": 7}], [{"kty": "EC", "x": "?"}]],
    ids=str,
)
def test_keys_of_no_use_are_said_to_be_none(owner, site, keys):  # noqa: F811
    site.answers["/jwks"] = (200, "application/json", json.dumps({"keys": keys}).encode())
    assert "publishes no key" in owner.submit(PAGE, press=SAVE, status=422, **filled(site)).errors[0]


def test_it_is_not_switched_on_while_the_site_fails_its_test(owner, site, ctx):  # noqa: F811
    owner.submit(PAGE, press=SAVE, **filled(site))
    site.answers[DOCUMENT] = FLAWS["broken"]
    page = owner.get(PAGE).submit(press="Switch on")
    assert "did not answer in time" in page.notices[0]
    assert not stored(ctx).is_on


def test_the_merchants_own_id_wants_the_name_of_its_claim(owner, site, ctx):  # noqa: F811
    page = owner.submit(PAGE, press=SAVE, status=422, **filled(site, proof="external_id", claim=" "))
    assert "name of the claim" in page.errors[0]
    owner.submit(PAGE, press=SAVE, **filled(site, proof="external_id", claim="sub"))
    assert (stored(ctx).proof, stored(ctx).claim) == (Proof.EXTERNAL_ID, "sub")


def test_a_manager_sees_how_it_stands_and_changes_nothing(enter, merchant, connect):  # noqa: F811
    connect(merchant)
    page = enter(merchant, Role.MANAGER).get(PAGE)
    assert "On: your customers see" in page.text
    assert "Only an owner can change this." in page.text
    assert not page.select("main form")


def test_another_merchants_site_is_not_touched(owner, site, ctx, make):  # noqa: F811
    make.merchant()
    owner.post("/admin/settings/site-login/on", {"csrf_token": token(owner)}, status=404)


def token(browser):
    return browser.get("/admin/settings").select_one("input[name=csrf_token]")["value"]

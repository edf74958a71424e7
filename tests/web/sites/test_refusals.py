"""What a site may answer, or somebody in its place: nobody comes in, the page says so and shows the way by a code."""

from __future__ import annotations

import base64
import hmac
import json
import time
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey
from sqlalchemy import func, select, update

from portal.clock import utc_now
from portal.domain.audit import PORTAL
from portal.domain.site_logins import Proof
from portal.models import Customer, LoginSession, Merchant
from portal.services.people import site_clients
from tests.fakes.openid import CLIENT, SECRET
from tests.web.sites.conftest import Way


def count(ctx, what):
    with ctx.db.read() as session:
        return session.scalar(select(func.count()).select_from(what))


@pytest.fixture
def refused(way, site, ctx, merchant, zoe):
    """Go there and back; see that nobody came in, that no customer was made, and that a code is offered. The page."""

    def go(*, status, url=None, browser=None):
        customers = count(ctx, Customer)
        page = (browser or way).back(url or site.authorize(way.there()), status=status)
        assert page.h1 == "You are not logged in yet"
        assert urlsplit(page.link("Log in by email")).path == f"{way.home}/login"
        assert (count(ctx, LoginSession), count(ctx, Customer)) == (0, customers)
        return page

    return go


def unsigned(header, claims):
    parts = (json.dumps(header), json.dumps(claims))
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts) + "."


def test_a_token_that_nobody_signed(refused, site, connect, merchant):
    connect(merchant)
    for name in ("none", "None", "NONE", ""):
        site.sign = lambda claims, name=name: unsigned({"alg": name}, claims)
        refused(status=502)


def test_a_token_signed_with_what_we_know_too(refused, site, connect, merchant):
    connect(merchant)
    for known in (SECRET.encode(), site.key.as_pem(private=False)):
        for document in ({}, {"id_token_signing_alg_values_supported": ["RS256", "HS256"]}):
            site.document = document
            site.sign = lambda claims, known=known: by_hmac({"alg": "HS256", "kid": site.key.kid}, claims, known)
            refused(status=502)


def by_hmac(header, claims, key):
    said = unsigned(header, claims).rstrip(".")
    return f"{said}.{base64.urlsafe_b64encode(hmac.digest(key, said.encode(), 'sha256')).decode().rstrip('=')}"


def test_a_token_signed_by_another_key_under_the_sites_name(refused, site, connect, merchant):
    connect(merchant)
    other = RSAKey.generate_key(2048)
    site.sign = lambda claims: jws.serialize_compact({"alg": "RS256", "kid": site.key.kid}, json.dumps(claims), other)
    refused(status=502)


def test_a_token_by_an_algorithm_that_the_site_does_not_name(refused, site, connect, merchant):
    connect(merchant)
    other = ECKey.generate_key("P-256", auto_kid=True)
    site.answers["/jwks"] = (200, "application/json", json.dumps({"keys": [other.as_dict(private=False)]}).encode())
    site.sign = lambda claims: jws.serialize_compact({"alg": "ES256", "kid": other.kid}, json.dumps(claims), other)
    refused(status=502)


NOW = int(time.time())


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "somebody-else"},
        {"aud": ["somebody-else"]},
        {"aud": [CLIENT, "somebody-else"]},  # without saying that it was made for us
        {"aud": [CLIENT, "somebody-else"], "azp": "somebody-else"},
        {"azp": "somebody-else"},
        {"aud": None},
        {"aud": {CLIENT: True}},
        {"iss": "https://elsewhere.test"},
        {"iss": None},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": NOW - 3600},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"iat": NOW + 36000},
        {"iat": None},
        {"nbf": NOW + 36000},
        {"nbf": "soon"},
    ],
    ids=str,
)
def test_a_token_that_was_not_made_for_this_log_in(refused, site, connect, merchant, claims):
    connect(merchant)
    site.claims = claims
    assert "could not be verified" in refused(status=502).text


@pytest.mark.parametrize("verified", [False, "false", "true", 1, None], ids=str)
def test_an_address_that_the_site_has_not_verified(refused, site, connect, merchant, verified):
    connect(merchant)
    site.person = {"sub": "7", "email": "zoe@client.test", "email_verified": verified}
    assert "not verified your email address" in refused(status=403).text


@pytest.mark.parametrize("address", [None, "", "zoe", 7, ["zoe@client.test"], "z" * 300 + "@client.test"], ids=str)
def test_an_address_that_is_none(refused, site, connect, merchant, address):
    connect(merchant)
    site.person = {"sub": "7", "email": address, "email_verified": True}
    assert "did not tell us who you are" in refused(status=403).text


@pytest.mark.parametrize("own_id", [None, "", " ", "a b", "x" * 129, True, 4.2, ["7"], {"id": 7}], ids=str)
def test_an_id_that_is_none(refused, site, connect, merchant, own_id):
    connect(merchant, proof=Proof.EXTERNAL_ID, claim="customer_number")
    site.person = {"sub": "7", "customer_number": own_id}
    assert "did not tell us who you are" in refused(status=403).text


def test_who_is_not_a_customer_here_is_made_none(refused, site, connect, merchant, make):
    connect(merchant)
    make.customer(make.merchant(), email="nobody@client.test")
    site.person = {"sub": "8", "email": "nobody@client.test", "email_verified": True}
    assert "no subscription" in refused(status=403).text


def test_a_word_of_the_page_of_the_person_about_another_one(refused, site, connect, merchant):
    connect(merchant)
    site.in_token = False
    told = {"sub": "8", "email": "zoe@client.test", "email_verified": True}
    site.answers["/userinfo"] = (200, "application/json", json.dumps(told).encode())
    refused(status=403)


def test_an_erased_customer(refused, site, connect, merchant, zoe, ctx):
    connect(merchant, proof=Proof.EXTERNAL_ID, claim="sub")
    with ctx.db.begin() as session:
        session.execute(update(Customer).where(Customer.id == zoe.id).values(external_id="7", erased_at=utc_now()))
    refused(status=403)


def test_the_answer_opened_in_another_browser(refused, way, site, connect, merchant, other_browser):
    connect(merchant)
    other_browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    url = site.authorize(way.there())
    page = refused(status=410, url=url, browser=Way(other_browser, merchant))
    assert "another browser" in page.text


def test_an_answer_to_another_round_of_the_same_browser(refused, way, site, connect, merchant):
    connect(merchant)
    first = site.authorize(way.there())
    way.there()
    refused(status=410, url=first)


def test_the_same_answer_again(way, site, connect, merchant, zoe, ctx):
    connect(merchant)
    url = way.there()
    kept = way.browser.cookie("portal_site_round")
    back = site.authorize(url)
    way.back(back)
    way.browser.submit(f"{way.home}/", press="Log out")
    way.browser.set_cookie("portal_site_round", kept)  # as somebody who had copied it
    page = way.back(back, status=410)
    assert "already used" in page.text
    assert site.asked.count("/token") == 1


def test_an_answer_after_ten_minutes(refused, way, site, connect, merchant):
    connect(merchant)
    url = site.authorize(way.there())
    with time_machine.travel(utc_now() + timedelta(minutes=11)):
        refused(status=410, url=url)


def test_an_answer_at_another_merchants_address(way, site, connect, merchant, make, ctx):
    other = make.merchant(locale="en")
    make.customer(other, email="zoe@client.test")
    connect(merchant)
    connect(other)
    url = site.authorize(way.there()).replace(way.home, f"/account/{other.slug}")
    Way(way.browser, other).back(url, status=410)
    assert count(ctx, LoginSession) == 0


def test_a_site_does_not_lead_to_an_address_that_it_does_not_know(way, site, connect, merchant, make):
    connect(merchant)
    (asked,) = parse_qs(urlsplit(way.there()).query)["redirect_uri"]
    assert asked == f"http://portal.test{way.home}/login/site/back"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"error": "access_denied"}, 200),
        ({"error": "server_error"}, 502),
        ({"iss": "https://elsewhere.test"}, 502),
        ({"code": ""}, 502),
        ({"code": "made-up"}, 502),
        ({"state": "made-up"}, 410),
        ({"state": ""}, 410),
    ],
    ids=str,
)
def test_an_answer_that_says_something_else(refused, way, site, connect, merchant, sent, status):
    connect(merchant)
    refused(status=status, url=site.authorize(way.there(), **sent))


def test_a_site_that_names_itself_has_to(refused, way, site, connect, merchant, zoe):
    site.document = {"authorization_response_iss_parameter_supported": True}
    connect(merchant)
    refused(status=502)
    assert way.back(site.authorize(way.there(), iss=site.url)).path == f"{way.home}/"


def test_switched_off_in_mid_flow(refused, way, site, connect, merchant, ctx):
    connect(merchant)
    url = site.authorize(way.there())
    site_clients.switch(ctx, merchant.id, on=False, by=PORTAL, now=utc_now())
    assert "does not offer" in refused(status=410, url=url).text
    assert site.asked.count("/token") == 0


def test_switched_off_while_the_site_answers(refused, way, site, connect, merchant, ctx):
    connect(merchant)

    def sign(claims):
        site_clients.switch(ctx, merchant.id, on=False, by=PORTAL, now=utc_now())
        return site.signed(claims)

    site.sign = sign
    refused(status=410)


def test_another_client_set_up_in_mid_flow(refused, way, site, connect, merchant):
    connect(merchant)
    url = site.authorize(way.there())
    connect(merchant, client_id="another-client")
    refused(status=410, url=url)


def test_the_client_refused_by_the_site(refused, way, site, connect, merchant):
    connect(merchant, secret="another-secret-of-the-site")
    refused(status=502)


JSON = "application/json"
FLAWS = {
    "page": (200, "text/html", b"<h1>Maintenance</h1>"),
    "list": (200, JSON, b"[]"),
    "doubled": (200, JSON, b'{"id_token": "a.b.c", "id_token": "a.b.c"}'),
    "deep": (200, JSON, b"[" * 100_000),
    "huge": (200, JSON, b" " * 300_000 + b"{}"),
    "away": (302, "text/html", b"http://127.0.0.1:1/"),
    "broken": (500, "text/html", b""),
    "gone": (404, "text/html", b""),
    "nothing": (200, JSON, b""),
    "no token": (200, JSON, b'{"access_token": "x"}'),
    "half a token": (200, JSON, b'{"id_token": "x"}'),
    "no text": (200, JSON, b'{"id_token": 7}'),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_token_endpoint_that_answers_something_else(refused, site, connect, merchant, flaw):
    connect(merchant)
    site.answers["/token"] = FLAWS[flaw]
    refused(status=502)


@pytest.mark.parametrize("flaw", FLAWS)
def test_keys_that_are_none(refused, site, connect, merchant, flaw):
    connect(merchant)
    site.rotate()  # so that they are read again
    site.answers["/jwks"] = FLAWS[flaw]
    refused(status=502)


def test_a_site_that_is_away(way, site, connect, merchant, ctx):
    connect(merchant)
    with time_machine.travel(utc_now()):
        ctx.sites._documents._found.clear()
        site.answers["/.well-known/openid-configuration"] = (503, "text/html", b"")
        page = way.browser.get(f"{way.home}/login/site", status=502)
    assert "not answering" in page.text
    asked = len(site.asked)
    way.browser.get(f"{way.home}/login/site", status=502)
    assert len(site.asked) == asked  # nobody asks again at once


def test_keys_that_were_changed_are_read_once_more(way, site, connect, merchant, zoe):
    connect(merchant)
    way.back(site.authorize(way.there()))
    site.rotate()
    before = site.asked.count("/jwks")
    assert way.back(site.authorize(way.there())).path == f"{way.home}/"
    assert site.asked.count("/jwks") == before + 1
    way.back(site.authorize(way.there()))
    assert site.asked.count("/jwks") == before + 1


def test_customers_of_a_suspended_merchant_come_in_as_by_a_code(way, site, connect, merchant, zoe, ctx):
    connect(merchant)
    with ctx.db.begin() as session:
        row = session.get_one(Merchant, merchant.id)
        row.suspended_at, row.suspended_why = utc_now(), "a question"
    assert way.back(site.authorize(way.there())).path == f"{way.home}/"


def test_too_many_rounds_from_one_network(way, site, connect, merchant):
    connect(merchant)
    site.person = {"sub": "8", "email": "nobody@client.test", "email_verified": True}
    for _round in range(30):
        way.back(site.authorize(way.there()), status=403)
    way.back(site.authorize(way.there()), status=429)

"""What a site may answer, or somebody in its place: nobody comes in, the page says so and shows the way by a code."""

from __future__ import annotations

import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from sqlalchemy import update

from portal.clock import utc_now
from portal.domain.audit import PORTAL
from portal.domain.integrations.site_logins import Proof
from portal.models import Customer, LoginSession, Merchant, SiteLogin
from portal.services.people import site_clients
from tests.web.sites.conftest import Way, count


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


@pytest.mark.parametrize(
    ("told", "leads"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, False),  # a foreign page, a picture of it, or a script that nobody pressed
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-User": "?0"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-User": "?1"}, True),  # a link that somebody followed
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({}, True),  # a browser that tells nothing of it
    ],
)
def test_a_foreign_page_sends_nobody_to_the_site(way, connect, merchant, told, leads):
    connect(merchant)
    answer = way.browser.client.get(
        f"{way.home}/login/site?next={way.home}/profile", headers=told, base_url=way.browser.base_url
    )
    assert answer.status_code == 303
    if leads:
        assert urlsplit(answer.headers["Location"]).path != f"{way.home}/login"
    else:
        assert answer.headers["Location"] == f"{way.home}/login?next={way.home}/profile"
        assert not any("site_round" in cookie for cookie in answer.headers.getlist("Set-Cookie"))


def test_a_site_does_not_lead_to_an_address_that_it_does_not_know(way, site, connect, merchant, make):
    connect(merchant)
    (asked,) = parse_qs(urlsplit(way.there()).query)["redirect_uri"]
    assert asked == f"http://portal.test{way.home}/login/site/back"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"error": "access_denied"}, 200),
        ({"error": "login_required"}, 200),
        ({"error": "invalid_scope"}, 502),
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


def test_a_secret_whose_master_key_is_lost(refused, way, site, connect, merchant, ctx):
    connect(merchant)
    with ctx.db.begin() as session:
        session.execute(update(SiteLogin).values(secret=b"lost|x"))
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

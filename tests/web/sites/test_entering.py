"""Customers come in by the merchant's own site: who is found there is logged in here, and a session says so."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select, update

from portal.domain.integrations.site_logins import Proof
from portal.models import Customer, LoginSession
from tests.web.account_people import member_of
from tests.web.sites.conftest import Way


def sessions(ctx):
    with ctx.db.read() as session:
        return list(session.scalars(select(LoginSession).order_by(LoginSession.created_at)))


def test_a_customer_presses_the_button_and_is_in(way, site, connect, merchant, zoe, ctx):
    connect(merchant)
    page = way.browser.get(f"{way.home}/login")
    assert page.link("Continue with L’Atelier").startswith(f"{way.home}/login/site")
    page = way.back(site.authorize(way.there()))
    assert page.path == f"{way.home}/"
    (session,) = sessions(ctx)
    assert (session.customer_id, session.site_proof) == (zoe.id, Proof.EMAIL)
    assert "Logged in with the L’Atelier website" in way.browser.get(f"{way.home}/sessions").text


def test_what_is_sent_to_the_site_is_what_the_standards_want(way, site, connect, merchant):
    connect(merchant)
    asked = parse_qs(urlsplit(way.there()).query)
    assert asked["scope"] == ["openid email"]
    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert all(len(asked[name][0]) >= 43 for name in ("state", "nonce", "code_challenge"))
    assert len({asked[name][0] for name in ("state", "nonce", "code_challenge")}) == 3
    again = parse_qs(urlsplit(way.there()).query)
    assert not {again[name][0] for name in ("state", "nonce")} & {asked[name][0] for name in ("state", "nonce")}


def test_the_page_that_was_wanted_is_opened(way, site, connect, merchant, zoe):
    connect(merchant)
    page = way.back(site.authorize(way.there(f"?next={way.home}/profile")))
    assert page.path == f"{way.home}/profile"
    other = way.there("?next=https://elsewhere.test/")
    assert way.back(site.authorize(other)).path == f"{way.home}/"


def test_the_merchants_own_words_stand_on_the_button(way, connect, merchant):
    connect(merchant, label_en="With your course account")
    assert way.browser.get(f"{way.home}/login").link("With your course account")


def test_no_button_where_it_is_off_or_not_set_up(way, connect, merchant, make):
    connect(merchant, on=False)
    assert "login/site" not in way.browser.get(f"{way.home}/login").body
    other = Way(way.browser, make.merchant(locale="en"))
    assert "login/site" not in other.browser.get(f"{other.home}/login").body
    assert other.browser.get(f"{other.home}/login/site", status=410).h1 == "You are not logged in yet"


@pytest.mark.parametrize(("sent", "stored"), [("crm-42", "crm-42"), (42, "42")])
def test_the_merchants_own_id_of_a_customer_decides_where_they_chose_so(
    way, site, connect, merchant, zoe, ctx, sent, stored
):
    with ctx.db.begin() as session:
        session.execute(update(Customer).where(Customer.id == zoe.id).values(external_id=stored))
    connect(merchant, proof=Proof.EXTERNAL_ID, claim="customer_number")
    site.person = {"sub": "7", "customer_number": sent, "email": "another@client.test", "email_verified": True}
    assert way.back(site.authorize(way.there())).path == f"{way.home}/"
    assert [(one.customer_id, one.site_proof) for one in sessions(ctx)] == [(zoe.id, Proof.EXTERNAL_ID)]


def test_an_id_is_compared_letter_by_letter_and_within_the_merchant(way, site, connect, merchant, make, ctx):
    with ctx.db.begin() as session:
        for other, own in ((merchant, "CRM-42"), (make.merchant(), "crm-42")):
            customer = make.customer(other)
            session.execute(update(Customer).where(Customer.id == customer.id).values(external_id=own))
    connect(merchant, proof=Proof.EXTERNAL_ID, claim="sub")
    site.person = {"sub": "crm-42"}
    assert "no subscription" in way.back(site.authorize(way.there()), status=403).text
    assert sessions(ctx) == []


def test_what_the_token_does_not_say_is_read_from_the_page_of_the_person(way, site, connect, merchant, zoe):
    connect(merchant)
    site.in_token = False
    assert way.back(site.authorize(way.there())).path == f"{way.home}/"
    assert site.asked[-1] == "/userinfo"


def test_of_two_customers_who_share_the_address_one_is_chosen_after_the_log_in(way, site, connect, merchant, make, zoe):
    make.customer(merchant, email="zoe@client.test", email_place=1, name="Zoé’s firm")
    connect(merchant)
    page = way.back(site.authorize(way.there()))
    assert page.path.startswith(f"{way.home}/accounts")


def test_who_was_let_into_an_account_comes_in_by_their_own_address(way, site, connect, merchant, zoe, ctx):
    connect(merchant)
    member = member_of(ctx, zoe)
    site.person = {"sub": "9", "email": member.email, "email_verified": True}
    assert way.back(site.authorize(way.there())).path == f"{way.home}/"
    (session,) = sessions(ctx)
    assert (session.customer_id, session.account_member_id) == (zoe.id, member.id)


def test_whom_an_id_has_proven_does_not_go_over_to_who_has_the_same_address(
    way, site, connect, merchant, make, zoe, ctx
):
    firm = make.customer(merchant, email="zoe@client.test", email_place=1, name="Zoé’s firm")
    with ctx.db.begin() as session:
        session.execute(update(Customer).where(Customer.id == zoe.id).values(external_id="7"))
    connect(merchant, proof=Proof.EXTERNAL_ID, claim="sub")
    assert way.back(site.authorize(way.there())).path == f"{way.home}/"
    page = way.browser.get(f"{way.home}/accounts")
    assert "Zoé’s firm" not in page.text
    sent = {"csrf_token": page.select_one("input[name=csrf_token]")["value"], "customer": str(firm.id)}
    way.browser.post(f"{way.home}/accounts/choice", sent, status=404)


def test_after_a_log_out_the_site_is_offered_too(way, site, connect, merchant, zoe):
    connect(merchant)
    page = way.back(site.authorize(way.there())).submit(press="Log out")
    there = urlsplit(page.link("Log out there too"))
    assert f"{there.scheme}://{there.netloc}{there.path}" == f"{site.url}/logout"
    assert parse_qs(there.query)["post_logout_redirect_uri"] == [f"http://portal.test{way.home}/login"]
    assert "Log out there too" not in way.browser.get(f"{way.home}/login").text

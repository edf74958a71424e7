"""The demo's website is strict where a provider has to be, so that what works with it works elsewhere."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from portal.demo.website import CLIENT, Website, make_app

VERIFIER = "v" * 43


@pytest.fixture
def browser():
    return make_app(Website("http://portal.test")).test_client()


def asked(**changed):
    return {
        "client_id": CLIENT[0],
        "redirect_uri": "http://portal.test/account/studio/login/site/back",
        "response_type": "code",
        "code_challenge": create_s256_code_challenge(VERIFIER),
        "code_challenge_method": "S256",
        "state": "s",
        "nonce": "n",
        **changed,
    }


def code_for(browser, **changed):
    answer = browser.post("/authorize", query_string=asked(**changed), data={"who": "emma@example.com"})
    assert answer.status_code == 303
    return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]


def redeem(browser, code, *, verifier=VERIFIER, client=CLIENT):
    sent = {"code": code, "code_verifier": verifier, "client_id": client[0], "client_secret": client[1]}
    return browser.post("/token", data=sent).status_code


def test_a_code_is_good_once_for_its_client_and_its_verifier(browser):
    assert redeem(browser, code_for(browser), verifier="w" * 43) == 400
    assert redeem(browser, code_for(browser), client=(CLIENT[0], "guess")) == 401
    code = code_for(browser)
    assert [redeem(browser, code), redeem(browser, code)] == [200, 400]


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": "http://elsewhere.test/"},
        {"client_id": "another"},
        {"code_challenge_method": "plain"},
        {"response_type": "token"},
    ],
    ids=str,
)
def test_it_leads_back_to_nobody_that_it_does_not_know(browser, changed):
    assert browser.get("/authorize", query_string=asked(**changed)).status_code == 400


def test_who_is_logged_in_is_not_asked_again_unless_the_portal_wants_it(browser):
    code_for(browser)
    assert browser.get("/authorize", query_string=asked()).status_code == 303
    page = browser.get("/authorize", query_string=asked(prompt="login"))
    assert re.search('name="who"', page.get_data(as_text=True))
    assert 'href="http://portal.test/account/studio/login"' in browser.get(
        "/leave", query_string={"post_logout_redirect_uri": "http://portal.test/account/studio/login"}
    ).get_data(as_text=True)
    assert "elsewhere" not in browser.get(
        "/leave", query_string={"post_logout_redirect_uri": "http://elsewhere.test"}
    ).get_data(as_text=True)
    assert browser.get("/authorize", query_string=asked()).status_code == 200

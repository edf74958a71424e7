"""What wants a log-in of a moment ago: a site that has known somebody since yesterday proves nothing of this moment."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.models import LoginSession


@pytest.fixture
def sensitive(way):
    return f"{way.home}/profile/address"


@pytest.mark.parametrize(("seconds", "again"), [(30, False), (3600, True), (None, True), (-3600, False)])
def test_what_counts_is_when_the_site_has_asked_for_the_log_in(
    way, site, connect, merchant, zoe, seconds, again, sensitive
):
    connect(merchant)
    site.authenticated_at = None if seconds is None else time.time() - seconds
    way.back(site.authorize(way.there()))
    assert ("/login/again" in way.browser.get(sensitive).path) is again


def test_a_session_is_never_proven_in_the_future(way, site, connect, merchant, zoe, ctx):
    connect(merchant)
    site.authenticated_at = time.time() + 86400
    way.back(site.authorize(way.there()))
    with ctx.db.read() as session:
        assert session.scalars(select(LoginSession.authenticated_at)).one() <= utc_now()


def test_the_site_is_asked_to_ask_again_and_believed_when_it_did(way, site, connect, merchant, zoe, sensitive):
    connect(merchant)
    way.back(site.authorize(way.there()))
    page = way.browser.get(sensitive)
    assert "/login/again" in page.path
    url = way.there("?" + urlsplit(page.link("Continue with L’Atelier")).query)
    asked = parse_qs(urlsplit(url).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
    assert way.back(site.authorize(url)).path == sensitive


@pytest.mark.parametrize("seconds", [None, 3600, "soon"])
def test_a_site_that_did_not_ask_again_is_not_believed(way, site, connect, merchant, zoe, seconds):
    connect(merchant)
    url = way.there("?again=1")
    back = site.authorize(url)
    site.claims["auth_time"] = int(time.time()) - seconds if isinstance(seconds, int) else seconds
    page = way.back(back, status=403)
    assert "did not ask you to log in again" in page.text

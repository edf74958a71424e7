"""A merchant whose site is an OpenID provider on this machine, and one customer of theirs."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select

from portal.clock import utc_now
from portal.domain.audit import PORTAL
from portal.domain.integrations.site_logins import Proof
from portal.models import Customer, LoginSession
from portal.providers.openid import OpenIdSites
from portal.services.context import Context
from portal.services.people import site_clients
from portal.services.people.site_clients import Wish, redirect_uri
from tests.fakes.openid import CLIENT, SECRET, Site, serving


@pytest.fixture
def ctx(ctx: Context) -> Context:
    """As ever, and sites may stand on this machine."""
    return replace(ctx, sites=OpenIdSites(allow_loopback=True))


@pytest.fixture
def site():
    with serving(Site()) as made:
        yield made


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", locale="en")


@pytest.fixture
def zoe(make, merchant):
    return make.customer(merchant, email="zoe@client.test", name="Zoé")


@pytest.fixture
def connect(ctx, site):
    """Set a merchant's site up, and switch it on."""

    def connected(merchant, *, on=True, proof=Proof.EMAIL, claim="", **more):
        wish = {"issuer": site.url, "client_id": CLIENT, "secret": SECRET, "label_fr": "", "label_en": "", **more}
        site_clients.save(ctx, merchant.id, Wish(proof=proof, claim=claim, **wish), by=PORTAL, now=utc_now())
        if on:
            site_clients.switch(ctx, merchant.id, on=True, by=PORTAL, now=utc_now())
        site.redirects.add(redirect_uri(ctx, merchant.slug))

    return connected


@pytest.fixture
def visitor(browser):
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return browser


class Way:
    """The way of one browser: to the site, and back."""

    def __init__(self, browser, merchant):
        self.browser, self.home = browser, f"/account/{merchant.slug}"

    def there(self, query=""):
        """Press the button; return the address at the site."""
        response = self.browser.client.get(f"{self.home}/login/site{query}", base_url=self.browser.base_url)
        assert response.status_code == 303, response.get_data(as_text=True)
        return response.headers["Location"]

    def back(self, url, *, status=200):
        """Open what the site led back to, and follow."""
        parts = urlsplit(url)
        return self.browser.get(f"{parts.path}?{parts.query}", status=status)


@pytest.fixture
def way(visitor, merchant):
    return Way(visitor, merchant)


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

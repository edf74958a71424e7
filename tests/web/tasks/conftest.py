"""A customer of a merchant, and links to one task of theirs."""

from __future__ import annotations

import pytest

from portal.clock import utc_now
from portal.models import Customer, Merchant
from portal.services import task_links
from tests.services.notices.test_missed_payment_notices import show  # noqa: F401 - PayPal shows a payment missing


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", locale="en", return_addresses=["https://shop.example/me"])


@pytest.fixture
def zoe(make, merchant):
    return make.customer(merchant, email="zoe@client.test", name="Zoé")


@pytest.fixture
def held(make, merchant, zoe):
    return make.subscription(merchant=merchant, customer=zoe)


@pytest.fixture
def link(ctx, merchant, zoe):
    """Make a link to a task, good from now on, and return its path."""

    def make(kind, subscription=None, **more):
        with ctx.db.begin() as session:
            whose = session.get_one(Merchant, merchant.id), session.get_one(Customer, zoe.id)
            return task_links.make(session, *whose, kind, subscription=subscription, now=utc_now(), **more).path

    return make


@pytest.fixture
def visitor(browser):
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return browser

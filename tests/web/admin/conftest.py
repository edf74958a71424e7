"""The desk of one merchant: a person of each role, logged in."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta

import pytest

from portal.domain.ends.end_requests import Basis, RequestState
from portal.domain.ends.received_requests import Way
from portal.domain.policies import Role
from portal.domain.subscriptions import Status
from portal.services.inbox import received_requests
from portal.services.inbox.received_requests import Declaration
from tests.browser_client import Browser
from tests.web.admin.waiting import make_request

_numbers = itertools.count(1)

BUTTON = {
    "cancel": "Cancel the subscription",
    "complete": "End the subscription and mark it as completed",
    "abandon": "End the subscription and mark it as abandoned",
}


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", locale="en")


@pytest.fixture
def enter(app, hire, seat_staff) -> Callable[..., Browser]:
    """Hire somebody and seat them at the desk, reading English, on a browser of their own."""

    def log_in(merchant, role: Role = Role.OWNER) -> Browser:
        new = hire(merchant, role=role, email=f"p{next(_numbers)}@desk.test", locale="en")
        browser = Browser(app, address=f"192.0.2.{next(_numbers) % 250 + 1}")
        browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
        return seat_staff(browser, new)

    return log_in


@pytest.fixture
def owner(enter, merchant) -> Browser:
    return enter(merchant)


@pytest.fixture
def manager(enter, merchant) -> Browser:
    return enter(merchant, Role.MANAGER)


@pytest.fixture
def support(enter, merchant) -> Browser:
    return enter(merchant, Role.SUPPORT)


@pytest.fixture
def reader(enter, merchant) -> Browser:
    return enter(merchant, Role.READER)


@pytest.fixture
def declared(ctx, merchant, now):
    def build(**columns):
        values = {"name": "Zoé Durand", "email": "zoe@client.test", "way": Way.LETTER, "received_at": now}
        return received_requests.record(ctx, Declaration(merchant_id=merchant.id, **values | columns), now=now)

    return build


@pytest.fixture
def undated(make, merchant, now):
    """A subscription that PayPal has ended without saying until when it is paid."""
    subscription = make.subscription(
        merchant=merchant,
        status=Status.CANCELLED,
        at_paypal=False,
        paid_until=None,
        stopped_at_provider_at=now - timedelta(days=1),
    )
    request = make_request(
        make,
        subscription,
        now,
        state=RequestState.CONFIRMED,
        confirmed_at=now - timedelta(days=1),
        basis=Basis.READ_AFTER_CALL,
    )
    return subscription, request

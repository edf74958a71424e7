"""A customer at the account page, with one click from the address to the proof."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask

from portal.models import Customer, Merchant, Subscription
from tests.browser_client import Browser, Page
from tests.web.customer.paying import Till

CANCEL, KEEP, UNDO = "Cancel now", "Keep my subscription", "Withdraw this request"

# Every form of « it is over » that a reader could take for done, in both languages.
DONE = re.compile(
    r"\b(is|was|has been|been|now) (cancelled|ended|completed|over)\b|\bhad already ended\b|\bno longer charged\b"
    r"|\bwill not be charged\b|\bno payment will be taken\b|\bconfirmed it on\b|data-status=\"(cancelled|completed)\""
    r"|\bcancelled\b|\brésiliée?s?\b|\bannulée?s?\b|\bfinalisée?s?\b|\babandon|\barrêtée?s?\b|\bterminée?s?\b"
    r"|\barrivé à son terme\b|\baucun autre prélèvement ne sera",
    re.IGNORECASE,
)


@dataclass
class Visit:
    """A customer in front of the pages of their merchant."""

    browser: Browser
    merchant: Merchant
    customer: Customer

    @property
    def home(self) -> str:
        return f"/account/{self.merchant.slug}/"

    def page(self, subscription: Subscription, more: str = "") -> str:
        return f"{self.home}subscriptions/{subscription.id}{more}"

    def recap(self, subscription: Subscription, *, status: int = 200) -> Page:
        return self.browser.get(self.page(subscription, "/cancellation"), status=status)

    def cancel(self, subscription: Subscription, **answers: Any) -> Page:
        """From the recap to the result page."""
        return self.recap(subscription).submit(press=CANCEL, **answers)


@pytest.fixture
def log_in(app: Flask, seat_customer: Callable[..., Browser]) -> Callable[..., Visit]:
    """Put a customer in front of their pages; the way of the code and the mail is tested elsewhere."""

    def enter(merchant: Merchant, customer: Customer, *, language: str = "en") -> Visit:
        browser = seat_customer(Browser(app), merchant, customer)
        browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
        return Visit(browser, merchant, customer)

    return enter


@pytest.fixture
def visit(make, log_in) -> Visit:
    """An English-reading customer of a merchant whose customers may cancel by themselves."""
    merchant = make.merchant(locale="en")
    return log_in(merchant, make.customer(merchant))


@pytest.fixture
def french_visit(make, log_in) -> Visit:
    """The same in French."""
    merchant = make.merchant(locale="fr")
    return log_in(merchant, make.customer(merchant), language="fr")


def reference_of(page: Page) -> str:
    """The reference a result page gives."""
    return page.path.rsplit("/", 1)[-1]


@pytest.fixture
def till(make) -> Till:
    """Payments of any kind."""
    return Till(make)

"""People with passkeys, at the desk's door."""

from __future__ import annotations

import pytest

from tests.browser_client import Browser
from tests.fakes.authenticator import Authenticator, asked
from tests.web.admin.test_team import english


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", locale="en")


@pytest.fixture
def lea(merchant, hire):
    return hire(merchant, email="lea@desk.test", locale="en")


@pytest.fixture
def device():
    return Authenticator()


@pytest.fixture
def register(app, seat_staff):
    """Let somebody add a passkey of a device, as they do at their desk."""

    def add(person, device: Authenticator, *, name="Work laptop") -> Browser:
        browser = seat_staff(english(app, "203.0.113.90"), person)
        page = browser.get("/admin/account/passkeys/new")
        page.submit(name=name, passkey_answer=device.make(asked(page)))
        return browser

    return add


@pytest.fixture
def guest(app):
    return english(app, "203.0.113.91")

"""A passkey in a real browser with a device of its own (Chromium's virtual authenticator): made, used, cancelled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyotp
import pytest
from playwright.sync_api import CDPSession

from config import Config
from portal.clock import utc_now
from portal.services.context import Context
from portal.services.people.staff_logins import NewStaff
from tests.e2e.conftest import NewVisitor
from tests.e2e.looks import complaints
from tests.e2e.serving import served
from tests.e2e.visitor import NARROW, WIDE, Size, Visitor, plain
from tests.web.conftest import PASSWORD, config, hire  # noqa: F401 - the fixtures of the web tests serve here too

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@dataclass
class Desk:
    """A desk that browsers reach by a name, as passkeys need it, and somebody who works there."""

    address: str
    person: NewStaff

    def log_in(self, who: Visitor) -> Visitor:
        """Log in as always: password and code."""
        who.open(f"{self.address}/admin/login")
        who.type("Your email address", self.person.staff.email)
        who.type("Your password", PASSWORD)
        who.press("button", "Continue")
        code = pyotp.TOTP(self.person.totp_secret).at(utc_now())
        who.type("The code of your app, or a recovery code", code)
        return who.press("button", "Log in")


@pytest.fixture
def desk(config: Config, ctx: Context, make, hire: Callable[..., NewStaff]) -> Iterator[Desk]:  # noqa: F811
    person = hire(make.merchant(name="L’Atelier"), locale="en")
    with served(config, ctx) as address:
        yield Desk(address, person)


def device_of(who: Visitor) -> tuple[CDPSession, str]:
    """Give somebody's browser a device that makes passkeys; return the way to it, and its id."""
    session = who.page.context.new_cdp_session(who.page)
    session.send("WebAuthn.enable")
    added = session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    return session, added["authenticatorId"]


@pytest.mark.parametrize(("locale", "size"), [("fr", NARROW), ("en", WIDE)])
def test_a_passkey_is_made_and_logs_in_and_a_cancelled_one_says_so(
    desk: Desk, new_visitor: NewVisitor, locale: str, size: Size
) -> None:
    lea = new_visitor("Léa", locale=locale, size=size, scripts=True, keyboard=True)
    session, device = device_of(lea)
    desk.log_in(lea)
    lea.open(f"{desk.address}/admin/account/passkeys/new")
    lea.type("Name of the passkey", " ")
    lea.press("button", "Create the passkey")
    assert plain(lea.word("Give the passkey a name.")) in lea.text
    assert session.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"] == []
    lea.type("Name of the passkey", "Mon ordinateur")
    lea.press("button", "Create the passkey")
    assert plain(lea.word("The passkey is added: from now on it logs you in.")) in lea.text
    assert "Mon ordinateur" in lea.text

    lea.open(f"{desk.address}/admin/account/passkeys/new")
    lea.type("Name of the passkey", "Le même")
    press_in_vain(lea, "Create the passkey", "This device already has a passkey of yours.")

    lea.press("button", "Log out")
    session.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    cancelled = "No passkey was used: the request was cancelled, or took too long. Try again."
    press_in_vain(lea, "Log in with a passkey", cancelled)
    session.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": True})
    lea.press("button", "Log in with a passkey")
    assert lea.page.url == f"{desk.address}/admin/"


@pytest.mark.parametrize(("locale", "size"), [("fr", NARROW), ("en", WIDE)])
def test_what_the_script_shows_suits_everybody(desk: Desk, new_visitor: NewVisitor, locale: str, size: Size) -> None:
    lea = new_visitor("Léa", locale=locale, size=size, scripts=True)
    device_of(lea)
    lea.open(f"{desk.address}/admin/login")
    assert complaints(lea.page) == []
    desk.log_in(lea).open(f"{desk.address}/admin/account/passkeys/new")
    assert complaints(lea.page) == []
    lea.press("button", "Create the passkey")
    assert complaints(lea.page) == []
    lea.go(lea.page.locator("tbody a"))
    assert complaints(lea.page) == []


def press_in_vain(who: Visitor, button: str, said: str) -> None:
    """Press a button whose passkey does not come: the page stays, and says why."""
    who.reach(who.page.get_by_role("button", name=who.word(button), exact=True))
    who.page.keyboard.press("Enter")
    who.page.get_by_role("alert").get_by_text(who.word(said)).wait_for()


def test_without_scripts_no_button_promises_a_passkey_and_the_code_works(desk: Desk, new_visitor: NewVisitor) -> None:
    lea = new_visitor("Léa", locale="en", size=NARROW, scripts=False)
    lea.open(f"{desk.address}/admin/login")
    assert "passkey" not in lea.text
    desk.log_in(lea).open(f"{desk.address}/admin/account/passkeys/new")
    assert plain(lea.word("This needs JavaScript and a browser that supports passkeys.").split(".")[0]) in lea.text
    assert lea.page.get_by_role("button", name="Create the passkey").count() == 0


def test_who_has_scripts_reads_nothing_about_them(desk: Desk, new_visitor: NewVisitor) -> None:
    lea = new_visitor("Léa", locale="en", size=NARROW, scripts=True)
    desk.log_in(lea).open(f"{desk.address}/admin/account/passkeys/new")
    assert "JavaScript" not in lea.text

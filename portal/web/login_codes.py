"""The browser's part in a mailed code: what binds it to the code, and what was asked for here."""

from __future__ import annotations

from typing import Final

from flask import g, session

from portal.clock import utc_now
from portal.secrets import new_token
from portal.services.people import logins
from portal.services.people.logins import Ask
from portal.web import identity, locale

BROWSER: Final = "login_browser"  # in the signed cookie: binds a code and a link to the browser that asked
ASKED_FOR: Final = "login_address"  # what was typed: an address, or a number
BY_NUMBER: Final = "login_number"  # it was a number: the page says nothing that an address alone would bring


def browser() -> str:
    """Return the token of this browser, empty where it asked for nothing."""
    return str(session.get(BROWSER, ""))


def ask(email: str, *, next_path: str, typed: str, by_number: bool = False, cancels: str = "") -> None:
    """Send a code to an address, or bind this browser to the one that is under way; raise TooManyTries.

    `typed`: what the page may show of it, since the visitor typed it.  `cancels`: what the code is to cancel; the mail
    that is under way may have been asked for to log in, and then says so: its code is good for either.
    """
    session[BROWSER] = browser() or new_token()
    session[ASKED_FOR] = typed
    session[BY_NUMBER] = by_number
    wish = Ask(
        merchant_id=g.merchant.id,
        email=email,
        browser_token=session[BROWSER],
        language=locale.current(),
        network=identity.network(),
        next_path=next_path,
        cancels=cancels,
    )
    logins.ask(identity.context(), wish, now=utc_now())


def keep_after_log_in(token: str) -> None:
    """Bind this browser again after a session was opened, which forgets all that was before it."""
    session[BROWSER] = token

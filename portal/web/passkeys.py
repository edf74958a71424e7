"""A page asks for a passkey, and takes what the browser answers.

The challenge stands in the page, signed for what it is to open and for this browser (by its form token, which a log-in
renews), five minutes.  A page that is shown writes nothing, and its script never speaks to the portal: the answer comes
in a form as everything does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, TypeVar

from flask import g, request, session
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from flask_wtf.csrf import generate_csrf
from itsdangerous import BadData, URLSafeTimedSerializer
from wtforms import HiddenField

from portal.domain.people.passkeys import LIFETIME, LOCALHOST, MOST, PasskeyRefused, Refusal, site
from portal.services.people import passkey_challenges, passkey_logins
from portal.services.people.passkey_ceremonies import Shown
from portal.web.csrf import TOO_OLD, BaseForm
from portal.web.identity import context
from portal.web.signing import signer

T = TypeVar("T")

REFUSED: Final[Mapping[Refusal, LazyString]] = {
    Refusal.STALE: _l("This page was open for too long, or was answered already. Try again."),
    Refusal.NOT_TAKEN: _l(
        "This passkey was not accepted. Try another one; your password and your code work as always."
    ),
    Refusal.COPIED: _l(
        "This passkey was refused: a copy of it seems to be in use. We have emailed the person it belongs to. Your "
        "password and your code work as always."
    ),
    Refusal.ABSENT: _l(
        "Your browser sent no passkey: that needs JavaScript and a device that supports passkeys. Your password and "
        "your code work as always."
    ),
    Refusal.KNOWN: _l("This passkey is here already."),
    Refusal.TOO_MANY: _l("You have %(most)s passkeys: remove one first.", most=MOST),
}


class Purpose(StrEnum):
    """What a challenge is good for, and nothing else."""

    MAKE = "make"
    LOG_IN = "log_in"
    SECOND_FACTOR = "second_factor"
    CONFIRM = "confirm"


class PasskeyForm(BaseForm):
    """What a page sends of a passkey. The names keep both out of drafts and of what is carried (`drafts.is_secret`)."""

    passkey_challenge = HiddenField()  # as the page was given it, signed
    passkey_answer = HiddenField()  # the script's


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What a page needs to ask for a passkey."""

    form: PasskeyForm
    options: str


def are_possible() -> bool:
    """Say whether a browser can use a passkey on this page."""
    found = site(context().base_url)
    return found is not None and not elsewhere()


def elsewhere() -> str:
    """Return where passkeys are possible, empty for here: the demo is also reached by its machine's number."""
    found = site(context().base_url)
    if found is None or found.rp_id != LOCALHOST or request.host.lower().startswith(LOCALHOST):
        return ""
    return found.origin


def offer(purpose: Purpose) -> Offer | None:
    """Return what a page needs to let a passkey answer; None where there are none."""
    if not are_possible():
        return None
    challenge = passkey_challenges.new()
    form = PasskeyForm(formdata=None, passkey_challenge=sign(challenge, purpose))
    return Offer(form=form, options=passkey_logins.begin(context(), challenge))


def take(purpose: Purpose, act: Callable[[Shown], T], page: BaseForm) -> T | None:
    """Hand what came to `act`; None, and the reason said in the page's form, when the passkey is not taken."""
    form = PasskeyForm()
    if not form.validate_on_submit():
        page.form_errors.append(str(TOO_OLD))
        return None
    try:
        return act(_shown(form, purpose))
    except PasskeyRefused as refused:
        page.form_errors.append(str(REFUSED[refused.refusal]))
        return None


def sign(challenge: bytes, purpose: Purpose) -> str:
    """Return the text by which a page carries a challenge."""
    return str(_signer(purpose).dumps(challenge.hex()))


def _shown(form: PasskeyForm, purpose: Purpose) -> Shown:
    answer = form.passkey_answer.data or ""
    if not answer:
        raise PasskeyRefused(Refusal.ABSENT)
    try:
        carried = _signer(purpose).loads(form.passkey_challenge.data or "", max_age=LIFETIME // timedelta(seconds=1))
    except BadData as error:
        raise PasskeyRefused(Refusal.STALE) from error
    return Shown(bytes.fromhex(carried), answer)


def _signer(purpose: Purpose) -> URLSafeTimedSerializer:
    generate_csrf()  # the browser has one from now on
    who = g.person.session_id if g.person is not None else ""
    return signer(f"passkey:{purpose}:{session['csrf_token']}:{who}")

"""The log-in again before something sensitive, of staff both factors: the table of access says where, this asks.

What was sent meanwhile is lost at no length: the page that asks holds it, signed for that person, and gives it on by
a button once the factors are right.  Only a form whose token is good is kept so; secrets never are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from flask import Flask, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from itsdangerous import BadData, URLSafeTimedSerializer
from wtforms import HiddenField, PasswordField, StringField, SubmitField
from wtforms.validators import InputRequired, Length

from portal.clock import utc_now
from portal.queries.people import passkeys as stored
from portal.queries.people.people import Kind, Person
from portal.web import access, addresses, drafts, identity, passkeys, task_scope
from portal.web.csrf import BaseForm
from portal.web.passkeys import Purpose
from portal.web.signing import signer

RECENT: Final = timedelta(minutes=10)
# Sent by a button alone: nobody filled them in.
OF_A_BUTTON: Final = frozenset({"csrf_token", "format", "amount", "entered", "given_up", "back", "attempt", "off"})


class ConfirmForm(BaseForm):
    """Both factors again, before something sensitive."""

    password = PasswordField(_l("Your password"), validators=[InputRequired(_l("Enter your password."))])
    code = StringField(
        _l("The code of your app, or a recovery code"),
        validators=[InputRequired(_l("Enter a code.")), Length(max=60, message=_l("This is too long for a code."))],
    )
    carried = HiddenField()  # what was sent before
    submit = SubmitField(_l("Continue"))

    @property
    def is_filled_in(self) -> bool:
        """Whether what it holds is a form that somebody filled in, and no mere button."""
        sent = what_was_sent(self.carried.data)
        return sent is not None and sent.is_filled_in


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A form that waits for the factors: its address and its fields."""

    to: str
    fields: list[tuple[str, str]]

    @property
    def is_filled_in(self) -> bool:
        """Whether somebody filled something in: a button that downloads a file holds nothing to keep."""
        return any(name not in OF_A_BUTTON for name, _value in self.fields)


def install(app: Flask) -> None:
    """Ask before every view that the table names."""
    app.before_request(_ask)


def ask_again() -> ResponseReturnValue | None:
    """Return the page that asks for both factors, None when they were given a moment ago."""
    person = identity.person()
    if utc_now() - person.authenticated_at <= RECENT:
        return None
    is_safe = request.method in access.SAFE_METHODS
    if is_safe or not g.csrf_ok:
        return redirect(url_for("auth.staff_confirm", next=drafts.way_back(is_safe=is_safe)), 303)
    return page(ConfirmForm(formdata=None, carried=_pack())), 401


def page(form: ConfirmForm) -> str:
    """Return the page that asks, with a way by passkey for whoever has one."""
    with identity.context().db.read() as session:
        has_passkey = stored.has_any(session, identity.person().id)
    passkey = passkeys.offer(Purpose.CONFIRM) if has_passkey else None
    return render_template("auth/staff_confirm.html", form=form, passkey=passkey)


def what_was_sent(carried: str | None) -> Sent | None:
    """Open what the page that asked has held for this person; None for nothing, or when it is too old."""
    try:
        found: dict[str, Any] = _signer().loads(carried or "", max_age=drafts.LIFETIME)
    except BadData:
        return None
    return Sent(to=found["to"], fields=[(name, value) for name, value in found["fields"]])


def _ask() -> ResponseReturnValue | None:
    table = access.ACCESS.get(request.endpoint or "")
    if table is None or g.person is None:
        return None
    if not _is_for_the_proven() and not table.asks_again(request.method, g.person.role):
        return None
    if g.person.kind is Kind.STAFF:
        return ask_again() if table.face is access.Face.STAFF else None
    return _log_in_again() if table.face is access.Face.CUSTOMER else None


def _log_in_again() -> ResponseReturnValue | None:
    """Send a customer whose log-in is older to a new code; what was typed waits as a draft.

    Who only looks is not asked.
    """
    person = identity.person()
    if person.viewer_id is not None or is_fresh(person):
        return None
    there = url_for("auth.customer_again", next=drafts.way_back(is_safe=request.method in access.SAFE_METHODS))
    return redirect(there, 303)


def is_fresh(person: Person) -> bool:
    """Say whether they have logged in a moment ago; nobody has by a portal session."""
    return person.vouched is None and utc_now() - person.authenticated_at <= RECENT


def _is_for_the_proven() -> bool:
    """Say whether the page is one for which a portal session does not stand."""
    is_safe = request.method in access.SAFE_METHODS
    return g.person.vouched is not None and not task_scope.is_proven_for(request.endpoint or "", is_safe=is_safe)


def _pack() -> str:
    fields = [(name, value) for name, value in request.form.items(multi=True) if not drafts.is_secret(name)]
    packed: str = _signer().dumps({"to": addresses.this_page(), "fields": fields})
    return packed


def _signer() -> URLSafeTimedSerializer:
    who = identity.person()  # at one merchant's desk: nothing is carried over to another's
    return signer(f"carried:{who.id}:{who.merchant_id}")

"""One's own passkeys: added, named, removed."""

from __future__ import annotations

import uuid

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField, SubmitField
from wtforms.validators import DataRequired, Length

from portal.clock import utc_now
from portal.domain.people.passkeys import LONGEST_NAME, MOST, PasskeyRefused
from portal.queries.people import passkeys as stored
from portal.queries.people.people import Kind
from portal.services.people import passkey_challenges, passkeys
from portal.services.people.passkey_ceremonies import Shown
from portal.web import identity
from portal.web import passkeys as asking
from portal.web.admin import bp, showing
from portal.web.csrf import BaseForm
from portal.web.formatting import formatter
from portal.web.identity import context, person
from portal.web.passkeys import PasskeyForm, Purpose
from portal.web.typed_text import one_line


class NameForm(BaseForm):
    """What one calls a passkey."""

    name = StringField(
        _l("Name of the passkey"),
        filters=[one_line],
        validators=[
            DataRequired(_l("Give the passkey a name.")),
            Length(max=LONGEST_NAME, message=_l("This name is too long.")),
        ],
    )
    submit = SubmitField(_l("Rename"))


class NewForm(NameForm, PasskeyForm):
    """A new passkey, and what one calls it."""

    submit = SubmitField(_l("Create the passkey"))


@bp.get("/account/passkeys", endpoint="account_passkeys")
def show() -> ResponseReturnValue:
    """List one's passkeys."""
    with context().db.read() as reading:
        rows = stored.all_of(reading, person().id)
        possible = asking.are_possible()
        return showing.page(
            "account_passkeys.html",
            reading,
            rows=rows,
            may_add=possible and len(rows) < MOST,
            are_possible=possible,
            elsewhere=asking.elsewhere(),
        )


@bp.route("/account/passkeys/new", methods=["GET", "POST"], endpoint="account_passkey_new")
def add() -> ResponseReturnValue:
    """Take a passkey that the browser makes."""
    if not asking.are_possible():
        return redirect(url_for(".account_passkeys"), 303)
    browser = identity.visitor(Kind.STAFF).browser
    form = NewForm(name=formatter().device(browser) if browser else "")
    if form.validate_on_submit():

        def act(shown: Shown) -> bool:
            passkeys.add(context(), person(), shown, form.name.data, now=utc_now())
            return True

        if asking.take(Purpose.MAKE, act, form):
            flash(_("The passkey is added: from now on it logs you in."), "success")
            return redirect(url_for(".account_passkeys"), 303)
    challenge = passkey_challenges.new()
    try:
        options = passkeys.begin(context(), person(), challenge)
    except PasskeyRefused as refused:
        flash(str(asking.REFUSED[refused.refusal]), "error")
        return redirect(url_for(".account_passkeys"), 303)
    form.passkey_challenge.data, form.passkey_answer.data = asking.sign(challenge, Purpose.MAKE), ""
    return showing.page("account_passkey_new.html", form=form, options=options), 422 if form.errors else 200


@bp.route("/account/passkeys/<uuid:passkey_id>", methods=["GET", "POST"], endpoint="account_passkey")
def change(passkey_id: uuid.UUID) -> ResponseReturnValue:
    """Show one passkey, and call it otherwise."""
    with context().db.read() as reading:
        row = stored.one_of(reading, person().id, passkey_id)
    form = NameForm(data={"name": row.name})
    if form.validate_on_submit():
        passkeys.rename(context(), person(), passkey_id, form.name.data, now=utc_now())
        flash(_("Saved."), "success")
        return redirect(url_for(".account_passkeys"), 303)
    return showing.page("account_passkey.html", form=form, passkey=row), 422 if form.errors else 200


@bp.post("/account/passkeys/<uuid:passkey_id>/removal", endpoint="account_passkey_removal")
def remove(passkey_id: uuid.UUID) -> ResponseReturnValue:
    """Let one passkey open nothing any more; the other sessions end."""
    passkeys.remove(context(), person(), passkey_id, now=utc_now())
    flash(_("The passkey is removed. You are logged out on every other browser."), "success")
    return redirect(url_for(".account_passkeys"), 303)

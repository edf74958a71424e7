"""One's own log-in at the desk: name and language, password, second factor, recovery codes, and for whom one works."""

from __future__ import annotations

import uuid

from flask import flash, redirect, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, SelectChoice, SelectField, StringField, SubmitField
from wtforms.validators import DataRequired, Length

from portal.clock import utc_now
from portal.queries.people import staff as stored
from portal.queries.people.people import Kind
from portal.services.people import own_login, staff_factors, staff_logins, staff_passwords
from portal.services.people.staff_passwords import WeakPassword
from portal.web import identity, labels, locale
from portal.web.admin import bp, showing
from portal.web.csrf import DESK_CHANGED, BaseForm
from portal.web.identity import context, person
from portal.web.login_fields import AppCodeForm
from portal.web.new_passwords import NewPasswordForm
from portal.web.typed_text import one_line


class AccountForm(BaseForm):
    """How one is called, and in which language one is written to."""

    name = StringField(
        _l("Your name"),
        filters=[one_line],
        validators=[DataRequired(_l("Enter your name.")), Length(max=140, message=_l("This name is too long."))],
    )
    language = SelectField(
        _l("Language of the desk and of our emails to you"),
        choices=[SelectChoice(code, word) for code, word in labels.LANGUAGE.items()],
    )
    submit = SubmitField(_l("Save"))


class PasswordForm(NewPasswordForm):
    """A new password, for somebody who has just given both factors."""

    submit = SubmitField(_l("Change the password"))


class FactorForm(AppCodeForm):
    """The first code of the new app; the secret is carried along, sealed."""

    carried = HiddenField()
    submit = SubmitField(_l("Use this app from now on"))


@bp.route("/account", methods=["GET", "POST"], endpoint="account")
def show() -> ResponseReturnValue:
    """Show one's own log-in, and change name and language."""
    who = person()
    form = AccountForm(data={"name": who.name, "language": who.locale})
    if form.validate_on_submit():
        own_login.rename(context(), who, name=form.name.data, language=form.language.data)
        locale.choose(form.language.data)  # this browser may wish another one
        flash(_("Saved."), "success")
        return redirect(url_for(".account"), 303)
    with context().db.read() as reading:
        left, desks = stored.recovery_codes_left(reading, who.id), stored.desks(reading, who.id)
        page = showing.page("account.html", reading, form=form, codes_left=left, desks=desks)
    return page, 422 if form.errors else 200


@bp.route("/account/password", methods=["GET", "POST"], endpoint="account_password")
def change_password() -> ResponseReturnValue:
    """Change one's password; the other sessions end."""
    form, who = PasswordForm(), person()
    if form.validate_on_submit():
        try:
            staff_passwords.change(context(), who, form.new_password.data, now=utc_now())
        except WeakPassword as refusal:
            form.refuse(refusal)
        else:
            flash(_("Your password is changed. You are logged out on every other browser."), "success")
            return redirect(url_for(".account"), 303)
    return showing.page("account_password.html", form=form), 422 if form.errors else 200


@bp.route("/account/factor", methods=["GET", "POST"], endpoint="account_factor")
def change_factor() -> ResponseReturnValue:
    """Change the app; the old one's codes and every recovery code end."""
    form, who = FactorForm(), person()
    secret, form.carried.data = own_login.new_factor(context(), who, form.carried.data or "")
    if form.validate_on_submit():
        codes = own_login.change_factor(context(), who, secret, form.code.data, now=utc_now())
        if codes is not None:
            return showing.page("account_codes.html", codes=codes)
        form.code.errors = [_("This code is wrong. Wait for the next one in your app and enter it.")]
    begun = {"secret": secret, "uri": staff_factors.uri(secret, who.email or "")}
    return showing.page("account_factor.html", form=form, begun=begun), 422 if form.errors else 200


@bp.post("/account/codes", endpoint="account_codes")
def renew_codes() -> ResponseReturnValue:
    """Replace the recovery codes and show the new ones, this once."""
    codes = own_login.renew_recovery_codes(context(), person(), now=utc_now())
    return showing.page("account_codes.html", codes=codes)


@bp.post("/account/desk/<uuid:merchant_id>", endpoint="desk_change")
def change_desk(merchant_id: uuid.UUID) -> ResponseReturnValue:
    """Go over to the desk of another merchant for whom one works."""
    token = staff_logins.change_desk(
        context(), person(), merchant_id, visitor=identity.visitor(Kind.STAFF), now=utc_now()
    )
    answer = identity.log_in(redirect(url_for(".inbox"), 303), Kind.STAFF, token)
    session[DESK_CHANGED] = True
    return answer

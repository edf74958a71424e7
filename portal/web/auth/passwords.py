"""A forgotten password at the desk: a mailed link and the second factor together set a new one."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField, SubmitField
from wtforms.validators import InputRequired, Length

from portal.clock import utc_now
from portal.domain.people.login_mails import LinkPurpose
from portal.services.people import staff_links, staff_passwords
from portal.services.people.staff_passwords import WeakPassword
from portal.web import identity, locale
from portal.web.auth import bp
from portal.web.auth.forms import UnlockForm
from portal.web.login_fields import LONGEST
from portal.web.new_passwords import NewPasswordForm


class ForgottenForm(NewPasswordForm):
    """A new password, and the second factor: the mailbox alone opens nothing."""

    code = StringField(
        _l("The code of your app, or a recovery code"),
        validators=[
            InputRequired(_l("Enter a code.")),
            Length(max=LONGEST, message=_l("This is too long for a code.")),
        ],
    )
    submit = SubmitField(_l("Set the new password"))


@bp.route("/admin/password", methods=["GET", "POST"])
def staff_password() -> ResponseReturnValue:
    """Send the link; the answer is the same whether the address is known or not."""
    form = UnlockForm()
    if form.validate_on_submit():
        leaves = staff_links.offer(
            identity.context(),
            form.email.data,
            LinkPurpose.PASSWORD,
            network=identity.network(),
            language=locale.chosen() or "",
            now=utc_now(),
        )
        flash(
            _("If this address is known here, you are about to receive an email: follow its link.")
            if leaves
            else _("If this address is known here, you already have our last email: follow its link."),
            "info",
        )
        return redirect(url_for(".staff_login"), 303)
    return render_template("auth/staff_password.html", form=form), 422 if form.errors else 200


@bp.route("/admin/password/link/<token>", methods=["GET", "POST"])
def staff_password_link(token: str) -> ResponseReturnValue:
    """Take a new password from whoever holds the link and the second factor."""
    if not staff_links.can_open(identity.context(), token, LinkPurpose.PASSWORD, now=utc_now()):
        return render_template("auth/link_over.html", again=url_for(".staff_password")), 410
    form = ForgottenForm()
    if form.validate_on_submit():
        try:
            if staff_passwords.set_anew(
                identity.context(), token, form.new_password.data, form.code.data, now=utc_now()
            ):
                flash(_("Your password is changed. You are logged out everywhere: log in with the new one."), "success")
                return redirect(url_for(".staff_login"), 303)
        except WeakPassword as refusal:
            form.refuse(refusal)
        else:
            form.code.errors = [_("This code is wrong or was already used. Wait for the next one and enter it.")]
    return render_template("auth/staff_password_link.html", form=form), 422 if form.errors else 200

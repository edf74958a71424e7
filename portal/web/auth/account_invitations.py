"""What the link of an invitation to a customer's account opens: a page with a button. Looking changes nothing."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField, SubmitField
from wtforms.validators import Length, Optional

from portal.clock import utc_now
from portal.domain.people.account_members import LONGEST_NAME, MemberState
from portal.domain.people.email_addresses import shown
from portal.services.people import account_invitations
from portal.web import identity
from portal.web.auth import bp
from portal.web.csrf import BaseForm
from portal.web.typed_text import one_line


class AcceptanceForm(BaseForm):
    """Somebody's word that they are in."""

    name = StringField(
        _l("Your name"),
        description=_l("The owners of the account see it beside what you do."),
        filters=[one_line],
        validators=[Optional(), Length(max=LONGEST_NAME, message=_l("This name is too long."))],
    )
    submit = SubmitField(_l("Accept the invitation"))


@bp.route("/account/<merchant_slug>/invitation/<token>", methods=["GET", "POST"])
def customer_invitation(token: str) -> ResponseReturnValue:
    """Show who invites to what, with a button; pressed, whoever reads the mailbox is in, once."""
    ctx, now = identity.context(), utc_now()
    seen = account_invitations.look(ctx, g.merchant.id, token, now=now)
    is_open = seen is not None and seen.state is MemberState.INVITED
    form = AcceptanceForm(name=seen.name if seen is not None else "")
    if is_open and form.validate_on_submit():
        email = account_invitations.accept(ctx, g.merchant.id, token, name=form.name.data or "", now=now)
        if email is not None:
            flash(_("You are in. Log in with %(email)s: a code goes there.", email=shown(email)), "success")
            return redirect(url_for(".customer_login"), 303)
    if seen is None or not is_open or (form.is_submitted() and not form.errors):
        is_done = seen is not None and seen.state is MemberState.ACTIVE
        return render_template("auth/customer_invitation_over.html", is_done=is_done), 410
    page = render_template("auth/customer_invitation.html", form=form, seen=seen)
    return page, 422 if form.errors else 200

"""What an invitation's link opens: name and password, then the second factor; or, for who works here already, a button.

Looking changes nothing, so that a mail scanner may look as often as it likes.
"""

from __future__ import annotations

from typing import Final

from flask import flash, g, make_response, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.exc import NoResultFound
from wtforms import StringField, SubmitField
from wtforms.validators import DataRequired, Length

from portal.clock import utc_now
from portal.domain.people.invitations import Door
from portal.queries.people.people import Kind
from portal.services.people import invitations, invited
from portal.services.people.invitations import Shown
from portal.services.people.staff_passwords import WeakPassword
from portal.web import identity
from portal.web.auth import bp
from portal.web.csrf import DESK_CHANGED, EmptyForm
from portal.web.labels import ROLE
from portal.web.login_fields import AppCodeForm
from portal.web.new_passwords import NewPasswordForm
from portal.web.typed_text import one_line

ENTERED: Final = (Door.NEW, Door.RENEWAL)


class InvitedForm(NewPasswordForm):
    """Who somebody is at the desk."""

    name = StringField(
        _l("Your name"),
        filters=[one_line],
        description=_l("Your team sees it beside what you do."),
        validators=[DataRequired(_l("Enter your name.")), Length(max=140, message=_l("This name is too long."))],
    )
    submit = SubmitField(_l("Continue"))


class RenewalForm(NewPasswordForm):
    """The new password of somebody who has lost theirs: their name stays."""

    submit = SubmitField(_l("Continue"))


class FactorForm(AppCodeForm):
    """The first code of a new second factor."""

    submit = SubmitField(_l("Continue"))


@bp.route("/admin/invitation/<token>", methods=["GET", "POST"])
def staff_invitation(token: str) -> ResponseReturnValue:
    """Show who invites to what, and take a name and a password, or the word of somebody who works here already."""
    seen = invitations.look(identity.context(), token, now=utc_now())
    if seen is None or seen.door is Door.OVER:
        return _over()
    if seen.door is Door.EARLY:
        return render_template("auth/staff_invitation_early.html", seen=seen)
    return _known(token, seen) if seen.door is Door.KNOWN else _entered(token, seen)


@bp.route("/admin/invitation/<token>/code", methods=["GET", "POST"])
def staff_invitation_factor(token: str) -> ResponseReturnValue:
    """Show the second factor to put into an app, and let in whoever types its code."""
    begun = invited.begun(identity.context(), token, now=utc_now())
    if begun is None:
        return redirect(url_for(".staff_invitation", token=token), 303)
    form = FactorForm()
    if form.validate_on_submit():
        try:
            entered = invited.enter(
                identity.context(), token, form.code.data, visitor=identity.visitor(Kind.STAFF), now=utc_now()
            )
        except NoResultFound:
            return _over()
        if entered is not None:
            answer = identity.log_in(make_response(), Kind.STAFF, entered.token)
            answer.set_data(render_template("auth/staff_recovery_codes.html", codes=entered.recovery_codes))
            return answer
        form.code.errors = [_("This code is wrong. Wait for the next one in your app and enter it.")]
    page = render_template("auth/staff_invitation_factor.html", form=form, begun=begun)
    return page, 422 if form.errors else 200


def _entered(token: str, seen: Shown) -> ResponseReturnValue:
    form = RenewalForm() if seen.door is Door.RENEWAL else InvitedForm(name=seen.name)
    if form.validate_on_submit():
        name = "" if seen.door is Door.RENEWAL else form.name.data
        try:
            invited.prepare(identity.context(), token, name=name, password=form.new_password.data, now=utc_now())
        except WeakPassword as refusal:
            form.refuse(refusal)
        except NoResultFound:
            return _over()
        else:
            return redirect(url_for(".staff_invitation_factor", token=token), 303)
    page = render_template("auth/staff_invitation.html", form=form, seen=seen, ROLE=ROLE)
    return page, 422 if form.errors else 200


def _known(token: str, seen: Shown) -> ResponseReturnValue:
    """Ask somebody who works here for another merchant to log in as ever, and then for their word."""
    person, form = g.person, EmptyForm()
    is_theirs = person is not None and person.kind is Kind.STAFF and person.id == seen.staff_id
    if is_theirs and form.validate_on_submit():
        try:
            opened = invited.accept(
                identity.context(), token, person, visitor=identity.visitor(Kind.STAFF), now=utc_now()
            )
        except NoResultFound:
            return _over()
        answer = identity.log_in(redirect(url_for("admin.inbox"), 303), Kind.STAFF, opened)
        session[DESK_CHANGED] = True
        flash(_("You now work for %(merchant)s, too.", merchant=seen.merchant), "success")
        return answer
    return render_template(
        "auth/staff_invitation_known.html",
        form=form,
        seen=seen,
        ROLE=ROLE,
        is_theirs=is_theirs,
        is_other=person is not None,
    )


def _over() -> ResponseReturnValue:
    return render_template("auth/staff_invitation_over.html"), 410

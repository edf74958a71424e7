"""The team: who works here, who is invited, and who may do what. Owners alone."""

from __future__ import annotations

import uuid

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import EmailField, RadioField, SelectChoice, SubmitField

from portal.clock import utc_now
from portal.domain.errors import NotAllowed
from portal.domain.policies import Role
from portal.queries.people import staff as stored
from portal.services.people import invitations
from portal.web import locale
from portal.web.admin import bp, showing
from portal.web.admin.team import team_words
from portal.web.csrf import BaseForm
from portal.web.identity import by, context, person
from portal.web.labels import ROLE
from portal.web.login_fields import EMAIL_RULES


class InvitationForm(BaseForm):
    """Whom to invite, as what."""

    email = EmailField(_l("Email address"), validators=EMAIL_RULES)
    role = RadioField(
        _l("Role"),
        choices=[SelectChoice(role.value, ROLE[role]) for role in team_words.ROLES],
        default=Role.SUPPORT.value,
    )
    submit = SubmitField(_l("Send the invitation"))


@bp.get("/team", endpoint="team")
def index() -> ResponseReturnValue:
    """Show the team, its open invitations, and the roles."""
    merchant_id, now = person().merchant_id, utc_now()
    with context().db.browse() as session:
        return showing.page(
            "team.html",
            session,
            team=stored.team(session, merchant_id),
            invitations=stored.invitations(session, merchant_id, now=now),
            **team_words.SHOWN,
        )


@bp.route("/team/new", methods=["GET", "POST"], endpoint="team_invitation")
def invite() -> ResponseReturnValue:
    """Invite somebody, in place of an invitation that their address already has."""
    form = InvitationForm()
    if form.validate_on_submit():
        try:
            invitations.invite(
                context(),
                person().merchant_id,
                form.email.data,
                Role(form.role.data),
                by=by(),
                by_name=person().name,
                language=locale.current(),
                now=utc_now(),
            )
        except NotAllowed:
            form.email.errors = [_("Somebody with this address is in the team already.")]
        else:
            flash(_("The invitation to %(email)s is on its way.", email=form.email.data.strip()), "success")
            return redirect(url_for(".team"), 303)
    page = showing.page("team_invitation.html", form=form, **team_words.SHOWN)
    return page, 422 if form.errors else 200


@bp.post("/team/invitations/<uuid:invitation_id>/again", endpoint="invitation_again")
def send_again(invitation_id: uuid.UUID) -> ResponseReturnValue:
    """Send an invitation once more; its old link opens nothing any more."""
    who = person()
    invitations.send_again(context(), who.merchant_id, invitation_id, by=by(), by_name=who.name, now=utc_now())
    flash(_("The invitation is on its way again, with a new link. The old link no longer works."), "success")
    return redirect(url_for(".team"), 303)


@bp.post("/team/invitations/<uuid:invitation_id>/withdrawal", endpoint="invitation_withdrawal")
def withdraw(invitation_id: uuid.UUID) -> ResponseReturnValue:
    """Take an invitation or a renewal back."""
    invitations.withdraw(context(), person().merchant_id, invitation_id, by=by(), now=utc_now())
    flash(_("Withdrawn: the link no longer works."), "success")
    return redirect(url_for(".team"), 303)

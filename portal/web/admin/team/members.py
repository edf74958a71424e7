"""One member of the team: role, sessions, a lost access, suspension, leaving. Owners alone."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy.exc import NoResultFound
from wtforms import RadioField, SelectChoice, SubmitField

from portal.clock import utc_now
from portal.domain.errors import NotAllowed
from portal.domain.policies import Role
from portal.queries.people import staff as stored
from portal.services.people import invitations, memberships
from portal.web.admin import bp, showing
from portal.web.admin.team import team_words
from portal.web.csrf import BaseForm
from portal.web.formatting import formatter
from portal.web.identity import by, context, person
from portal.web.labels import ROLE


class RoleForm(BaseForm):
    """What a member may do."""

    role = RadioField(_l("Role"), choices=[SelectChoice(role.value, ROLE[role]) for role in team_words.ROLES])
    submit = SubmitField(_l("Change the role"))


@bp.route("/team/<uuid:staff_id>", methods=["GET", "POST"], endpoint="team_member")
def show(staff_id: uuid.UUID) -> ResponseReturnValue:
    """Show a member, and give them another role."""
    member = _member(staff_id)
    form = RoleForm(data={"role": member.role.value})
    if form.validate_on_submit():
        try:
            role = Role(form.role.data)
            memberships.change_role(context(), person().merchant_id, staff_id, role, by=by(), now=utc_now())
        except NotAllowed:
            form.role.errors = [last_owner()]
        else:
            flash(_("%(name)s is now: %(role)s.", name=member.name, role=ROLE[role]), "success")
            return _after(staff_id)
    page = showing.page("member.html", form=form, member=member, **team_words.SHOWN)
    return page, 422 if form.errors else 200


@bp.post("/team/<uuid:staff_id>/sessions/end", endpoint="team_member_sessions_end")
def end_sessions(staff_id: uuid.UUID) -> ResponseReturnValue:
    """Log a member out at this desk, everywhere."""
    count = memberships.end_sessions(context(), person().merchant_id, staff_id, by=by(), now=utc_now())
    flash(ngettext("%(num)d session has ended.", "%(num)d sessions have ended.", count), "success")
    return redirect(url_for(".team_member", staff_id=staff_id), 303)


@bp.post("/team/<uuid:staff_id>/renewal", endpoint="team_member_renewal")
def renew(staff_id: uuid.UUID) -> ResponseReturnValue:
    """Let somebody who has lost everything choose both factors anew, tomorrow."""
    member, who = _member(staff_id), person()
    at = invitations.renew(context(), who.merchant_id, staff_id, by=by(), by_name=who.name, now=utc_now())
    flash(
        _(
            "%(name)s is told now, and receives the link on %(date)s. A log-in before then stops it.",
            name=member.name,
            date=formatter().short(at),
        ),
        "success",
    )
    return redirect(url_for(".team"), 303)


@bp.post("/team/<uuid:staff_id>/suspension", endpoint="team_member_suspension")
def suspend(staff_id: uuid.UUID) -> ResponseReturnValue:
    """Keep a member out until it is lifted."""
    return _leave(staff_id, memberships.disable, _("%(name)s can no longer come in."))


@bp.post("/team/<uuid:staff_id>/reinstatement", endpoint="team_member_reinstatement")
def reinstate(staff_id: uuid.UUID) -> ResponseReturnValue:
    """Let a suspended member in again."""
    return _leave(staff_id, memberships.enable, _("%(name)s can come in again."))


@bp.post("/team/<uuid:staff_id>/removal", endpoint="team_member_removal")
def remove(staff_id: uuid.UUID) -> ResponseReturnValue:
    """Take a member out of the team."""
    return _leave(staff_id, memberships.remove, _("%(name)s is no longer in the team."))


def last_owner() -> str:
    """Say why an owner has to stay, and the way on."""
    return _("This is the only owner who can come in: make somebody else an owner first.")


def _leave(staff_id: uuid.UUID, act: Callable[..., None], said: str) -> ResponseReturnValue:
    name = _member(staff_id).name
    try:
        act(context(), person().merchant_id, staff_id, by=by(), now=utc_now())
    except NotAllowed:
        flash(last_owner(), "stop")
        return redirect(url_for(".team_member", staff_id=staff_id), 303)
    flash(said % {"name": name}, "success")
    return _after(staff_id)


def _after(staff_id: uuid.UUID) -> ResponseReturnValue:
    """Lead to the team, or whoever has changed themselves to where they may still be."""
    return redirect(url_for(".account" if staff_id == person().id else ".team"), 303)


def _member(staff_id: uuid.UUID) -> stored.Member:
    """Return the merchant's member; raise NoResultFound for anybody else."""
    with context().db.read() as session:
        team = stored.team(session, person().merchant_id)
    found = next((one for one in team if one.id == staff_id), None)
    if found is None:
        raise NoResultFound
    return found

"""The people of the account, for its owners: who is in it, who is invited, and what each may do."""

from __future__ import annotations

import uuid
from typing import Final

from flask import abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import EmailField, RadioField, SelectChoice, StringField, SubmitField
from wtforms.validators import Length, Optional

from portal.clock import utc_now
from portal.domain.errors import Denial, NotAllowed
from portal.domain.people.account_members import LONGEST_NAME, MOST, MemberRole
from portal.domain.people.email_addresses import shown
from portal.queries.people import account_members as stored
from portal.queries.people import customers
from portal.queries.people.people import Kind
from portal.services.people import account_invitations, account_members
from portal.services.people.account_invitations import Wish
from portal.services.people.acting import by_person
from portal.web import identity, locale
from portal.web.csrf import BaseForm
from portal.web.customer import bp
from portal.web.errors import DENIALS
from portal.web.identity import context, person
from portal.web.labels import MEMBER_ROLE, MEMBER_STATE
from portal.web.login_fields import EMAIL_RULES
from portal.web.typed_text import one_line

HINTS: Final[dict[str, LazyString]] = {
    MemberRole.READER.value: _l("Sees contracts, access and payments, and changes nothing."),
    MemberRole.OWNER.value: _l("Sees everything too, can cancel and pay, and invites others."),
}
# What the form says beside the address; whoever is no owner any more is told so by the page of every refusal.
OF_THE_ADDRESS: Final = frozenset({Denial.ON_FILE_ALREADY, Denial.IN_THE_ACCOUNT, Denial.ACCOUNT_FULL})


class InvitationForm(BaseForm):
    """Whom to let in, as what."""

    email = EmailField(_l("Email address"), filters=[one_line], validators=EMAIL_RULES)
    name = StringField(
        _l("Name"),
        filters=[one_line],
        validators=[Optional(), Length(max=LONGEST_NAME, message=_l("This name is too long."))],
    )
    role = RadioField(
        _l("Role"),
        choices=[SelectChoice(role.value, MEMBER_ROLE[role]) for role in (MemberRole.READER, MemberRole.OWNER)],
        default=MemberRole.READER.value,
    )
    submit = SubmitField(_l("Send the invitation"))


@bp.route("/profile/people", methods=["GET", "POST"], endpoint="account_members")
def people() -> ResponseReturnValue:
    """Show them; invite somebody. Whether the address is known at the merchant's is not said."""
    form = InvitationForm()
    if form.validate_on_submit() and _invite(form):
        flash(_("The invitation to %(email)s is on its way.", email=form.email.data), "success")
        return _back()
    who, now = person(), utc_now()
    with context().db.read() as session:
        customer = customers.of_merchant(session, who.merchant_id, who.id)
        members = stored.of_customer(session, who.id)
        seen = stored.last_seen(session, who.id)
    page = render_template(
        "customer/account_members.html",
        form=form,
        hints=HINTS,
        holder=customer,
        members=[(one, one.state(now), seen.get(one.id)) for one in members],
        own_id=who.member.id if who.member is not None else None,
        is_full=len(members) >= MOST,
        MEMBER_ROLE=MEMBER_ROLE,
        MEMBER_STATE=MEMBER_STATE,
    )
    return page, 422 if form.errors else 200


@bp.post("/profile/people/<uuid:member_id>/again", endpoint="account_member_again")
def again(member_id: uuid.UUID) -> ResponseReturnValue:
    """Send an invitation once more; its old link opens nothing any more."""
    who = person()
    sent = account_invitations.send_again(
        context(), who.merchant_id, who.id, member_id, by=by_person(who), now=utc_now()
    )
    if sent is None:
        flash(_("The invitation was accepted in the meantime."), "info")
    else:
        flash(_("The invitation is on its way again, with a new link. The old link no longer works."), "success")
    return _back()


@bp.post("/profile/people/<uuid:member_id>/role", endpoint="account_member_role")
def change_role(member_id: uuid.UUID) -> ResponseReturnValue:
    """Give one the other role. It holds from their next click on."""
    if request.form.get("role") not in set(MemberRole):
        abort(422)
    who, role = person(), MemberRole(request.form["role"])
    changed = account_members.change_role(
        context(), who.merchant_id, who.id, member_id, role, by=by_person(who), now=utc_now()
    )
    flash(_("Saved.") if changed else _("Nothing was changed."), "success" if changed else "info")
    return _back()


@bp.post("/profile/people/<uuid:member_id>/removal", endpoint="account_member_removal")
def remove(member_id: uuid.UUID) -> ResponseReturnValue:
    """Take one out, or an invitation back."""
    who = person()
    gone = account_members.remove(context(), who.merchant_id, who.id, member_id, by=by_person(who), now=utc_now())
    flash(said_of_removal(gone.email, was_in=gone.accepted_at is not None), "success")
    return _back()


@bp.post("/profile/leaving", endpoint="account_leaving")
def leave() -> ResponseReturnValue:
    """Let somebody leave the account of another one by themselves."""
    account_members.leave(context(), person(), now=utc_now())
    response = identity.log_out(redirect(url_for("auth.customer_login"), 303), Kind.CUSTOMER)
    flash(_("You no longer have access to this account."), "success")
    return response


def said_of_removal(email: str, *, was_in: bool) -> str:
    """Return what a removal came to."""
    if was_in:
        return _("%(email)s no longer has access, and is logged out.", email=shown(email))
    return _("The invitation to %(email)s is withdrawn: its link no longer works.", email=shown(email))


def _invite(form: InvitationForm) -> bool:
    who = person()
    wish = Wish(
        email=form.email.data,
        name=form.name.data or "",
        role=MemberRole(form.role.data),
        language=locale.current(),
    )
    try:
        account_invitations.invite(context(), who.merchant_id, who.id, wish, by=by_person(who), now=utc_now())
    except NotAllowed as refusal:
        if refusal.denial not in OF_THE_ADDRESS:
            raise
        said = str(DENIALS[refusal.denial])
        if refusal.denial is Denial.ACCOUNT_FULL:  # nothing is wrong with the address, and the form may be gone
            form.form_errors.append(said)
        else:
            form.email.errors = [said]
        return False
    return True


def _back() -> ResponseReturnValue:
    return redirect(url_for(".account_members", merchant_slug=g.merchant.slug), 303)

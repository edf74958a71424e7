"""Two merged customers at the desk: what separating them again would do, then the act."""

from __future__ import annotations

import uuid

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.exc import NoResultFound

from portal.clock import utc_now
from portal.domain.people.email_addresses import shown
from portal.services.people import customer_splitting
from portal.services.people.customer_addresses import AddressTaken
from portal.services.people.customer_splitting import Preview
from portal.web.admin import bp, presenting, showing
from portal.web.csrf import EmptyForm
from portal.web.identity import by, context, person


@bp.route(
    "/customers/<uuid:customer_id>/splitting/<uuid:joining_id>", methods=["GET", "POST"], endpoint="customer_splitting"
)
def split(customer_id: uuid.UUID, joining_id: uuid.UUID) -> ResponseReturnValue:
    """Say what goes where, then do it; an address that is another's by now is said on the page."""
    form, merchant_id = EmptyForm(), person().merchant_id
    if form.validate_on_submit():
        try:
            other_id = customer_splitting.split(context(), merchant_id, customer_id, joining_id, by=by(), now=utc_now())
        except AddressTaken:
            pass  # the page names who has it
        else:
            _say(other_id)
            return redirect(url_for(".customer", customer_id=customer_id), 303)
    with context().db.read() as session:
        seen = customer_splitting.look(session, merchant_id, customer_id, joining_id)
    if seen.joining.customer_id != customer_id:
        raise NoResultFound
    return _page(form, seen), 422 if form.is_submitted() else 200


def _say(other_id: uuid.UUID | None) -> None:
    if other_id is None:
        flash(_("They are separated already."), "info")
    else:
        flash(_("They are two customers again. Both are told by email."), "success")


def _page(form: EmptyForm, seen: Preview) -> str:
    former, taken_by = seen.joining.former, seen.taken_by
    names = {
        "other_name": presenting.customer_name(former["name"], shown(former["email"])),
        "kept_name": presenting.name_of(seen.kept),
    }
    return showing.page(
        "customer_splitting.html",
        form=form,
        seen=seen,
        taken_by=taken_by,
        taken_by_name=presenting.name_of(taken_by) if taken_by is not None else "",
        goes=_goes(seen),
        stays=_stays(seen),
        changes=_changes(seen),
        **names,
    )


def _goes(seen: Preview) -> list[str]:
    counts, former = seen.counts, seen.joining.former
    lines = [_("The address %(address)s.", address=shown(seen.email))]
    if former["payer_id"] is not None and seen.payer_with is None:
        lines.append(_("The PayPal account %(number)s.", number=former["payer_id"]))
    if former.get("external_id") and seen.named_so is None:
        lines.append(_("The ID in your systems: %(id)s.", id=former["external_id"]))
    if counts["grants"]:
        lines.append(ngettext("Access given by hand: %(num)s.", "Access given by hand: %(num)s.", counts["grants"]))
    if counts["customer_notes"]:
        lines.append(ngettext("%(num)s note of the team.", "%(num)s notes of the team.", counts["customer_notes"]))
    if counts["mails"]:
        lines.append(ngettext("%(num)s email in their list.", "%(num)s emails in their list.", counts["mails"]))
    return lines


def _stays(seen: Preview) -> list[str]:
    lines = [
        _("Everything that was theirs before, and what has been added since: notes, access given by hand, emails.")
    ]
    if seen.payer_with is not None:
        name = presenting.name_of(seen.payer_with)
        lines.append(_("The other PayPal account belongs to %(name)s by now, and stays there.", name=name))
    if seen.named_so is not None:
        name = presenting.name_of(seen.named_so)
        lines.append(_("The other ID in your systems belongs to %(name)s by now, and stays there.", name=name))
    if not seen.kept.contact_allowed:
        lines.append(_("They are still not contacted about coming back."))
    return lines


def _changes(seen: Preview) -> list[str]:
    lines = [_("Whoever is logged in as one of the two has to log in again.")]
    if seen.is_shared:
        return [
            *lines,
            _(
                "Both have the address %(address)s: when logging in, the customer chooses which one to see. "
                "An email says so.",
                address=shown(seen.email),
            ),
        ]
    return [*lines, _("Both addresses are told by email.")]

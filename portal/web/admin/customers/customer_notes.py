"""The team's notes about a customer: written on the record, deleted by their author or an owner."""

from __future__ import annotations

import uuid

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain.errors import Denial, NotAllowed
from portal.queries.people import customer_notes as queries
from portal.services.people import customer_notes
from portal.web.admin import bp, showing
from portal.web.admin.customers import customers
from portal.web.csrf import EmptyForm
from portal.web.identity import by, context, person


@bp.post("/customers/<uuid:customer_id>/notes", endpoint="customer_notes")
def write(customer_id: uuid.UUID) -> ResponseReturnValue:
    """Keep a note; without a word, the record asks for one."""
    form = customers.NoteForm()
    if not form.validate_on_submit():
        return customers.page(customer_id, form), 422
    customer_notes.write(context(), person().merchant_id, customer_id, form.text.data or "", by=by(), now=utc_now())
    flash(_("Noted. Only your team sees it."), "success")
    return _back(customer_id)


@bp.route(
    "/customers/<uuid:customer_id>/notes/<uuid:note_id>/deletion",
    methods=["GET", "POST"],
    endpoint="customer_note_deletion",
)
def delete(customer_id: uuid.UUID, note_id: uuid.UUID) -> ResponseReturnValue:
    """Show the note once more, then delete it for good."""
    form, who = EmptyForm(), person()
    with context().db.read() as session:
        note = queries.of_customer(session, who.merchant_id, customer_id, note_id)
    if not customer_notes.may_delete(note.author_id, by_id=who.id, role=who.role):
        raise NotAllowed(Denial.ROLE_TOO_LOW)
    if form.validate_on_submit():
        customer_notes.delete(context(), who.merchant_id, customer_id, note_id, by=by(), role=who.role, now=utc_now())
        flash(_("The note is deleted."), "success")
        return _back(customer_id)
    return showing.page("customer_note.html", form=form, note=note), 422 if form.errors else 200


def _back(customer_id: uuid.UUID) -> ResponseReturnValue:
    return redirect(url_for(".customer", customer_id=customer_id, _anchor="notes"), 303)

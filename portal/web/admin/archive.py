"""What is kept as proof: an archive once its customer is erased, opened on a stated occasion; a file for a court.

The archive is not for everybody at the desk (law.md R-GD-3).  Who opens it says why, which the audit log keeps, and it
is open to them for an hour.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from wtforms import RadioField, SubmitField
from wtforms.validators import InputRequired

from portal.clock import utc_now
from portal.domain.ends.duties import Duty, may
from portal.domain.errors import Denial, NotAllowed
from portal.domain.law.court_files import Occasion
from portal.queries import audit
from portal.queries.ends import end_requests
from portal.queries.law import proofs
from portal.queries.people import customers
from portal.services import court_files
from portal.web import addresses
from portal.web.admin import bp, showing
from portal.web.admin.forms import choices
from portal.web.csrf import BaseForm
from portal.web.files import handed_over
from portal.web.identity import by, context, person

if TYPE_CHECKING:
    from portal.models import Customer

OPEN_FOR: Final = timedelta(hours=1)
OCCASION: Final[Mapping[Occasion, LazyString]] = {
    Occasion.COURT: _l("A court asks for it, or is to be asked"),
    Occasion.MEDIATION: _l("A mediation, or a dispute at PayPal or at a bank"),
    Occasion.AUTHORITY: _l("An authority asks for it"),
    Occasion.CUSTOMER: _l("The customer asks for it"),
    Occasion.CLAIM: _l("A claim of ours, before a court is asked"),
}


class OccasionForm(BaseForm):
    """Why somebody opens or takes what is kept as proof."""

    occasion = RadioField(
        _l("On which occasion?"),
        choices=choices(OCCASION),
        validators=[InputRequired(_l("Choose the occasion."))],
    )
    submit = SubmitField(_l("Continue"))


def check(session: Session, customer: Customer) -> None:
    """Let through whoever may see what is kept of the customer: an archive, where they are erased.

    Raises NotAllowed where this person's role does not include it; leads to the occasion where it was not stated yet.
    """
    if customer.erased_at is None:
        return
    who = person()
    if not may(who.role, Duty.ARCHIVE):
        raise NotAllowed(Denial.ROLE_TOO_LOW)
    if not audit.has_opened(session, customer.merchant_id, customer.id, who.id, since=utc_now() - OPEN_FOR):
        abort(redirect(url_for("admin.archive", customer_id=customer.id, next=request.path), 303))


@bp.route("/customers/<uuid:customer_id>/archive", methods=["GET", "POST"], endpoint="archive")
def open_archive(customer_id: uuid.UUID) -> ResponseReturnValue:
    """Ask for the occasion, and open what is kept of an erased customer to who asks."""
    with context().db.read() as session:
        customer = customers.of_merchant(session, person().merchant_id, customer_id)
    if customer.erased_at is None:
        return redirect(url_for(".customer", customer_id=customer_id), 303)
    form = OccasionForm()
    if form.validate_on_submit():
        about = person().merchant_id, customer_id
        court_files.note_opening(context(), *about, Occasion(form.occasion.data), by=by(), now=utc_now())
        wanted = addresses.safe_path(request.args.get("next"), under="/admin/")
        return redirect(wanted or url_for(".customer", customer_id=customer_id), 303)
    return showing.page("archive.html", form=form, customer_id=customer_id), 422 if form.errors else 200


@bp.route("/requests/<uuid:request_id>/court-file", methods=["GET", "POST"], endpoint="court_file")
def court_file(request_id: uuid.UUID) -> ResponseReturnValue:
    """Say what the file for a court holds, and hand it over; that is in the audit log."""
    merchant_id = person().merchant_id
    with context().db.read() as session:
        proofs.of_merchant(session, merchant_id, request_id)
        ended = end_requests.of_merchant(session, merchant_id, request_id)
        check(session, ended.subscription.customer)
    form = OccasionForm()
    if form.validate_on_submit():
        occasion = Occasion(form.occasion.data)
        return handed_over(court_files.export(context(), merchant_id, request_id, occasion, by=by(), now=utc_now()))
    return showing.page("court_file.html", form=form, ended=ended), 422 if form.errors else 200

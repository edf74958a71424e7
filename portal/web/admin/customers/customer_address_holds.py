"""A change of address that its former mailbox contests: staff keep the address, or give the former one back."""

from __future__ import annotations

import uuid

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.exc import NoResultFound
from wtforms import RadioField, SelectChoice, SubmitField
from wtforms.validators import InputRequired

from portal.clock import utc_now
from portal.domain.people.address_holds import HoldOutcome
from portal.queries.people import address_holds as stored
from portal.queries.people import customers
from portal.services.people import address_holds
from portal.web.admin import bp, presenting, showing
from portal.web.csrf import BaseForm
from portal.web.identity import by, context, person


class DecisionForm(BaseForm):
    """What staff decide; nothing is chosen beforehand."""

    outcome = RadioField(
        _l("What is right?"),
        choices=[
            SelectChoice(HoldOutcome.KEPT.value, _l("Keep the address as it is now")),
            SelectChoice(HoldOutcome.RESTORED.value, _l("Restore the former address")),
        ],
        validators=[InputRequired(_l("Choose one of the two."))],
    )
    submit = SubmitField(_l("Decide and email both addresses"))


@bp.route(
    "/customers/<uuid:customer_id>/address/holds/<uuid:hold_id>",
    methods=["GET", "POST"],
    endpoint="customer_address_hold",
)
def decide(customer_id: uuid.UUID, hold_id: uuid.UUID) -> ResponseReturnValue:
    """Say what each answer does; then do it."""
    merchant_id, form = person().merchant_id, DecisionForm()
    with context().db.read() as session:
        found = customers.of_merchant(session, merchant_id, customer_id)
        hold = stored.of_merchant(session, merchant_id, hold_id)
    if hold.customer_id != found.id:
        raise NoResultFound
    back = url_for(".customer", customer_id=customer_id)
    if hold.outcome is not None:
        flash(
            _("This was decided on %(date)s by %(name)s.", date=presenting.short(hold.decided_at), name=hold.decided_by)
        )
        return redirect(back, 303)
    if form.validate_on_submit():
        outcome = HoldOutcome(form.outcome.data)
        if address_holds.decide(context(), merchant_id, hold_id, outcome, by=by(), now=utc_now()):
            flash(_("Decided. Both addresses are told."), "success")
        return redirect(back, 303)
    page = showing.page(
        "customer_address_hold.html",
        form=form,
        customer=found,
        customer_name=presenting.customer_name(found.name, found.email),
        hold=hold,
    )
    return page, 422 if form.errors else 200

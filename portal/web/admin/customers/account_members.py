"""The people of a customer's account, at the desk: seen on the record, and removed; invited by the customer alone."""

from __future__ import annotations

import uuid

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.queries.people import account_members as queries
from portal.queries.people import customers
from portal.services.people import account_members
from portal.web.admin import bp, presenting, showing
from portal.web.csrf import EmptyForm
from portal.web.identity import by, context, person
from portal.web.labels import MEMBER_ROLE


@bp.route(
    "/customers/<uuid:customer_id>/people/<uuid:member_id>/removal",
    methods=["GET", "POST"],
    endpoint="account_member_removal",
)
def remove(customer_id: uuid.UUID, member_id: uuid.UUID) -> ResponseReturnValue:
    """Say what it changes, then take one out of the account, or an invitation back."""
    form, who = EmptyForm(), person()
    with context().db.read() as session:
        customer = customers.of_merchant(session, who.merchant_id, customer_id)
        member = queries.of_id(session, customer.id, member_id)
    if form.validate_on_submit():
        account_members.remove(context(), who.merchant_id, customer_id, member_id, by=by(), now=utc_now())
        flash(_("Removed from the account, and logged out there."), "success")
        return redirect(url_for(".customer", customer_id=customer_id, _anchor="identity"), 303)
    page = showing.page(
        "account_member.html",
        form=form,
        member=member,
        customer=customer,
        customer_name=presenting.name_of(customer),
        MEMBER_ROLE=MEMBER_ROLE,
    )
    return page, 422 if form.errors else 200

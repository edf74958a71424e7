"""A customer's address at the desk: PayPal's newer one taken over or not, and two of one address joined."""

from __future__ import annotations

import uuid

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.exc import NoResultFound

from portal.clock import utc_now
from portal.queries.people import customers
from portal.services.people import customer_addresses, customer_joining
from portal.web.admin import bp, presenting, showing
from portal.web.csrf import EmptyForm
from portal.web.identity import by, context, person


@bp.post("/customers/<uuid:customer_id>/address", endpoint="customer_address")
def take_over(customer_id: uuid.UUID) -> ResponseReturnValue:
    """Take over the address that PayPal names, as it stood on the page."""
    merchant_id, email = person().merchant_id, request.form.get("email", "")
    try:
        done = customer_addresses.take_over(context(), merchant_id, customer_id, email, by=by(), now=utc_now())
    except customer_addresses.AddressTaken:
        flash(_("Another customer has this address by now. If they are the same person, say so below."), "warning")
        return _back(customer_id)
    flash(
        _("The address is changed. An email goes to both addresses.") if done else _gone(),
        "success" if done else "info",
    )
    return _back(customer_id)


@bp.post("/customers/<uuid:customer_id>/address/refusal", endpoint="customer_address_refusal")
def decline(customer_id: uuid.UUID) -> ResponseReturnValue:
    """Keep the address that is known."""
    merchant_id, email = person().merchant_id, request.form.get("email", "")
    done = customer_addresses.decline(context(), merchant_id, customer_id, email, by=by(), now=utc_now())
    flash(_("The address stays as it is.") if done else _gone(), "success" if done else "info")
    return _back(customer_id)


@bp.route("/customers/<uuid:customer_id>/joining/<uuid:other_id>", methods=["GET", "POST"], endpoint="customer_joining")
def join(customer_id: uuid.UUID, other_id: uuid.UUID) -> ResponseReturnValue:
    """Say what joining two customers of one address does, then do it."""
    form, merchant_id = EmptyForm(), person().merchant_id
    with context().db.read() as session:
        kept, other = (customers.of_merchant(session, merchant_id, one) for one in (customer_id, other_id))
        moved = customers.products_of(session, [other.id])
    if kept.id == other.id or kept.email is None or kept.email != other.email:
        raise NoResultFound
    if form.validate_on_submit():
        done = customer_joining.join(context(), merchant_id, customer_id, other_id, by=by(), now=utc_now())
        if done:
            flash(_("The two customers are now one."), "success")
        else:
            flash(_("Both are subscribing to the same product again: wait until that is done."), "info")
        return _back(customer_id)
    names = [presenting.name_of(one) for one in (kept, other)]
    page = showing.page("customer_joining.html", form=form, kept=kept, other=other, names=names, moved=moved)
    return page, 422 if form.errors else 200


def _gone() -> str:
    return str(_("PayPal now gives a different address, or somebody has answered in the meantime."))


def _back(customer_id: uuid.UUID) -> ResponseReturnValue:
    return redirect(url_for(".customer", customer_id=customer_id), 303)

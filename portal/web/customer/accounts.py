"""Which customer somebody is, where several have the same address: chosen after the log-in, until staff join them."""

from __future__ import annotations

from flask import abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain import email_addresses
from portal.queries.people import customers
from portal.queries.people.people import Kind
from portal.services.people import sessions
from portal.web import addresses, identity
from portal.web.customer import bp
from portal.web.typed_text import as_id


@bp.get("/accounts")
def accounts() -> ResponseReturnValue:
    """Show every customer of the address with their subscriptions, and a button for each."""
    who = identity.person()
    with identity.context().db.read() as session:
        same = customers.of_address(session, who.merchant_id, who.email)
        found = [one for one in same if who.proves_address or one.id == who.id]
        owned = customers.products_of(session, [one.id for one in found])
    rows = [
        {
            "id": one.id,
            "is_present": one.id == who.id,
            "name": one.name or email_addresses.shown(one.email or ""),
            "subscriptions": [f"{product} ({number})" for owner, product, number in owned if owner == one.id],
        }
        for one in found
    ]
    there = addresses.safe_path(request.args.get("next"), under=f"/account/{g.merchant.slug}/")
    return render_template("customer/accounts.html", rows=rows, next=there or url_for(".subscriptions"))


@bp.post("/accounts/choice")
def account_choice() -> ResponseReturnValue:
    """Go on as the one who was chosen; 404 for whoever has another address."""
    chosen = as_id(request.form.get("customer")) or abort(404)
    visitor = identity.visitor(Kind.CUSTOMER)
    token = sessions.switch(identity.context(), identity.person(), chosen, visitor=visitor, now=utc_now())
    flash(_("Here are the subscriptions you chose."), "success")
    return identity.log_in(redirect(url_for(".subscriptions"), 303), Kind.CUSTOMER, token)

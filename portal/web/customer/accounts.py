"""Which account somebody sees, where their address opens several: chosen after the log-in, and changed at any time.

Several customers may have one address until staff join them, and others may have let it into their accounts.
"""

from __future__ import annotations

from flask import abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain.people import email_addresses
from portal.queries.people import account_members, customers
from portal.queries.people.people import Kind
from portal.services.people import sessions
from portal.web import addresses, identity
from portal.web.customer import bp
from portal.web.labels import MEMBER_ROLE
from portal.web.typed_text import as_id


@bp.get("/accounts")
def accounts() -> ResponseReturnValue:
    """Show every customer of the address with their subscriptions, and a button for each."""
    who = identity.person()
    if not who.proves_address:
        return redirect(url_for(".subscriptions"), 303)
    with identity.context().db.read() as session:
        found = account_members.spaces(session, who.merchant_id, who.own_email)
        owned = customers.products_of(session, [one.customer.id for one in found])
    rows = [
        {
            "id": one.customer.id,
            "is_present": one.customer.id == who.id,
            "name": one.customer.name or email_addresses.shown(one.customer.email or ""),
            "role": MEMBER_ROLE[one.member.role] if one.member is not None else "",
            "subscriptions": [f"{product} ({number})" for owner, product, number in owned if owner == one.customer.id],
        }
        for one in found
    ]
    there = addresses.safe_path(request.args.get("next"), under=f"/account/{g.merchant.slug}/")
    return render_template("customer/accounts.html", rows=rows, next=there or url_for(".subscriptions"))


@bp.post("/accounts/choice")
def account_choice() -> ResponseReturnValue:
    """Go on as the one who was chosen; 404 for whoever's address does not open that one."""
    chosen = as_id(request.form.get("customer")) or abort(404)
    visitor = identity.visitor(Kind.CUSTOMER)
    token = sessions.switch(identity.context(), identity.person(), chosen, visitor=visitor, now=utc_now())
    flash(_("Here is what you chose."), "success")
    return identity.log_in(redirect(url_for(".subscriptions"), 303), Kind.CUSTOMER, token)

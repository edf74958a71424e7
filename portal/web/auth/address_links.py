"""The link that a new address gets: a page with a button, and only pressing it makes the address the customer's."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain.address_changes import AddressOutcome
from portal.domain.email_addresses import masked
from portal.services.people import address_changes
from portal.web import identity
from portal.web.auth import bp
from portal.web.csrf import EmptyForm


@bp.route("/account/<merchant_slug>/address/<token>", methods=["GET", "POST"])
def customer_address(token: str) -> ResponseReturnValue:
    """Show the button; pressed, the address is confirmed, once. Whoever reads the mailbox need not be logged in."""
    ctx, form, now = identity.context(), EmptyForm(), utc_now()
    if form.validate_on_submit() and address_changes.confirm(ctx, g.merchant.id, token, now=now):
        flash(_("This address is confirmed. Log in with it from now on."), "success")
        return redirect(url_for(".customer_login"), 303)
    change = address_changes.of_link(ctx, g.merchant.id, token)
    if change is None or not change.is_live(now):
        is_done = change is not None and change.outcome is AddressOutcome.CONFIRMED
        return render_template("auth/address_link_over.html", is_done=is_done), 410
    page = render_template("auth/address_link.html", form=form, address=masked(change.email))
    return page, 422 if form.errors else 200

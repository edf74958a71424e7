"""The links that addresses get: the new one's confirms it, the former one's holds the change; each by a button."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain.people.address_changes import AddressOutcome
from portal.domain.people.address_holds import HoldState
from portal.domain.people.email_addresses import masked
from portal.services.people import address_changes, address_holds
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


@bp.route("/account/<merchant_slug>/address/hold/<token>", methods=["GET", "POST"])
def customer_address_hold(token: str) -> ResponseReturnValue:
    """Show the button of the former address; pressed, the change is held, once. It opens nothing."""
    ctx, form, now = identity.context(), EmptyForm(), utc_now()
    if form.validate_on_submit() and address_holds.hold(ctx, g.merchant.id, token, now=now):
        return redirect(url_for(".customer_address_hold", token=token), 303)
    found = address_holds.of_link(ctx, g.merchant.id, token)
    state = found.state(now) if found is not None else HoldState.OVER
    if state is not HoldState.OPEN:
        page = render_template("auth/address_hold_over.html", state=state.value)
        return page, 200 if state is HoldState.HELD else 410
    page = render_template("auth/address_hold.html", form=form, address=masked(found.email) if found else "")
    return page, 422 if form.errors else 200

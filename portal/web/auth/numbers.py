"""No mail came: log in by a number from a receipt, or leave word to the merchant. Neither says whom it finds."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from flask import g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from portal.clock import utc_now
from portal.services.inbox import lost_log_ins
from portal.services.inbox.lost_log_ins import Word
from portal.services.people import login_numbers
from portal.web import identity, login_codes
from portal.web.auth import bp
from portal.web.auth.customers import wanted
from portal.web.auth.forms import HelpForm, NumberForm

REFERENCE: Final = "lost_reference"  # in the signed cookie: who left word reads its reference, and nobody else


@bp.route("/account/<merchant_slug>/login/number", methods=["GET", "POST"])
def customer_number() -> ResponseReturnValue:
    """Ask for a number; the code goes to the address on file, and the answer is the same where there is none."""
    form = NumberForm()
    if form.validate_on_submit():
        ctx, typed = identity.context(), form.number.data
        email = login_numbers.address_for(ctx, g.merchant.id, typed, network=identity.network(), now=utc_now())
        login_codes.ask(email, next_path=wanted(request.args.get("next")), typed=typed, by_number=True)
        return redirect(url_for(".customer_code"), 303)
    return render_template("auth/customer_number.html", form=form), 422 if form.errors else 200


@bp.route("/account/<merchant_slug>/login/help", methods=["GET", "POST"])
def customer_help() -> ResponseReturnValue:
    """Take down what somebody says who cannot log in: dated, with a reference, for the merchant's inbox."""
    form = HelpForm()
    if form.validate_on_submit():
        word = Word(
            merchant_id=g.merchant.id,
            name=form.name.data,
            email=form.email.data,
            number=form.number.data or "",
            message=form.message.data,
        )
        left = lost_log_ins.leave(identity.context(), word, network=identity.network(), now=utc_now())
        session[REFERENCE] = [str(g.merchant.id), left.reference, left.received_at.isoformat()]
        return redirect(url_for(".customer_helped"), 303)
    return render_template("auth/customer_help.html", form=form), 422 if form.errors else 200


@bp.get("/account/<merchant_slug>/login/help/recorded")
def customer_helped() -> ResponseReturnValue:
    """Show the reference of what was just left, in the browser that left it."""
    merchant_id, reference, at = session.get(REFERENCE) or ("", "", "")
    if merchant_id != str(g.merchant.id):
        return redirect(url_for(".customer_help"), 303)
    return render_template("auth/customer_helped.html", reference=reference, at=datetime.fromisoformat(at))

"""Staff enter until when an ended subscription is paid."""

from __future__ import annotations

import uuid

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.queries import inbox, subscriptions
from portal.services.money import given_dates
from portal.web.admin import bp, presenting, showing
from portal.web.admin.ends.end_forms import PaidUntilForm
from portal.web.identity import context, person
from portal.web.local_days import end_of, local_day


@bp.route(
    "/subscriptions/<uuid:subscription_id>/paid-until", methods=["GET", "POST"], endpoint="subscription_paid_until"
)
def enter(subscription_id: uuid.UUID) -> ResponseReturnValue:
    """Ask for the last day that was paid; write it, with the access that follows from it, and tell the customer."""
    who = person()
    with context().db.read() as session:
        found = subscriptions.of_merchant(session, who.merchant_id, subscription_id)
        if inbox.missing_date(session, who.merchant_id, found.id) is None:
            flash(_("The end of the paid time is known."), "info")  # a second click comes here too
            return redirect(url_for(".subscription", subscription_id=found.id), 303)
    form = PaidUntilForm()
    if found.started_at is not None:
        form.started_on = local_day(found.started_at)
    if form.validate_on_submit():
        until = end_of(form.last_day.data)
        given_dates.give(context(), who.merchant_id, found.id, until, by=who.name, by_id=who.id, now=utc_now())
        told = presenting.told(found.customer, _("The customer is told by email."))
        saved = _("The date is saved.")
        flash(f"{saved} {told}", "success" if found.customer.email else "warning")
        return redirect(url_for(".subscription", subscription_id=found.id), 303)
    return showing.page(
        "paid_until.html",
        form=form,
        subscription=found,
        told=presenting.told(found.customer, _("The customer is told by email.")),
        customer_name=presenting.name_of(found.customer),
        rows=[
            (_("Started"), presenting.day(found.started_at)),
            (_("Last payment"), presenting.day(found.last_payment_at)),
            (_("Stopped at PayPal"), presenting.short(found.stopped_at_provider_at)),
            (_("Price"), presenting.price(found)),
            (_("PayPal subscription ID"), found.provider_id),
        ],
    ), (422 if form.errors else 200)

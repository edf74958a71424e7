"""The legal way to notify an end where the merchant has switched self-cancellation off (product.md, decision 6).

It ends nothing by itself: it is stored, dated and acknowledged, and the merchant has to end the subscription.
"""

from __future__ import annotations

import uuid

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.queries import holdings
from portal.services.inbox import notifications
from portal.services.inbox.notifications import Notification
from portal.services.people.acting import by_person
from portal.web.customer import account_cards, bp
from portal.web.customer.forms import NotificationForm
from portal.web.identity import context, person


@bp.route("/subscriptions/<uuid:subscription_id>/notification", methods=["GET", "POST"])
def notification(subscription_id: uuid.UUID) -> ResponseReturnValue:
    """Show what the customer confirms; on the click store it, whatever PayPal or the mail server do."""
    who, now = person(), utc_now()
    with context().db.read() as session:
        held = holdings.of_customer(session, who.merchant_id, who.id, subscription_id)
    card, form = account_cards.card(held, now=now), NotificationForm()
    back = url_for(".subscription", merchant_slug=g.merchant.slug, subscription_id=subscription_id)
    if form.validate_on_submit():
        made = notifications.notify(
            context(),
            Notification(
                merchant_id=who.merchant_id,
                customer_id=who.id,
                subscription_id=subscription_id,
                wished_on=form.wished_on.data,
                message=form.message.data or "",
                by=by_person(who),
            ),
            now=now,
        )
        if made is not None:
            flash(_("Your cancellation notice is recorded: %(reference)s.", reference=made.reference), "success")
        else:
            flash(
                _("The cancellation of this contract was already requested. You do not need to do anything else."),
                "info",
            )
        return redirect(back, 303)
    if not card.may_notify:
        return redirect(back, 303 if form.is_submitted() else 302)
    rows = [
        (_("Name"), held.subscription.customer.name or None),
        (_("Email address"), held.subscription.customer.email),
        (_("Payment schedule") if card.is_schedule else _("Subscription"), card.title),
        (_("PayPal subscription ID"), card.provider_id),
    ]
    page = render_template(
        "customer/notification.html", form=form, rows=rows, back=back, product=card.title, is_schedule=card.is_schedule
    )
    return page, 422 if form.errors else 200

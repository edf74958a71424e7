"""The account page, and one subscription: what is paid, what is open until when. Nothing here changes anything."""

from __future__ import annotations

import uuid

from flask import render_template
from flask.typing import ResponseReturnValue

from portal.clock import utc_now
from portal.queries import holdings
from portal.web.customer import bp, presenting
from portal.web.identity import context, person


@bp.get("/")
def subscriptions() -> ResponseReturnValue:
    """Show each of the customer's subscriptions as a card."""
    who, now = person(), utc_now()
    with context().db.read() as session:
        held = holdings.all_of_customer(session, who.merchant_id, who.id)
    return render_template(
        "customer/subscriptions.html",
        cards=[presenting.card(holding, now=now) for holding in held.subscriptions],
        gifts=[presenting.gift(gift, now=now) for gift in held.gifts],
    )


@bp.get("/subscriptions/<uuid:subscription_id>")
def subscription(subscription_id: uuid.UUID) -> ResponseReturnValue:
    """Show one subscription with its five dates and its timeline."""
    who = person()
    with context().db.read() as session:
        held = holdings.of_customer(session, who.merchant_id, who.id, subscription_id)
    return render_template(
        "customer/subscription.html",
        card=presenting.card(held, now=utc_now()),
        dates=presenting.dates(held),
    )

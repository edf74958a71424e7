"""The account page, and one subscription: what is paid, what is open until when. Nothing here changes anything."""

from __future__ import annotations

import uuid
from typing import Final

from flask import g, render_template
from flask.typing import ResponseReturnValue

from portal.clock import utc_now
from portal.queries import holdings
from portal.queries.money import payments
from portal.web import payments as payment_lines
from portal.web.customer import account_cards, bp, presenting
from portal.web.identity import context, person

PAYMENTS: Final = 24  # shown on a subscription's page; the rest is counted


@bp.get("/")
def subscriptions() -> ResponseReturnValue:
    """Show each of the customer's subscriptions as a card."""
    who, now = person(), utc_now()
    with context().db.read() as session:
        held = holdings.all_of_customer(
            session, who.merchant_id, who.id, self_cancellation=g.merchant.self_cancellation
        )
    return render_template(
        "customer/subscriptions.html",
        cards=[account_cards.card(holding, now=now) for holding in held.subscriptions],
        gifts=[presenting.gift(gift, now=now) for gift in held.gifts],
    )


@bp.get("/subscriptions/<uuid:subscription_id>")
def subscription(subscription_id: uuid.UUID) -> ResponseReturnValue:
    """Show one subscription with its five dates and its timeline."""
    who, now = person(), utc_now()
    with context().db.read() as session:
        held = holdings.of_customer(session, who.merchant_id, who.id, subscription_id)
        paid, paid_in_all = payments.of_subscription(session, subscription_id, PAYMENTS)
    return render_template(
        "customer/subscription.html",
        card=account_cards.card(held, now=now),
        dates=presenting.dates(held, now=now),
        payments=payment_lines.lines(paid),
        more_payments=paid_in_all - len(paid),
    )

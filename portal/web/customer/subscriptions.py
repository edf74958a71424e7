"""The account page, and one subscription: what is paid, what is open until when. Nothing here changes anything."""

from __future__ import annotations

import uuid
from typing import Final

from flask import g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.clock import utc_now
from portal.domain.grants import is_over
from portal.domain.sections import Section
from portal.queries import account_page, holdings, products
from portal.web import payments as payment_lines
from portal.web.customer import account_cards, bp, presenting
from portal.web.identity import context, person

PAYMENTS: Final = 24  # shown on a subscription's page; the rest is counted
MOST_PAGES: Final = 1000


@bp.get("/")
def subscriptions() -> ResponseReturnValue:
    """Show the customer's subscriptions as cards, fifty to a page, the live ones first."""
    who, now = person(), utc_now()
    number = min(max(request.args.get("page", 1, type=int), 1), MOST_PAGES)
    with context().db.read() as session:
        held = account_page.of_customer(
            session, who.merchant_id, who.id, number=number, self_cancellation=g.merchant.self_cancellation
        )
        given = products.contents(session, {gift.product_id for gift in held.gifts})
    if number > 1 and not held.subscriptions:
        return redirect(_page_url(1))
    return render_template(
        "customer/subscriptions.html",
        cards=[account_cards.card(holding, now=now) for holding in held.subscriptions],
        gifts=[
            presenting.gift(gift, given.get(gift.product_id, ()), now=now)
            for gift in held.gifts
            if not is_over(gift, now)
        ],
        number=number,
        next_url=_page_url(number + 1) if held.has_more else None,
        previous_url=_page_url(number - 1) if number > 1 else None,
    )


def _page_url(number: int) -> str:
    return url_for("customer.subscriptions", page=number if number > 1 else None)


@bp.get("/subscriptions/<uuid:subscription_id>")
def subscription(subscription_id: uuid.UUID) -> ResponseReturnValue:
    """Show one subscription with its five dates and its timeline."""
    who, now = person(), utc_now()
    with context().db.read() as session:
        held = holdings.of_customer(session, who.merchant_id, who.id, subscription_id)
    shown = held.subscription.payments if g.merchant.shows(Section.PAYMENTS) else ()
    paid = sorted(shown, key=lambda payment: payment.paid_at, reverse=True)
    return render_template(
        "customer/subscription.html",
        card=account_cards.card(held, now=now),
        dates=presenting.dates(held, now=now),
        payments=payment_lines.lines(paid[:PAYMENTS]),
        more_payments=max(len(paid) - PAYMENTS, 0),
    )

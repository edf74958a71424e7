"""One address that ends a subscription, for a merchant's site or mail: it leads to the page that does it, or asks."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.queries.account import account_page
from portal.web.customer import account_cards, bp
from portal.web.customer.account_cards import Card
from portal.web.customer.subscriptions import count_of, page_number, url_of_page
from portal.web.identity import context, person


@bp.get("/cancel")
def cancel() -> ResponseReturnValue:
    """Lead to the one subscription that can be cancelled, ask which of several, or say why there is none."""
    who, now, number = person(), utc_now(), page_number()
    with context().db.read() as session:
        held = account_page.of_customer(
            session, who.merchant_id, who.id, number=number, self_cancellation=g.merchant.self_cancellation
        )
    cards = [account_cards.card(holding, now=now) for holding in held.subscriptions]
    choices = [(card, _address(card)) for card in cards if card.may_cancel or card.may_notify]
    is_all = number == 1 and held.live <= account_page.PAGE
    if is_all and len(choices) == 1:
        return redirect(choices[0][1])
    if is_all and not choices:
        under_way = any(card.has_open_request or card.notified for card in cards)
        flash(
            _("The request to cancel is already under way: see below where it stands.")
            if under_way
            else _("You have no contract that can be cancelled."),
            "info",
        )
        return redirect(url_for(".subscriptions", merchant_slug=g.merchant.slug))
    has_more = held.live > number * account_page.PAGE
    return render_template(
        "customer/cancel.html",
        choices=choices,
        count=count_of(held, number),
        next_url=url_of_page("customer.cancel", number + 1) if has_more else None,
        previous_url=url_of_page("customer.cancel", number - 1) if number > 1 else None,
    )


def _address(card: Card) -> str:
    """Return the page that cancels it, or, where the merchant does that, the one that gives them notice."""
    page = ".cancellation" if card.may_cancel else ".notification"
    return url_for(page, merchant_slug=g.merchant.slug, subscription_id=card.id)

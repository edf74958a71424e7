"""The account page, and one subscription: what is paid, what is open until when. Nothing here changes anything."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask import g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.clock import utc_now
from portal.domain.access.grants import is_over
from portal.domain.merchants.sections import Section
from portal.domain.subscriptions import Status
from portal.mail.composing import AUTOPAY_URL
from portal.queries import holdings
from portal.queries.access import products
from portal.queries.account import account_page
from portal.queries.account.account_page import PAGE, AccountPage
from portal.web import payments as payment_lines
from portal.web.customer import account_cards, bp, offers, presenting, renewal_words, sentences
from portal.web.customer.account_cards import Card
from portal.web.customer.offers import Beside
from portal.web.customer.planned_words import open_windows
from portal.web.customer.presenting import Opened
from portal.web.formatting import formatter
from portal.web.identity import context, person

PAYMENTS: Final = 6  # shown on a subscription's page; the rest is counted
MOST_PAGES: Final = 1000
FEW: Final = 3  # live subscriptions that are shown as whole cards; more are a list


@dataclass(frozen=True, kw_only=True)
class Home:
    """The account page in plain values."""

    title: str
    count: str  # which of how many; empty where all of them are on the page
    live: tuple[Card, ...]
    over: tuple[Card, ...]  # and nothing goes on about them
    kept: frozenset[uuid.UUID]  # the products of which one that is over keeps something open
    over_count: str
    is_brief: bool  # too many for whole cards
    first_late: uuid.UUID | None
    doubles: str  # which products have several; empty where none has
    gifts: tuple[Opened, ...]
    offer: Beside | None  # where there is one subscription alone that can be cancelled
    access_url: str  # empty where the merchant leaves that page out
    autopay_url: str
    next_url: str | None
    previous_url: str | None


@bp.get("/")
def subscriptions() -> ResponseReturnValue:
    """Show the customer's subscriptions, twenty to a page, the live ones first."""
    who, now = person(), utc_now()
    number = page_number()
    with context().db.read() as session:
        held = account_page.of_customer(
            session, who.merchant_id, who.id, number=number, self_cancellation=g.merchant.self_cancellation
        )
        given = products.contents(session, {gift.product_id for gift in held.gifts})
    if number > 1 and not held.subscriptions:
        return redirect(url_of_page("customer.subscriptions", 1))
    gifts = tuple(
        presenting.gift(gift, given.get(gift.product_id, ()), now=now) for gift in held.gifts if not is_over(gift, now)
    )
    return render_template("customer/subscriptions.html", page=_home(held, gifts, number=number, now=now))


def _home(held: AccountPage, gifts: tuple[Opened, ...], *, number: int, now: datetime) -> Home:
    cards = [account_cards.card(holding, now=now) for holding in held.subscriptions]
    live = tuple(sorted((card for card in cards if not card.is_settled), key=lambda card: not card.pause.is_late))
    over = tuple(card for card in cards if card.is_settled)
    late = [card.id for card in live if card.status is Status.PAST_DUE]
    title = sentences.greeting(
        person().own_name, live=held.live, late=len(late), has_schedule=any(card.is_schedule for card in cards)
    )
    return Home(
        title=title if number == 1 else _later_page(number),
        count=count_of(held, number),
        live=live,
        over=over,
        kept=frozenset(card.product_id for card in cards if card.is_over and card.open_now),
        over_count=_over_count(len(over), held),
        is_brief=len(live) > FEW,
        first_late=next(iter(late), None),
        doubles=sentences.doubles(held.subscriptions),
        gifts=gifts,
        offer=_offer(live),
        access_url=url_for(".access", merchant_slug=g.merchant.slug) if g.merchant.shows(Section.ACCESS) else "",
        autopay_url=AUTOPAY_URL,
        next_url=url_of_page("customer.subscriptions", number + 1) if held.has_more else None,
        previous_url=url_of_page("customer.subscriptions", number - 1) if number > 1 else None,
    )


def _offer(live: Sequence[Card]) -> Beside | None:
    """Return what is offered beside the one that can be cancelled; of several, each page says it by itself."""
    return offers.beside(live[0]) if len(live) == 1 else None


def count_of(held: AccountPage, number: int) -> str:
    """Return which of how many a page shows; nothing where it shows them all."""
    total, first, say = held.live + held.over, (number - 1) * PAGE + 1, formatter().number
    if total <= PAGE:
        return ""
    last = first + len(held.subscriptions) - 1
    return _(
        "Contracts %(first)s to %(last)s of %(total)s, running ones first.",
        first=say(first),
        last=say(last),
        total=say(total),
    )


def _later_page(number: int) -> str:
    if person().in_instalments:
        return _("My contracts, page %(number)s", number=number)
    return _("My subscriptions, page %(number)s", number=number)


def _over_count(shown: int, held: AccountPage) -> str:
    """Return how many are over, and how many of them are here: those that still open something stand above."""
    if held.live + held.over <= PAGE:
        return ngettext("%(num)s ended contract", "%(num)s ended contracts", shown)
    say = formatter().number
    return _("Ended contracts: %(shown)s of %(total)s here", shown=say(shown), total=say(held.over))


def page_number() -> int:
    """Return the page that is asked for, 1 for what is no number."""
    return min(max(request.args.get("page", 1, type=int), 1), MOST_PAGES)


def url_of_page(endpoint: str, number: int) -> str:
    """Return the address of one page of a list."""
    return url_for(endpoint, merchant_slug=g.merchant.slug, page=number if number > 1 else None)


@bp.get("/subscriptions/<uuid:subscription_id>")
def subscription(subscription_id: uuid.UUID) -> ResponseReturnValue:
    """Show one subscription with its five dates and its timeline."""
    who, now = person(), utc_now()
    with context().db.read() as session:
        held = holdings.of_customer(session, who.merchant_id, who.id, subscription_id)
        former = holdings.former(session, held)
    shown = held.subscription.payments if g.merchant.shows(Section.PAYMENTS) else ()
    paid = sorted(shown, key=lambda payment: payment.paid_at, reverse=True)
    card = account_cards.card(held, now=now)
    return render_template(
        "customer/subscription.html",
        card=card,
        offer=offers.beside(card),
        renewal=renewal_words.rows(held.subscription, now=now),
        kept=any(window.is_open(now) for one in former for window in open_windows(one, now=now)),
        dates=presenting.dates(held, now=now),
        payments=payment_lines.lines(paid[:PAYMENTS]),
        more_payments=max(len(paid) - PAYMENTS, 0),
    )

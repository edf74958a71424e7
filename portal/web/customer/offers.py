"""The merchant's one offer, beside the button that cancels and never in its way (domain.offers; law.md R-DP-1 to 6).

It is loaded for the card alone.  The page that checks a cancellation shows none and waits for none.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import structlog
from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError

from portal.clock import utc_now
from portal.domain.integrations.return_addresses import host_of
from portal.domain.law import offers as rules
from portal.domain.law.offers import OfferAnswer, OfferKind
from portal.domain.merchants.merchants import Work
from portal.mail.letterhead import one_line
from portal.queries import holdings
from portal.queries.ends import offers as stored
from portal.services.ends import offers
from portal.web import standings
from portal.web.csrf import EmptyForm
from portal.web.customer import account_cards, bp
from portal.web.customer.account_cards import Card
from portal.web.identity import context, person

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What stands beside the button: a sentence, and of which kind it is."""

    kind: OfferKind
    text: str
    language: str  # of the text, where it is not the page's; else empty


def beside(card: Card) -> Beside | None:
    """Return what this customer is offered beside that card's button; None where nothing may be, or is known.

    Nothing to who came by a link to do one thing, and nothing that could not be taken.
    """
    kind = _kind()
    if kind is OfferKind.NONE or not card.may_cancel or person().task is not None:
        return None
    if not rules.is_admitted(g.merchant.country) or not standings.allows(Work.RETURN):
        return None
    if kind is OfferKind.PAUSE and not card.pause.may_pause:
        return None
    return _said(kind) if _is_open() else None


def _is_open() -> bool:
    """Say whether they may be offered something; where that cannot be known they are not."""
    try:
        with context().db.read() as session:
            return stored.may_be_offered(session, person().id)
    except SQLAlchemyError:
        log.exception("offer_not_loaded")
        return False


def _kind() -> OfferKind:
    return rules.kind_of(g.merchant.leaving_offer)


def _said(kind: OfferKind) -> Beside:
    page = str(get_locale()).partition("_")[0]
    text, language = rules.text_of(g.merchant.leaving_offer, page)
    if not text:
        text, language = _("A pause is possible too: no payment is taken until the day you choose."), page
    return Beside(kind=kind, text=text, language="" if language == page else language)


def note(subscription_id: uuid.UUID, said: OfferAnswer) -> None:
    """Keep what somebody did who came from the offer, which the page's address names."""
    kind = _kind()
    if kind is OfferKind.NONE or request.args.get("offer") != kind:
        return
    who = person()
    offers.answer_beside(context(), who.merchant_id, who.id, subscription_id, kind, said, now=utc_now())


@bp.route("/subscriptions/<uuid:subscription_id>/offer", methods=["GET", "POST"])
def offer(subscription_id: uuid.UUID) -> ResponseReturnValue:
    """Keep the answer to the offer; who took the one with a link finds the link here."""
    if request.method == "POST" and EmptyForm().validate_on_submit():
        return _answered(subscription_id)
    who, now = person(), utc_now()
    with context().db.read() as session:
        held = holdings.of_customer(session, who.merchant_id, who.id, subscription_id)
        answer = stored.answer_of(session, subscription_id)
    url = g.merchant.leaving_offer.get("offer_url", "")
    if answer != (OfferKind.LINK, OfferAnswer.ACCEPTED) or _kind() is not OfferKind.LINK or not url:
        return _back(subscription_id, 302)
    card, said = account_cards.card(held, now=now), _said(OfferKind.LINK)
    title = _("An offer from %(merchant)s", merchant=one_line(g.merchant.name))
    return render_template("customer/offer.html", card=card, offer=said, title=title, url=url, host=host_of(url))


def _answered(subscription_id: uuid.UUID) -> ResponseReturnValue:
    who, kind, is_taken = person(), _kind(), request.form.get("answer") == OfferAnswer.ACCEPTED
    if kind is OfferKind.NONE:
        return _back(subscription_id, 303)
    said = OfferAnswer.ACCEPTED if is_taken and kind is OfferKind.LINK else OfferAnswer.DECLINED
    offers.answer(context(), who.merchant_id, who.id, subscription_id, kind, said, now=utc_now())
    if said is OfferAnswer.ACCEPTED:
        return redirect(url_for(".offer", merchant_slug=g.merchant.slug, subscription_id=subscription_id), 303)
    flash(_("This offer will not be shown again."), "success")
    return _back(subscription_id, 303)


def _back(subscription_id: uuid.UUID, code: int) -> ResponseReturnValue:
    return redirect(url_for(".subscription", merchant_slug=g.merchant.slug, subscription_id=subscription_id), code)

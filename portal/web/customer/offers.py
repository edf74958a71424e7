"""The merchant's one offer, beside the button that cancels and never in its way (domain.offers; law.md R-DP-1 to 6).

It is loaded for the card alone.  The page that checks a cancellation shows none and waits for none.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import structlog
from flask import flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError

from portal.clock import utc_now
from portal.domain.integrations.return_addresses import host_of
from portal.domain.law import offers as rules
from portal.domain.law.offers import OfferAnswer, OfferKind
from portal.domain.merchants.merchants import Work
from portal.queries.ends import offers as stored
from portal.services.ends import offers
from portal.web import standings
from portal.web.csrf import EmptyForm
from portal.web.customer import bp
from portal.web.customer.account_cards import Card
from portal.web.identity import context, person

TAKEN: Final = "taken"  # in the address of a card, after its button was pressed

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What stands beside the button: a sentence, and of which kind it is."""

    kind: OfferKind
    text: str
    language: str  # of the text, where it is not the page's; else empty
    url: str = ""  # of the page, for who has just asked for it

    @property
    def host(self) -> str:
        """Where the page is."""
        return host_of(self.url)


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
    if kind is OfferKind.LINK and request.args.get("offer") == TAKEN:
        shown = replace(_said(kind), url=g.merchant.leaving_offer.get("offer_url", ""))
        return shown if _is_known(stored.stands_taken, card.id) else None
    return _said(kind) if _is_known(stored.may_be_offered) else None


def _is_known(question: Callable[..., bool], *about: uuid.UUID) -> bool:
    """Say whether something may stand there; where that cannot be known, nothing may."""
    try:
        with context().db.read() as session:
            return question(session, person().id, *about)
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


@bp.post("/subscriptions/<uuid:subscription_id>/offer")
def offer(subscription_id: uuid.UUID) -> ResponseReturnValue:
    """Keep the answer that a button of the card gave; who took the link finds it there, in the button's place.

    The form names the offer that it stood below.  Who takes one that was changed meanwhile has taken nothing.
    """
    who, seen = person(), request.form.get("offer", _kind())
    is_taken = request.form.get("answer") == OfferAnswer.ACCEPTED
    stands = seen == _kind() == OfferKind.LINK
    if EmptyForm().validate_on_submit():
        said = OfferAnswer.ACCEPTED if is_taken else OfferAnswer.DECLINED
        kind = rules.kind_of({"offer_kind": seen}) if stands or not is_taken else OfferKind.NONE
        offers.answer(context(), who.merchant_id, who.id, subscription_id, kind, said, now=utc_now())
        if not is_taken:
            flash(_("This offer will not be shown again."), "success")
        elif not stands or not _is_known(stored.stands_taken, subscription_id):
            flash(_("This offer does not stand any more. Nothing was changed."), "warning")
    there = {"merchant_slug": g.merchant.slug, "subscription_id": subscription_id}
    return redirect(url_for(".subscription", **there, offer=TAKEN if is_taken and stands else None), 303)

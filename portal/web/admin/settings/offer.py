"""The one offer beside the button that cancels: what it is, how it reads, and what was answered to it."""

from __future__ import annotations

from typing import Any, Final

from flask import g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.domain.integrations.return_addresses import host_of
from portal.domain.law import offers as rules
from portal.domain.law.offers import LANGUAGES, OfferAnswer, OfferKind
from portal.domain.subscriptions import ENDED
from portal.i18n import Translator
from portal.queries.ends import offers as stored
from portal.services.settings import Offer
from portal.web.admin import bp, figures
from portal.web.admin.list_words import OFFER
from portal.web.admin.settings import settings
from portal.web.admin.settings.reason_forms import OfferForm
from portal.web.formatting import formatter
from portal.web.identity import context, person
from portal.web.labels import LANGUAGE

PAUSE_TEXT: Final = "A pause is possible too: no payment is taken until the day you choose."


@bp.route("/settings/offer", methods=["GET", "POST"], endpoint="setting_offer")
def offer() -> ResponseReturnValue:
    """Show the offer and write it; the button that shows the effect first saves nothing."""
    form, meanwhile, only_look = settings.stored(OfferForm, Offer), None, "look" in request.form
    if form.validate_on_submit() and not only_look:
        meanwhile = settings.save(form, Offer(**settings.answers(form, Offer)))
        if meanwhile is None:
            return redirect(url_for(".setting_offer"), 303)
    shown = {"samples": _samples(form), "answers": _answers(), "is_draft": only_look and not form.errors}
    shown["is_admitted"] = rules.is_admitted(g.merchant.country)
    page = settings.page("setting_offer.html", form, Offer, meanwhile=meanwhile, **shown)
    return page, settings.status(form, meanwhile)


def _samples(form: OfferForm) -> list[dict[str, Any]]:
    """Return how it reads in each language; nothing while there is none, or what was typed is wrong."""
    typed = {name: form[name].data or "" for name in rules.FIELDS}
    kind = rules.kind_of(typed)
    if kind is OfferKind.NONE or form.errors:
        return []
    found = []
    for language in LANGUAGES:
        words = Translator(language).gettext
        text, written = rules.text_of(typed, language)
        found.append(
            {
                "name": LANGUAGE[language],
                "language": language,
                "text": text or words(PAUSE_TEXT),
                "text_language": written or language,
                "cancel": words("Cancel my subscription"),
                "take": words("Pause my subscription") if kind is OfferKind.PAUSE else words("See this offer"),
                "decline": words("Don’t show this offer again"),
                "host": host_of(typed["offer_url"]) if kind is OfferKind.LINK else "",
            }
        )
    return found


def _answers() -> list[tuple[str, str, str]]:
    """Return words, number and list of each answer; first of all who saw it before they decided."""
    with context().db.read() as session:
        counted = stored.counts(session, person().merchant_id)
        lost = stored.taken_and_ended(session, person().merchant_id)
    number, listed = formatter().number, figures.listed
    if not counted:
        return []
    everybody = listed(offers=tuple(OfferAnswer))
    rows = [(_("Decided with the offer before their eyes"), number(sum(counted.values())), everybody)]
    rows += [(str(OFFER[one]), number(counted.get(one, 0)), listed(offers=(one,))) for one in OfferAnswer]
    taken = listed(offers=(OfferAnswer.ACCEPTED,), states=tuple(sorted(ENDED)))
    return [*rows, (_("Accepted, ended since"), number(lost), taken)]

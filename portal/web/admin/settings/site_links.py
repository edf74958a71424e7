"""What to paste on the merchant's own site, and what somebody says stands there."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from flask import g, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, SubmitField

from portal.domain.law.countries import known
from portal.domain.merchants import site_links
from portal.domain.merchants.site_links import Place
from portal.queries.people import merchants
from portal.services.settings import Links
from portal.web.admin import bp
from portal.web.admin.edits import VersionedForm
from portal.web.admin.settings import settings
from portal.web.admin.site_link_words import PLACE, WHERE, lacking
from portal.web.formatting import formatter
from portal.web.identity import context, customers_address, person
from portal.web.labels import LANGUAGE

NAME: Final = {**LANGUAGE, "de": "Deutsch"}


class LinksForm(VersionedForm):
    """What stands on the merchant's site: a box for each line of the domain's table."""

    submit = SubmitField(_l("Save the settings"))


for _place, _label in PLACE.items():
    setattr(LinksForm, f"placed_{_place.value}", BooleanField(_label, description=WHERE[_place]))


@bp.route("/settings/links", methods=["GET", "POST"], endpoint="setting_links")
def links() -> ResponseReturnValue:
    """Give what to paste, and keep which of it somebody has placed: the portal opens no foreign page to look."""
    form = settings.stored(LinksForm, Links)
    meanwhile = None
    if form.validate_on_submit():
        meanwhile = settings.save(form, Links(**settings.answers(form, Links)))
        if meanwhile is None:
            return redirect(url_for(".setting_links"), 303)
    page = settings.page("setting_links.html", form, Links, meanwhile=meanwhile, **_shown())
    return page, settings.status(form, meanwhile)


def _shown() -> dict[str, Any]:
    with context().db.read() as session:
        merchant = merchants.of(session, person().merchant_id)
        absent, placed = lacking(session, merchant), dict(merchant.placed_links)
    fmt, base, slug = formatter(), customers_address(""), g.merchant.slug
    days = [(PLACE[Place(name)], fmt.short_date(date.fromisoformat(day))) for name, day in placed.items()]
    shown = site_links.languages(known([*merchant.sells_to, merchant.country]))
    order = sorted(shown, key=lambda one: one != g.merchant.locale)  # the shop's own language first
    texts = [(one, NAME[one], site_links.snippets(base, slug, one, merchant.country)) for one in order]
    return {"texts": texts, "days": days, "places": list(Place), "absent": absent, "titles": PLACE}

"""What is to stand on the merchant's own site, in words; and what is missing for the law, with where it is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flask import url_for
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from portal.domain.merchants.site_links import Place, missing
from portal.queries.law import declarations
from portal.web.admin import legal_standings

if TYPE_CHECKING:
    from portal.models import Merchant

PLACE: Final[Mapping[Place, LazyString]] = {
    Place.CANCELLATION: _l("The link to end a contract"),
    Place.WITHDRAWAL: _l("The link to withdraw from a contract"),
    Place.NOTICE: _l("The sentence of the withdrawal form"),
    Place.TERMS: _l("The paragraphs of your terms of sale"),
    Place.ACCESSIBILITY: _l("The text on accessibility"),
}
WHERE: Final[Mapping[Place, LazyString]] = {
    Place.CANCELLATION: _l("On every page from which one can subscribe, without a log-in before it."),
    Place.WITHDRAWAL: _l("On the same pages, visible during the whole withdrawal period."),
    Place.NOTICE: _l("At the end of the information on the right of withdrawal, in your terms and before the order."),
    Place.TERMS: _l("In your terms of sale."),
    Place.ACCESSIBILITY: _l("In your terms of sale, or on your page about accessibility."),
}


@dataclass(frozen=True, kw_only=True)
class Missing:
    """What the law asks for and nobody has done, with the page where it is done; `todo`: what there is to do."""

    label: str
    url: str
    todo: str = ""


def lacking(session: Session, merchant: Merchant) -> list[Missing]:
    """Return what is missing, the merchant's legal texts first, then the addresses that declarations need."""
    texts = [
        Missing(label=one.name, url=url_for("admin.setting_legal_text", kind=one.kind), todo=one.todo)
        for one in legal_standings.standings(session)
        if one.todo
    ]
    links = [
        Missing(label=str(PLACE[one]), url=url_for("admin.setting_links")) for one in missing(merchant.placed_links)
    ]
    return [*texts, *_addresses(session, merchant), *links]


def _addresses(session: Session, merchant: Merchant) -> Iterator[Missing]:
    """Yield the addresses that a declaration's pages name and that nobody has entered (R-FR-8, R-FR-13)."""
    if not merchant.support_email:
        told = _("Nobody who cannot declare on the page is told where else to write.")
        yield Missing(label=_("Help address"), url=url_for("admin.setting_addresses"), todo=told)
    if not merchant.postal_address and declarations.binding_products(session, merchant.id):
        told = _("One of your products binds for a term: a proof that ends it earlier may come by post.")
        yield Missing(label=_("Postal address for letters"), url=url_for("admin.setting_countries"), todo=told)

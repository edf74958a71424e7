"""What is to stand on the merchant's own site, in words; and what is missing for the law, with where it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flask import url_for
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.domain.site_links import Place, missing

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
    """What the law asks for and nobody has done, and the page where it is done."""

    label: str
    url: str


def lacking(merchant: Merchant) -> list[Missing]:
    """Return what is missing, the merchant's legal pages first."""
    pages = {_("Legal notice"): merchant.legal_url, _("Terms of sale"): merchant.terms_url}
    pages[_("Privacy policy")] = merchant.privacy_url
    texts = [Missing(label=label, url=url_for("admin.setting_addresses")) for label, url in pages.items() if not url]
    links = [
        Missing(label=str(PLACE[one]), url=url_for("admin.setting_links")) for one in missing(merchant.placed_links)
    ]
    return [*texts, *links]

"""Where each of the merchant's legal texts stands, and what the portal writes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import g
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from portal.domain.law.legal_texts import LegalKind, in_force
from portal.i18n import DEFAULT
from portal.queries.law import legal_texts as stored
from portal.web import legal_words
from portal.web.identity import person
from portal.web.local_days import today


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where one text stands: the version that holds (0: none), and what is to be done about it in one sentence."""

    kind: LegalKind
    name: str
    number: int
    todo: str


def standings(session: Session) -> list[Standing]:
    """Return where each text stands."""
    return [_standing(session, kind) for kind in LegalKind]


def lacks_notice(session: Session) -> bool:
    """Say whether nothing tells a merchant's customers who publishes these pages."""
    return not g.merchant.legal_url and stored.newest(session, g.merchant.id, LegalKind.NOTICE, DEFAULT) is None


def _standing(session: Session, kind: LegalKind) -> Standing:
    rows = stored.versions(session, person().merchant_id, kind, DEFAULT)
    number = in_force((row.version for row in rows), today()) or 0
    name, newest = str(legal_words.TITLE[kind]), rows[0] if rows else None
    own = {LegalKind.NOTICE: g.merchant.legal_url, LegalKind.PRIVACY: g.merchant.privacy_url}
    todo = ""
    if newest is None:
        if not own.get(kind, g.merchant.terms_url):
            todo = _NOTHING[kind]()
    elif kind is LegalKind.PRIVACY and newest.text != facts(session, kind, {})[DEFAULT]:
        todo = _("What the portal stores has changed since: publish it again.")
    return Standing(kind=kind, name=name, number=number, todo=todo)


_NOTHING = {
    LegalKind.NOTICE: lambda: _("Not published: the page only gives your name and your help address."),
    LegalKind.PRIVACY: lambda: _("Not published: the page shows what the portal stores, without your own words."),
    LegalKind.TERMS: lambda: _("Neither published here nor linked under Addresses."),
}


def facts(session: Session, kind: LegalKind, answers: Mapping[str, str]) -> dict[str, str]:
    """Return what the portal writes of a text, in each language; of answers that are not stored yet, with these."""
    match kind:
        case LegalKind.NOTICE:
            return legal_words.in_each_language(lambda: legal_words.notice(answers))
        case LegalKind.PRIVACY:
            known = legal_words.seller(session, g.merchant, contact=answers.get("contact"))
            return legal_words.in_each_language(lambda: legal_words.privacy(known))
        case LegalKind.TERMS:
            return legal_words.in_each_language(lambda: "")

"""A merchant's legal texts for everybody: the version that holds, older ones by number, what is known without.

One address a text, in English as all addresses of the portal; the French ones, which visitors type, lead there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from flask import abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from portal.domain.law.legal_texts import LegalKind, blocks, in_force, to_come
from portal.queries.law import legal_texts
from portal.web import legal_words, locale
from portal.web.identity import context
from portal.web.local_days import today
from portal.web.public import bp

if TYPE_CHECKING:
    from portal.models import LegalText

PLACE: Final = {
    LegalKind.NOTICE: "public.legal_notice",
    LegalKind.PRIVACY: "public.privacy",
    LegalKind.TERMS: "public.terms",
}


@bp.get("/<merchant_slug>/legal-notice")
def legal_notice() -> str:
    """Who publishes these pages."""
    return _page(LegalKind.NOTICE)


@bp.get("/<merchant_slug>/privacy")
def privacy() -> str:
    """What becomes of personal data."""
    return _page(LegalKind.PRIVACY)


@bp.get("/<merchant_slug>/terms-of-sale")
def terms() -> str:
    """The terms of sale, where the merchant has published them here."""
    return _page(LegalKind.TERMS)


@bp.get("/<merchant_slug>/site-map")
def site_map() -> str:
    """Every page of a merchant's customers: a second way to each of them (RGAA 12.1)."""
    return render_template("public/site_map.html")


@bp.get("/<merchant_slug>/plan-du-site", endpoint="site_map_fr")
@bp.get("/<merchant_slug>/accessibilite", endpoint="accessibility_fr")
@bp.get("/<merchant_slug>/mentions-legales", endpoint="legal_notice_fr")
@bp.get("/<merchant_slug>/confidentialite", endpoint="privacy_fr")
@bp.get("/<merchant_slug>/conditions-de-vente", endpoint="terms_fr")
def in_french() -> ResponseReturnValue:
    """Lead to the one address."""
    return redirect(url_for(str(request.endpoint).removesuffix("_fr")), 301)


def _page(kind: LegalKind) -> str:
    with context().db.read() as session:
        rows = legal_texts.versions(session, g.merchant.id, kind, locale.current())
        text = _wanted(rows)
        facts = legal_words.privacy(legal_words.seller(session, g.merchant)) if kind is LegalKind.PRIVACY else ""
        others = _terms(session) if kind is LegalKind.NOTICE else False
    shows_today = text is None or "today" in request.args
    return render_template(
        "public/legal_text.html",
        kind=kind,
        place=PLACE[kind],
        name=legal_words.TITLE[kind],
        text=None if shows_today and facts else text,
        blocks=blocks(facts if shows_today else text.text if text else ""),
        own_blocks=blocks(text.own_text) if text else [],
        own_language=text.own_language if text else "",
        versions=_shown(rows),
        is_older=text is not None and text.number != _holding(rows),
        has_moved=bool(facts) and text is not None and text.number == _holding(rows) and text.text != facts,
        own_address={LegalKind.NOTICE: g.merchant.legal_url, LegalKind.PRIVACY: g.merchant.privacy_url}.get(
            kind, g.merchant.terms_url
        ),
        has_terms=others,
    )


def _holding(rows: Sequence[LegalText]) -> int | None:
    return in_force((row.version for row in rows), today())


def _wanted(rows: Sequence[LegalText]) -> LegalText | None:
    """Return the version that the address names, or the one that holds; a number that there is not is a 404."""
    named = request.args.get("version")
    if named is None:
        return next((row for row in rows if row.number == _holding(rows)), None)
    return next((row for row in rows if str(row.number) == named), None) or abort(404)


def _shown(rows: Sequence[LegalText]) -> list[tuple[LegalText, str]]:
    """Return every version with where it stands: `holds`, `comes`, or `over`."""
    coming = to_come((row.version for row in rows), today())
    return [
        (row, "holds" if row.number == _holding(rows) else "comes" if row.number in coming else "over") for row in rows
    ]


def _terms(session: Session) -> bool:
    return bool(legal_texts.holding(session, g.merchant.id, LegalKind.TERMS, locale.current(), today()))

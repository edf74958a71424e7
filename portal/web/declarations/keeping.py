"""The page that shows a declaration at once, and its file to keep (law.md R-FR-12, R-DE-6)."""

from __future__ import annotations

from flask import abort, g, render_template
from flask.typing import ResponseReturnValue

from portal.documents.declarations import DeclaredFacts, declaration_file, declared_rows
from portal.domain.law.countries import strategy
from portal.i18n import Translator
from portal.services.declarations import declarations
from portal.web import identity, locale
from portal.web.declarations import bp, sealing
from portal.web.files import handed_over
from portal.web.formatting import formatter


@bp.get("/<merchant_slug>/declared/<token>")
def declared(token: str) -> ResponseReturnValue:
    """Show what was declared, when and under which reference, and what happens now."""
    facts = _facts(token)
    rows = declared_rows(facts, Translator(locale.current()), formatter())
    page = render_template("declarations/declared.html", facts=facts, rows=rows, token=token)
    return page, 200, {"X-Robots-Tag": "noindex"}


@bp.get("/<merchant_slug>/declared/<token>/file")
def declared_file(token: str) -> ResponseReturnValue:
    """Hand the declaration over as a PDF, in the language in which it was made."""
    facts = _facts(token)
    response = handed_over(
        declaration_file(facts, merchant_name=g.merchant.name, locale=facts.language, time_zone=g.merchant.time_zone)
    )
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _facts(token: str) -> DeclaredFacts:
    ctx, merchant, received_id = identity.context(), g.merchant, sealing.made(token)
    found = declarations.page_of(ctx, merchant.id, merchant.slug, token, received_id=received_id)
    if found is None:
        abort(404)
    locale.speak(found.language, tuple(strategy(found.country, found.function).labels))
    return found

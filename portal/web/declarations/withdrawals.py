"""« Renoncer au contrat ici »: one page with the declaration, and the button that confirms it (law.md 1.4, 2.1).

No offer, no question whether one is sure, no reason (R-FR-49).  A declaration that comes late is taken as any other:
who carries it out, and what the dates say, is decided behind it.
"""

from __future__ import annotations

from typing import Final

from flask.typing import ResponseReturnValue

from portal.domain.law.countries import Function, pages
from portal.web.declarations import bp, cancellations

PAGES: Final = ", ".join(f"'{page}'" for page in pages(Function.WITHDRAWAL))


@bp.route(f"/<merchant_slug>/<any({PAGES}):page>", methods=["GET", "POST"])
def withdrawal(page: str) -> ResponseReturnValue:
    """Show the form; take the declaration."""
    return cancellations.take(Function.WITHDRAWAL, page)

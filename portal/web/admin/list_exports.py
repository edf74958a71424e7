"""The lists of subscriptions and customers as files; a POST, since it takes data away."""

from __future__ import annotations

from typing import Final

from flask import abort, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.domain.list_views import FILTERS, List
from portal.services import list_exports
from portal.services.list_exports import Format, TooLong
from portal.web.admin import bp, list_pages
from portal.web.admin.narrowing import may_be_too_broad
from portal.web.files import download
from portal.web.identity import by, context

TYPE: Final = {Format.CSV: "text/csv", Format.JSONL: "application/jsonl"}
PAGE: Final = {List.SUBSCRIPTIONS: ".subscriptions", List.CUSTOMERS: ".customers"}


@bp.post("/subscriptions/export", endpoint="subscriptions_export")
@may_be_too_broad()
def subscriptions() -> ResponseReturnValue:
    """Give the subscriptions that the address's filters find."""
    return _export(List.SUBSCRIPTIONS)


@bp.post("/customers/export", endpoint="customers_export")
@may_be_too_broad()
def customers() -> ResponseReturnValue:
    """Give the customers whom the address's filters find."""
    return _export(List.CUSTOMERS)


def _export(which: List) -> ResponseReturnValue:
    if request.form.get("format") not in set(Format):
        abort(422)
    wanted, whose = Format(request.form["format"]), list_pages.whose()
    with context().db.browse() as session:
        asked = list_pages.asked(session, FILTERS[which])
    if asked.faults:  # another list than the one asked for is not what anybody wants as a file: the page says why
        return redirect(url_for(PAGE[which], **list_pages.grouped(request.args.items(multi=True))), 303)
    try:
        pieces = list_exports.export(context(), whose, which, asked.filter, wanted, by=by())
    except TooLong:
        flash(_("This list has more than 5,000 rows. Filter it, and export it in several parts."), "warning")
        return redirect(list_pages.address(PAGE[which], asked.filter), 303)
    name = f"{which.value}-{g.merchant.slug}-{whose.now:%Y-%m-%d}.{wanted.value}"
    return download(pieces, name=name, media_type=TYPE[wanted])

"""The lists of subscriptions and customers as files; a POST, since it takes data away."""

from __future__ import annotations

import uuid
from typing import Final
from urllib.parse import urlencode

from flask import abort, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.clock import utc_now
from portal.domain.desk.list_exports import KEPT
from portal.domain.desk.list_filters import ListFilter
from portal.domain.desk.list_views import FILTERS, List
from portal.queries.desk import list_exports as stored
from portal.queries.desk.list_exports import FileState, Format
from portal.services import list_exports
from portal.services.list_exports import TooLong, TooMany
from portal.web.admin import bp, list_pages, list_words, presenting, showing
from portal.web.admin.narrowing import may_be_too_broad
from portal.web.files import download
from portal.web.identity import by, context, person

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
        said = urlencode(list(request.args.items(multi=True)))  # any name at all: `url_for` has names of its own
        return redirect(f"{url_for(PAGE[which])}?{said}", 303)
    try:
        pieces = list_exports.export(context(), whose, which, asked.filter, wanted, by=by())
    except TooLong:
        return _start(which, asked.filter, wanted)
    return download(pieces, name=_name(which, wanted, whose.now.date().isoformat()), media_type=TYPE[wanted])


def _start(which: List, wanted: ListFilter, file_format: Format) -> ResponseReturnValue:
    """Have the file of a long list made, and lead to its page."""
    back = redirect(list_pages.address(PAGE[which], wanted), 303)
    if wanted.search:
        flash(_("This search finds more than 5,000 rows. Use filters instead of the search to export them."), "warning")
        return back
    try:
        made = list_exports.start(context(), list_pages.whose(), person().id, which, wanted, file_format, by=by())
    except TooMany:
        flash(_("Three files are being prepared already. Wait for one of them to be ready."), "warning")
        return back
    return redirect(url_for(".list_export", list_export_id=made), 303)


@bp.get("/exports/<uuid:list_export_id>", endpoint="list_export")
def show(list_export_id: uuid.UUID) -> ResponseReturnValue:
    """Show how far a file is; once it is ready, offer it. One that is gone is no error: it was there for a week."""
    who = person()
    with context().db.browse() as session:
        found = stored.find(session, who.merchant_id, who.id, list_export_id, now=utc_now())
        if found is None:
            return showing.page("list_export.html", session, export=None), 404
        pairs = [(name, value) for name, value in found.query]
        asked = list_pages.checked(session, FILTERS[found.of_list], pairs)
        return showing.page(
            "list_export.html",
            session,
            export=found,
            is_ready=found.state is FileState.READY,
            keeps=[list_words.value(pair, asked.names) for pair in asked.filter.narrowing()],
            back=list_pages.address(PAGE[found.of_list], asked.filter),
            again=list_pages.address(f"{PAGE[found.of_list]}_export", asked.filter),
            seen_at=presenting.short(found.seen_at),
            until=presenting.day(found.ready_at + KEPT) if found.ready_at is not None else None,
        )


@bp.post("/exports/<uuid:list_export_id>/file", endpoint="list_export_file")
def give(list_export_id: uuid.UUID) -> ResponseReturnValue:
    """Give a file that is ready, in pieces."""
    who = person()
    with context().db.browse() as session:
        found = stored.one(session, who.merchant_id, who.id, list_export_id, now=utc_now())
    if found.ready_at is None:
        return redirect(url_for(".list_export", list_export_id=found.id), 303)
    pieces = list_exports.content_of(context(), found, by=by(), now=utc_now())
    name = _name(found.of_list, found.file_format, found.ready_at.date().isoformat())
    return download(pieces, name=name, media_type=TYPE[found.file_format], size=found.size)


def _name(which: List, file_format: Format, day: str) -> str:
    return f"{which.value}-{g.merchant.slug}-{day}.{file_format.value}"

"""Files that the team brings: upload, columns, check, run, report. What is wrong is said before anything is done."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Final

from flask import flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from portal.clock import utc_now
from portal.domain.desk.file_imports import DAYS, FIELDS, MOST_BYTES, Brought, Field, FileImportState, Wrong
from portal.domain.desk.list_exports import AT_ONCE
from portal.queries.people import file_imports as stored
from portal.queries.people.file_imports import PAGE, FileImport
from portal.services.imports import file_import_reports, file_imports
from portal.services.imports.file_import_reading import BadFile, Encoding
from portal.services.imports.file_imports import KEPT, BadMatches, NotNow, TooManyFiles
from portal.web.admin import bp, presenting, showing
from portal.web.admin import file_import_words as words
from portal.web.admin.file_import_forms import EXAMPLES, FileForm, MatchForm, for_columns
from portal.web.admin.lists import number, turn
from portal.web.files import download
from portal.web.identity import by, context, person

MOST_SENT: Final = MOST_BYTES + 3 * 1024 * 1024  # a file a little too large is still answered with its own page
WAITS: Final = (FileImportState.UPLOADED, FileImportState.CHECKED)


@bp.url_value_preprocessor
def take_large_files(endpoint: str | None, _values: dict[str, object] | None) -> None:
    """Let this one page take a large file. It runs before anything reads the form."""
    if endpoint == "admin.file_imports":
        request.max_content_length = MOST_SENT


@bp.route("/data", methods=["GET", "POST"], endpoint="file_imports")
def index() -> ResponseReturnValue:
    """Say what may be brought, take a file, and show what was brought before."""
    form = FileForm()
    if form.validate_on_submit():
        try:
            made = _start(form)
        except BadFile as bad:
            form.file.errors = [words.of_file(bad)]
        except TooManyFiles:
            form.form_errors.append(_("Five files are not finished yet. Import or delete one of them first."))
        else:
            return redirect(url_for(".file_import", file_import_id=made), 303)
    with context().db.read() as session:
        page = showing.page(
            "file_imports.html",
            session,
            form=form,
            hints={one.value: hint for one, hint in words.BROUGHT_HINT.items()},
            rows=stored.newest(session, person().merchant_id),
            BROUGHT=words.BROUGHT,
            state=words.state,
        )
    return page, 422 if form.errors else 200


@bp.route("/data/imports/<uuid:file_import_id>", methods=["GET", "POST"], endpoint="file_import")
def show(file_import_id: uuid.UUID) -> ResponseReturnValue:
    """Show where a file stands; match its columns while nothing of it is done."""
    with context().db.read() as session:
        found = stored.of_merchant(session, person().merchant_id, file_import_id)
        form = _form(session, found)
    if form is None and request.method == "POST":
        return _too_late(found.id)
    if form is not None and form.validate_on_submit():
        try:
            file_imports.check(context(), found.merchant_id, found.id, form.match(), by=by(), now=utc_now())
        except BadMatches as bad:
            form.refuse(bad.found, found.header)
        except NotNow:
            return _too_late(found.id)
        else:
            return _back(found.id)
    with context().db.read() as session:
        return _page(session, found, form), 422 if form is not None and form.errors else 200


@bp.post("/data/imports/<uuid:file_import_id>/run", endpoint="file_import_run")
def run(file_import_id: uuid.UUID) -> ResponseReturnValue:
    """Carry the lines out, or go on with them: as they were checked when the page was opened."""
    seen = request.form.get("attempt", -1, type=int)
    return _do(partial(file_imports.run, seen=seen), file_import_id)


@bp.post("/data/imports/<uuid:file_import_id>/stop", endpoint="file_import_stop")
def stop(file_import_id: uuid.UUID) -> ResponseReturnValue:
    """Do no further line for now."""
    return _do(file_imports.stop, file_import_id)


@bp.post("/data/imports/<uuid:file_import_id>/removal", endpoint="file_import_removal")
def remove(file_import_id: uuid.UUID) -> ResponseReturnValue:
    """Delete the file before its time."""
    said = _("The file is deleted: what it held is erased within a few minutes.")
    return _do(file_imports.remove, file_import_id, said=said)


@bp.post("/data/imports/<uuid:file_import_id>/refused.csv", endpoint="file_import_refused")
def refused(file_import_id: uuid.UUID) -> Response:
    """Give the refused lines as a CSV that can be corrected and brought again; a POST, since an export is noted."""
    with context().db.read() as session:
        header = list(stored.of_merchant(session, person().merchant_id, file_import_id).header)
    head = (_("Line"), _("Column"), _("What is wrong, and what to do"))
    columns = {place: words.column(header, place) for place in (None, *range(len(header)))}
    sentences = {why: str(sentence) for why, sentence in words.WRONG.items()}
    otherwise = words.of_line(Wrong.SAID_OTHERWISE, 0).replace("0", "{}", 1)

    def told(place: int | None, why: Wrong, other: int | None) -> tuple[str, str]:
        return columns[place], sentences.get(why) or otherwise.format(other)  # the words are said after the request

    pieces = file_import_reports.refused(
        context(), person().merchant_id, file_import_id, head, told, by=by(), now=utc_now()
    )
    return download(pieces, name=f"import-{g.merchant.slug}-refused.csv")


def _start(form: FileForm) -> uuid.UUID:
    upload = form.file.data
    try:
        return file_imports.start(
            context(),
            person().merchant_id,
            Brought(form.brought.data),
            upload.stream,
            file_name=upload.filename or "",
            staff_id=person().id,
            by=by(),
            now=utc_now(),
        )
    finally:
        upload.close()  # a large one lies in a temporary file


def _form(session: Session, found: FileImport) -> MatchForm | None:
    """Return the form of the columns, None once something of the file is done, or it is gone."""
    if found.state not in WAITS or found.emptied_at is not None:
        return None
    first = file_imports.part_of(context(), session, found.id, 1) or []
    samples = [one.cells for one in first[:EXAMPLES]]
    match = file_imports.match_of(found)
    asks_dates = bool(found.slashed) and not DAYS.isdisjoint(FIELDS[found.brought])
    return for_columns(found.brought, found.header, match, samples, asks_dates=asks_dates)


def _page(session: Session, found: FileImport, form: MatchForm | None) -> str:
    after = number("after") or 0
    faults = stored.faults(session, found, after=after)
    return showing.page(
        "file_import.html",
        session,
        found=found,
        state=found.state.value,
        form=form,
        brought=words.BROUGHT[found.brought],
        is_of_customers=found.brought is Brought.CUSTOMERS,
        encoding=words.ENCODING[Encoding(found.encoding)],
        delimiter=words.DELIMITER.get(found.delimiter, found.delimiter),
        matched=[
            (words.column(found.header, place), words.FIELD[Field(name)])
            for place, name in enumerate(found.columns)
            if name and found.header
        ],
        reasons=[(words.reason(row.why), row.number) for row in stored.reasons(session, found)],
        faults=[
            (fault.line, words.column(found.header, fault.place), words.of_line(fault.why, fault.other))
            for fault in faults[:PAGE]
        ],
        next_url=turn(after=faults[PAGE - 1].line) if len(faults) > PAGE else None,
        previous_url=url_for(".file_import", file_import_id=found.id) if after else None,
        until=presenting.day(found.touched_at + KEPT),
        status=words.state(found),
        by=words.BY[found.state],
        is_long=found.lines > AT_ONCE,
    )


def _do(act: object, file_import_id: uuid.UUID, *, said: str = "") -> ResponseReturnValue:
    try:
        act(context(), person().merchant_id, file_import_id, by=by(), now=utc_now())  # type: ignore[operator]
    except NotNow:
        return _too_late(file_import_id)
    if said:
        flash(said, "success")
    return _back(file_import_id)


def _too_late(file_import_id: uuid.UUID) -> ResponseReturnValue:
    flash(_("Meanwhile this import has moved on: here is where it stands. Nothing was changed."), "info")
    return _back(file_import_id)


def _back(file_import_id: uuid.UUID) -> ResponseReturnValue:
    return redirect(url_for(".file_import", file_import_id=file_import_id), 303)

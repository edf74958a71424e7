"""Add classic subscriptions from a list of profile ids: uploaded here, read by a worker, reported row by row."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from flask import Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, FileRequired
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage
from wtforms import SelectChoice, SelectField, SubmitField

from portal.clock import utc_now
from portal.extensions import Database
from portal.queries.merchants import paypal_accounts
from portal.queries.merchants.paypal_accounts import Provider
from portal.queries.operating import profile_imports as lists
from portal.queries.operating.profile_imports import ProfileRowState
from portal.services.csv_files import MARK, line_of
from portal.services.imports import profile_imports
from portal.services.imports.imports import AlreadyRunning, StopReason
from portal.services.imports.profile_import_files import MOST_BYTES, BadFile
from portal.services.paypal.gateways import NoKey
from portal.web.admin import bp, presenting, profile_words, showing, words
from portal.web.admin.lists import number, turn
from portal.web.csrf import BaseForm
from portal.web.files import download
from portal.web.form_words import PlainForm
from portal.web.identity import by, context, person

if TYPE_CHECKING:
    from portal.models import ProfileImport

MOST_SENT: Final = MOST_BYTES + 3 * 1024 * 1024  # a file a little too large is still answered with its own page
BATCH: Final = 1000


class ProfileListForm(BaseForm):
    """A file with profile ids."""

    file = FileField(
        _l("File of profile IDs"),
        description=_l(
            "A text file with one ID per line, such as I-WCJA1MBC3CWY; or a CSV whose first line has a column "
            "named “Profile ID”, “subscr_id”, “recurring_payment_id” or “Identifiant”. A column named “external_id” "
            "holds what your other systems call the customer. At most 200,000 rows and 5 MB."
        ),
        validators=[FileRequired(_l("Choose a file."))],
    )
    submit = SubmitField(_l("Add these subscriptions"))


class RowFilter(PlainForm):
    """Which rows of a list are shown."""

    state = SelectField(_l("Result"), validate_choice=False)

    def offer(self) -> None:
        """Offer every result."""
        codes = [SelectChoice(code, label) for code, label in profile_words.STATE.items()]
        self.state.choices = [SelectChoice("", _l("All")), *codes]


@bp.url_value_preprocessor
def take_large_files(endpoint: str | None, _values: dict[str, object] | None) -> None:
    """Let this one page take a large file. It runs before anything reads the form."""
    if endpoint == "admin.paypal_profile_imports":
        request.max_content_length = MOST_SENT


@bp.route("/paypal/profiles", methods=["GET", "POST"], endpoint="paypal_profile_imports")
def index() -> ResponseReturnValue:
    """Say how classic subscriptions come here; take a list of them."""
    form = ProfileListForm()
    if form.validate_on_submit():
        try:
            made = _start(form.file.data)
        except BadFile as bad:
            form.file.errors = [profile_words.of_file(bad)]
        except AlreadyRunning as running:
            flash(_("Another list is not finished yet: here is where it stands."), "info")
            return redirect(url_for(".paypal_profile_import", profile_import_id=running.run_id), 303)
        except NoKey:
            form.form_errors.append(_("Enter the classic key first: without it PayPal cannot be asked."))
        else:
            return redirect(url_for(".paypal_profile_import", profile_import_id=made), 303)
    merchant_id = person().merchant_id
    with context().db.read() as session:
        page = showing.page(
            "profile_imports.html",
            session,
            form=form,
            has_key=paypal_accounts.of_merchant(session, merchant_id, Provider.PAYPAL_CLASSIC) is not None,
            unfinished=lists.unfinished(session, merchant_id),
            rows=lists.newest(session, merchant_id),
        )
    return page, 422 if form.errors else 200


@bp.get("/paypal/profiles/<uuid:profile_import_id>", endpoint="paypal_profile_import")
def show(profile_import_id: uuid.UUID) -> ResponseReturnValue:
    """Show where a list stands, and what became of each row."""
    state = ProfileRowState(request.args["state"]) if request.args.get("state") in set(ProfileRowState) else None
    with context().db.read() as session:
        found = lists.of_merchant(session, person().merchant_id, profile_import_id)
        page = lists.rows_page(session, found.id, state=state, after=number("after"), before=number("before"))
        reason, _space, debug_id = found.error.partition(" ")
        filters = RowFilter(request.args)
        filters.offer()
        return showing.page(
            "profile_import.html",
            session,
            found=found,
            state=found.state.value,
            done=found.added + found.known + found.failed,
            failures=_reasons(session, found, ProfileRowState.FAILED),
            unnamed=_reasons(session, found, ProfileRowState.ADDED, ProfileRowState.KNOWN),
            rows=page.rows,
            filters=filters,
            reason=words.STOPPED[StopReason(reason)] if reason in set(StopReason) else "",
            debug_id=debug_id,
            may_resume=profile_imports.may_resume(found, now=utc_now()),
            touched_at=presenting.short(found.touched_at),
            next_url=turn(after=page.next_line),
            previous_url=turn(before=page.previous_line),
            STATE=profile_words.STATE,
            REASON=profile_words.REASON,
        )


@bp.post("/paypal/profiles/<uuid:profile_import_id>/resume", endpoint="paypal_profile_import_resume")
def resume(profile_import_id: uuid.UUID) -> ResponseReturnValue:
    """Go on with a list that stopped."""
    try:
        profile_imports.resume(context(), person().merchant_id, profile_import_id, now=utc_now())
    except AlreadyRunning:
        flash(_("This list is being read: here is where it stands."), "info")
    return redirect(url_for(".paypal_profile_import", profile_import_id=profile_import_id), 303)


@bp.post("/paypal/profiles/<uuid:profile_import_id>/end", endpoint="paypal_profile_import_end")
def end(profile_import_id: uuid.UUID) -> ResponseReturnValue:
    """Leave the rest of a list unread."""
    held = profile_imports.give_up(context(), person().merchant_id, profile_import_id, by=by(), now=utc_now())
    number = held.added + held.known
    told = ngettext(
        "The list is closed. %(num)d subscription of it is here.",
        "The list is closed. %(num)d subscriptions of it are here.",
        number,
    )
    flash(told, "success")
    return redirect(url_for(".paypal_profile_import", profile_import_id=profile_import_id), 303)


@bp.post("/paypal/profiles/<uuid:profile_import_id>/not-added.csv", endpoint="paypal_profile_import_failed")
def failed(profile_import_id: uuid.UUID) -> Response:
    """Give the rows that were not added as a CSV that a spreadsheet opens and that can be brought again.

    A POST, since an export is written in the audit journal.
    """
    profile_imports.note_export(context(), person().merchant_id, profile_import_id, by=by(), now=utc_now())
    reasons = {code: str(sentence) for code, sentence in profile_words.REASON.items()}
    head = (_("Line"), "Profile ID", "external_id", _("Why it was not added"))
    return download(_csv(context().db, profile_import_id, head, reasons), name="paypal-profiles-not-added.csv")


def _reasons(session: Session, found: ProfileImport, *states: ProfileRowState) -> list[tuple[LazyString, int]]:
    """Return in words why rows in these states did not come in whole, each with how many."""
    return [(profile_words.REASON[why], number) for why, number in lists.reasons(session, found.id, *states)]


def _start(upload: FileStorage) -> uuid.UUID:
    content = upload.stream.read(MOST_BYTES + 1)
    upload.close()  # a large one lies in a temporary file
    made = profile_imports.start(
        context(), person().merchant_id, file_name=upload.filename or "", content=content, by=by(), now=utc_now()
    )
    return made.id


def _csv(database: Database, import_id: uuid.UUID, head: tuple[str, ...], reasons: dict[str, str]) -> Iterator[str]:
    """Yield the file in pieces, so that a long list never stands in memory."""
    yield MARK + line_of(head)
    after = 0
    while True:
        with database.read() as session:
            page = lists.rows_page(session, import_id, state=ProfileRowState.FAILED, after=after, limit=BATCH)
        yield "".join(
            line_of((row.line, row.profile_id, row.external_id or "", reasons.get(row.reason, row.reason)))
            for row in page.rows
        )
        if page.next_line is None:
            return
        after = page.next_line

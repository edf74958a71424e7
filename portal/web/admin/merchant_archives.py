"""Everything of this merchant as one archive, for its owner; who asked for it, and who took it, is in the audit log."""

from __future__ import annotations

import uuid

from flask import g, redirect, url_for
from flask.typing import ResponseReturnValue

from portal.clock import utc_now
from portal.domain.desk.list_exports import KEPT
from portal.queries.merchants import merchant_archives as stored
from portal.queries.merchants.merchant_archives import FileState
from portal.services.merchants import merchant_archives
from portal.web.admin import bp, presenting, showing
from portal.web.csrf import EmptyForm
from portal.web.files import download
from portal.web.identity import by, context, person


@bp.route("/data/archive", methods=["GET", "POST"], endpoint="merchant_archive")
def show() -> ResponseReturnValue:
    """Say what the archive holds, have it made, and show how far it is."""
    form = EmptyForm()
    if form.validate_on_submit():
        merchant_archives.start(context(), person().merchant_id, by=by(), now=utc_now())
        return redirect(url_for(".merchant_archive"), 303)
    with context().db.read() as session:
        found = stored.newest(session, person().merchant_id, now=utc_now())
        page = showing.page(
            "merchant_archive.html",
            session,
            form=form,
            found=found,
            is_ready=found is not None and found.state is FileState.READY,
            until=presenting.day(found.ready_at + KEPT) if found is not None and found.ready_at else None,
        )
    return page, 422 if form.errors else 200


@bp.post("/data/archive/<uuid:archive_id>/file", endpoint="merchant_archive_file")
def give(archive_id: uuid.UUID) -> ResponseReturnValue:
    """Give the archive, in pieces."""
    now = utc_now()
    with context().db.read() as session:
        size = stored.ready(session, person().merchant_id, archive_id, now=now).size
    pieces = merchant_archives.content_of(context(), person().merchant_id, archive_id, by=by(), now=now)
    name = f"{g.merchant.slug}-{now.date().isoformat()}.zip"
    return download(pieces, name=name, media_type="application/zip", size=size)

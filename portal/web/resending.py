"""A form that met a row held by another: whether anything of it stays, and what the page needs to send it again."""

from __future__ import annotations

from typing import Final

from flask import Flask, g, has_request_context, request
from sqlalchemy import Connection, event

from portal.web import drafts

MOST_FIELDS: Final = 500  # a page of ticked rows; more goes back to its own page


def install(app: Flask) -> None:
    """Note whether a view has committed anything: installed last, so that what the guards write does not count."""
    app.before_request(_begin)
    engine = app.extensions["portal"].db.engine
    if not event.contains(engine, "commit", _note):
        event.listen(engine, "commit", _note)


def is_unrecorded() -> bool:
    """Return whether this is a form of which nothing was kept."""
    return request.method == "POST" and not g.get("has_committed")


def fields() -> list[tuple[str, str]] | None:
    """Return what was sent, for a button that sends it again; None where it cannot stand on a page.

    A password, a code or a file is sent again by the person alone, and only a form with its token was the person's.
    """
    sent = [(name, value) for name, value in request.form.items(multi=True) if name != "csrf_token"]
    secret = any(drafts.is_secret(name) for name, _value in sent)
    if not g.get("csrf_ok") or secret or request.files or len(sent) > MOST_FIELDS:
        return None
    return sent


def public_fields() -> list[tuple[str, str]]:
    """Return what was sent to a public page of declarations and was not kept: nobody is to type it once more (R-FR-13).

    There a declaration bears its own one-time key, so that whoever sends it twice declares once.
    """
    if request.blueprint != "declarations" or not is_unrecorded():
        return []
    return [(name, value) for name, value in request.form.items(multi=True) if name != "csrf_token"]


def _begin() -> None:
    g.has_committed = False


def _note(_connection: Connection) -> None:
    if has_request_context():
        g.has_committed = True

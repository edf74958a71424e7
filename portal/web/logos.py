"""Serve a merchant's logo: one kind of file, under an address that is good for one picture for ever."""

from __future__ import annotations

import uuid
from typing import Final

from flask import Flask, Response, abort

from portal.queries.merchants import logos
from portal.web.identity import context

POLICY: Final = "default-src 'none'; frame-ancestors 'none'; sandbox"  # opened by itself, it is a picture and no page


def install(app: Flask) -> None:
    """Add the route; `url_for("logo", logo_id=…)` is an address."""
    app.add_url_rule("/logo/<uuid:logo_id>", "logo", _serve)


def _serve(logo_id: uuid.UUID) -> Response:
    with context().db.read() as session:
        content = logos.content(session, logo_id)
    if content is None:
        abort(404)
    return Response(content, mimetype="image/png")

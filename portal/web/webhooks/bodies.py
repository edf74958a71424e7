"""The bytes of a message exactly as they came, and no more of them than MAX_CONTENT_LENGTH."""

from __future__ import annotations

from flask import request


def raw_body() -> bytes:
    """Return the body; raise RequestEntityTooLarge (413), ClientDisconnected (400) when it is shorter than said."""
    body = request.get_data(cache=False)
    # Of a body without a length Werkzeug gives the first MAX_CONTENT_LENGTH bytes; the next one makes it say 413.
    request.stream.read(1)
    return body

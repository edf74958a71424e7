"""Lists by cursor: a page, and the address of the next one (RFC 8288), good for that very list alone.

A cursor is signed, and bound to the key's merchant, the list and its filters: altered, or of another list, it is
refused instead of giving a page that nobody meant.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlencode

from flask import Response, current_app, request
from itsdangerous import BadData, URLSafeSerializer

from config import Config
from portal.api.calls import caller
from portal.api.problems import Problem
from portal.api.schemas import LIMIT
from portal.queries.integrations.api_lists import Page, Place, Placed


def _serializer(filters: dict[str, Any]) -> URLSafeSerializer:
    config: Config = current_app.extensions["portal_config"]
    key = caller()
    what = [str(key.merchant_id), key.mode, request.endpoint, sorted((k, str(v)) for k, v in filters.items())]
    return URLSafeSerializer(list(config.signing_keys), salt=f"api-cursor:{json.dumps(what)}")


def asked(query: dict[str, Any]) -> tuple[dict[str, Any], Page]:
    """Return the filters, and which page is wanted; raise Problem for a cursor that is not of this list."""
    filters = {name: value for name, value in query.items() if name not in ("cursor", "limit")}
    key = caller()
    after, cursor = None, query.get("cursor")
    if cursor is not None:
        try:
            at, row = _serializer(filters).loads(cursor)
            after = Place(datetime.fromisoformat(at), uuid.UUID(hex=row))
        except (BadData, ValueError, TypeError):
            detail = "Take the cursor of the answer before, unchanged, with the same filters; or begin without one."
            raise Problem("bad-cursor", detail) from None
    return filters, Page(
        merchant_id=key.merchant_id,
        environment=key.mode.environment,
        after=after,
        limit=query.get("limit", LIMIT),
    )


def page(
    rows: Sequence[Placed[Any]], filters: dict[str, Any], wanted: Page, shown: Callable[[Any], dict[str, Any]]
) -> Response:
    """Return a page of resources; there is another one where there are more rows."""
    limit = wanted.limit
    has_more = len(rows) > limit
    following = None
    if has_more:
        last = rows[limit - 1].place
        following = _serializer(filters).dumps([last.at.astimezone(UTC).isoformat(), last.id.hex])
    body = {
        "object": "list",
        "data": [shown(one.row) for one in rows[:limit]],
        "has_more": has_more,
        "next_cursor": following,
    }
    response = cast(Response, current_app.json.response(body))
    if following is not None:
        config: Config = current_app.extensions["portal_config"]
        sent = {name: str(value) for name, value in request.args.items() if name != "cursor"}
        address = f"{config.base_url}{request.script_root}{request.path}?{urlencode({**sent, 'cursor': following})}"
        response.headers["Link"] = f'<{address}>; rel="next"'
    return response

"""What other systems of the merchant are connected, a card a way."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from portal.queries.integrations import api_keys, event_endpoints
from portal.web.admin import bp, showing
from portal.web.identity import context, person


@bp.get("/integrations", endpoint="integrations")
def index() -> ResponseReturnValue:
    """Say which ways there are, and how each stands."""
    with context().db.read() as session:
        endpoints = event_endpoints.all_of(session, person().merchant_id)
        keys = sum(one.revoked_at is None for one in api_keys.of_merchant(session, person().merchant_id))
        return showing.page("integrations.html", session, endpoints=endpoints, keys=keys)

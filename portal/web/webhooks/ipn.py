"""PayPal's IPNs: the raw bytes go to the intake, and PayPal hears 200 with nothing in it (FACTS.md 3.2)."""

from __future__ import annotations

from flask import Response

from portal.clock import utc_now
from portal.services import ipn_intake
from portal.web.identity import context
from portal.web.webhooks import bp
from portal.web.webhooks.bodies import raw_body


@bp.post("/paypal/<token>/ipn", endpoint="paypal_ipn")
def ipn(token: str) -> Response:
    """Take one message in. Its size is bounded by MAX_CONTENT_LENGTH, said or not (413)."""
    stored = ipn_intake.take_in(context(), token, raw_body(), now=utc_now())
    return Response(status=404 if stored is None else 200)

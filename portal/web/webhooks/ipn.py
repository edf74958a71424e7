"""PayPal's IPNs: the raw bytes go to the intake, and PayPal hears 200 with nothing in it (FACTS.md 3.2)."""

from __future__ import annotations

from typing import Final

from flask import Response, abort

from portal.clock import utc_now
from portal.services.messages import ipn_intake
from portal.web.identity import context
from portal.web.webhooks import bp
from portal.web.webhooks.bodies import raw_body

LARGEST: Final = 64 * 1024  # bytes; PayPal's are a few thousand, and nobody has vouched for this one yet


@bp.post("/paypal/<token>/ipn", endpoint="paypal_ipn")
def ipn(token: str) -> Response:
    """Take one message in; a larger one than any of PayPal's is 413."""
    body = raw_body()
    if len(body) > LARGEST:
        abort(413)
    stored = ipn_intake.take_in(context(), token, body, now=utc_now())
    return Response(status=404 if stored is None else 200)

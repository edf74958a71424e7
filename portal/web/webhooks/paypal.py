"""PayPal's webhook messages: the raw bytes go to the intake, and PayPal hears a status and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import Response, request

from portal.clock import utc_now
from portal.providers.deliveries import Delivery
from portal.services.messages import webhook_intake
from portal.services.messages.webhook_intake import Intake
from portal.web.identity import context
from portal.web.webhooks import bp
from portal.web.webhooks.bodies import raw_body

STATUS: Final[Mapping[Intake, int]] = {
    Intake.STORED: 200,
    Intake.DOUBLED: 200,
    Intake.TEST: 200,
    Intake.UNKNOWN_ADDRESS: 404,
    Intake.REFUSED: 400,
    Intake.NOT_NOW: 503,  # PayPal sends it again, for three days
}


@bp.post("/paypal/<token>")
def paypal(token: str) -> Response:
    """Take one message in. Its size is bounded by MAX_CONTENT_LENGTH, said or not (413)."""
    given = request.headers
    delivery = Delivery(
        transmission_id=given.get("PayPal-Transmission-Id", ""),
        transmission_time=given.get("PayPal-Transmission-Time", ""),
        cert_url=given.get("PayPal-Cert-Url", ""),
        auth_algo=given.get("PayPal-Auth-Algo", ""),
        signature=given.get("PayPal-Transmission-Sig", ""),
        body=raw_body(),
    )
    return Response(status=STATUS[webhook_intake.take_in(context(), token, delivery, now=utc_now())])

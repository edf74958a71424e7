"""Webhook messages of the tests' own, signed as PayPal signs them (FACTS.md 2.5, stated here once more)."""

from __future__ import annotations

import base64
import json
import uuid
import zlib
from datetime import UTC, datetime
from typing import Any

from portal.demo.simulator.sending.certificates import Certificate
from portal.providers.ports import Delivery

LIVE = "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77"
SANDBOX = "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77"


def signed(
    certificate: Certificate,
    body: bytes,
    *,
    webhook_id: str,
    url: str = SANDBOX,
    at: datetime | str | None = None,
    transmission_id: str | None = None,
) -> Delivery:
    """A message that this certificate's key signed for this webhook."""
    transmission_id = transmission_id or str(uuid.uuid4())
    moment = at if isinstance(at, str) else (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    said = "|".join((transmission_id, moment, webhook_id, str(zlib.crc32(body))))
    return Delivery(
        transmission_id=transmission_id,
        transmission_time=moment,
        cert_url=url,
        auth_algo="SHA256withRSA",
        signature=base64.b64encode(certificate.sign(said.encode())).decode(),
        body=body,
    )


def headers(delivery: Delivery) -> dict[str, str]:
    """The headers that a message travels with."""
    return {
        "PAYPAL-TRANSMISSION-ID": delivery.transmission_id,
        "PAYPAL-TRANSMISSION-TIME": delivery.transmission_time,
        "PAYPAL-CERT-URL": delivery.cert_url,
        "PAYPAL-AUTH-ALGO": delivery.auth_algo,
        "PAYPAL-TRANSMISSION-SIG": delivery.signature,
        "Content-Type": "application/json",
    }


def event(kind: str, resource: dict[str, Any], *, event_id: str | None = None, at: datetime | None = None) -> bytes:
    """The bytes of an event of FACTS.md 2.2's envelope."""
    envelope = {
        "id": event_id or f"WH-{uuid.uuid4().hex[:17].upper()}-{uuid.uuid4().hex[:17].upper()}",
        "event_version": "1.0",
        "create_time": (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.920Z"),
        "event_type": kind,
        "summary": "…",
        "resource": resource,
        "links": [],
    }
    return json.dumps(envelope, ensure_ascii=False).encode()

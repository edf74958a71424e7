"""Whether a webhook message is PayPal's own: verified offline, all but the certificate (FACTS.md 2.5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from portal.providers.paypal.addresses import addresses
from portal.providers.ports import Delivery


class PayPalSignatures:
    """Verifies messages of both environments; certificates are fetched once and kept."""

    def __init__(self, base_urls: Mapping[str, str] | None = None, *, trust: Path | None = None) -> None:
        """`trust` is a PEM file of roots for a stand-in's certificates; without it the public roots count."""
        self._where = addresses(base_urls)
        self._trust = trust

    def verify(self, delivery: Delivery, *, webhook_id: str, environment: str, now: datetime) -> None:
        """Return if PayPal signed these bytes for this webhook. Raises BadSignature, GatewayUnavailable."""
        raise NotImplementedError

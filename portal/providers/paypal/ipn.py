"""Whether PayPal sent an IPN: the identical bytes are posted back, and PayPal says so (FACTS.md 3.2)."""

from __future__ import annotations

from collections.abc import Mapping

from portal.providers.paypal.addresses import addresses


class PayPalIpns:
    """Asks PayPal about IPNs; the address comes from our settings, never from the message."""

    def __init__(self, base_urls: Mapping[str, str] | None = None) -> None:
        self._where = addresses(base_urls)

    def is_genuine(self, body: bytes, *, environment: str) -> bool:
        """Post the bytes back and return PayPal's word. Raises GatewayUnavailable."""
        raise NotImplementedError

"""PayPal behind the ports: REST (FACTS.md 1 and 2) and classic (FACTS.md 3). No database, no page."""

from __future__ import annotations

from portal.providers.paypal.client import PayPalGateway
from portal.providers.paypal.factory import PayPalGateways
from portal.providers.paypal.ipn import PayPalIpns
from portal.providers.paypal.signatures import PayPalSignatures

__all__ = ["PayPalGateway", "PayPalGateways", "PayPalIpns", "PayPalSignatures"]

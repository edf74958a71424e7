"""PayPal's REST API as a subscription gateway (FACTS.md section 1). Nothing here knows a database or a page."""

from __future__ import annotations

from portal.providers.paypal.client import PayPalGateway, PayPalGateways

__all__ = ["PayPalGateway", "PayPalGateways"]

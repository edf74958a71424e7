"""The REST client's part about webhooks: what is registered, and what was sent (FACTS.md 2.4)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Final

from portal.providers.paypal.caller import RestCaller
from portal.providers.ports import EventReading, WebhookReading

WEBHOOKS: Final = "/v1/notifications/webhooks"
EVENTS: Final = "/v1/notifications/webhooks-events"


class WebhookCalls(RestCaller):
    """Webhooks of the application that the key belongs to, and the events PayPal keeps."""

    def takes_address(self, url: str) -> bool:
        """Say whether PayPal would call this address: https on port 443 of a public host (FACTS.md 2.1)."""
        raise NotImplementedError

    def list_webhooks(self) -> tuple[WebhookReading, ...]:
        """Read every webhook of the application; others than ours may be among them."""
        raise NotImplementedError

    def create_webhook(self, *, url: str, event_types: Collection[str]) -> WebhookReading:
        """Register an address; raise GatewayRefused WEBHOOK_LIMIT or WEBHOOK_EXISTS."""
        raise NotImplementedError

    def change_webhook(self, webhook_id: str, *, url: str, event_types: Collection[str]) -> WebhookReading:
        """Give a webhook another address and other event types."""
        raise NotImplementedError

    def simulate_event(self, webhook_id: str, *, event_type: str) -> str:
        """Have PayPal send a made-up event; return the debug id."""
        raise NotImplementedError

    def list_events(self, *, start: datetime, end: datetime) -> Iterator[EventReading]:
        """Yield what PayPal sent, or tried to send, from `start` to `end` (aware), page by page."""
        raise NotImplementedError

    def resend_event(self, event_id: str, *, webhook_id: str) -> None:
        """Have PayPal send an event again, to this webhook only."""
        raise NotImplementedError

"""The REST client's part about webhooks: what is registered, and what was sent (FACTS.md 2.4)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from portal.providers.deliveries import Delivery
from portal.providers.paypal import errors, mapping, transport
from portal.providers.paypal.addresses import LOOPBACK
from portal.providers.paypal.caller import RestCaller
from portal.providers.paypal.pages import next_link, rows, stamp
from portal.providers.paypal.transport import Answer
from portal.providers.ports import EventReading, WebhookReading

WEBHOOKS: Final = "/v1/notifications/webhooks"
EVENTS: Final = "/v1/notifications/webhooks-events"
VERIFYING: Final = "/v1/notifications/verify-webhook-signature"
SIMULATION: Final = "/v1/notifications/simulate-event"
LONGEST_URL: Final = 2048  # characters (PayPal's file)
EVENTS_PAGE: Final = 20  # events, as in PayPal's other lists: its largest page here is not published
MOST_EVENTS: Final = 250_000  # of one list: one that never ends is ended
# Names that no public server has (RFC 2606, 6761, 6762, 8375).
HOME_NAMES: Final = frozenset({"test", "example", "invalid", "localhost", "local", "internal", "onion", "lan", "arpa"})


class WebhookCalls(RestCaller):
    """Webhooks of the application that the key belongs to, and the events PayPal keeps."""

    def takes_address(self, url: str) -> bool:
        """Say whether PayPal would call this address: https on port 443 of a public host (FACTS.md 2.1).

        A stand-in for PayPal on this machine also calls this machine.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return False
        if not host or parts.username is not None or parts.password is not None or len(url) > LONGEST_URL:
            return False
        if self._where.is_local and host in LOOPBACK:
            return parts.scheme in ("http", "https")
        return parts.scheme == "https" and port in (None, 443) and _is_public(host)

    def list_webhooks(self) -> tuple[WebhookReading, ...]:
        """Read every webhook of the application; others than ours may be among them."""
        answer = self._call("list_webhooks", "GET", WEBHOOKS)
        read = [_webhook(row) for row in rows(answer, "webhooks", operation="list_webhooks")]
        return tuple(webhook for webhook in read if webhook is not None)

    def create_webhook(self, *, url: str, event_types: Collection[str]) -> WebhookReading:
        """Register an address; raise GatewayRefused WEBHOOK_LIMIT or WEBHOOK_EXISTS."""
        body = {"url": url, "event_types": _names(event_types)}
        return _read(self._call("create_webhook", "POST", WEBHOOKS, json=body, expected=201), "create_webhook")

    def change_webhook(
        self, webhook_id: str, *, url: str | None = None, event_types: Collection[str] | None = None
    ) -> WebhookReading:
        """Give a webhook another address, other event types, or both: what is None stays."""
        patch: list[dict[str, Any]] = []
        if url is not None:
            patch.append({"op": "replace", "path": "/url", "value": url})
        if event_types is not None:
            patch.append({"op": "replace", "path": "/event_types", "value": _names(event_types)})
        answer = self._call("change_webhook", "PATCH", WEBHOOKS, provider_id=webhook_id, json=patch)
        return _read(answer, "change_webhook")

    def simulate_event(self, webhook_id: str, *, event_type: str) -> str:
        """Have PayPal send a made-up event; return the debug id."""
        body = {"webhook_id": webhook_id, "event_type": event_type}
        return self._call("simulate_event", "POST", SIMULATION, json=body, expected=202).debug_id

    def list_events(self, *, start: datetime, end: datetime) -> Iterator[EventReading]:
        """Yield what PayPal sent, or tried to send, from `start` to `end` (aware), page by page, each event once.

        The rest of a list is asked for with the query of PayPal's link `next`, at our own address for PayPal.
        """
        asked = {
            "start_time": stamp(start.astimezone(UTC)),
            "end_time": stamp(end.astimezone(UTC), up=True),
            "page_size": str(EVENTS_PAGE),
        }
        query: dict[str, str] | None = asked
        seen: set[str] = set()
        while query is not None and len(seen) < MOST_EVENTS:
            answer = self._call("list_events", "GET", EVENTS, query=query)
            read = [_event(row) for row in rows(answer, "events", operation="list_events")]
            fresh = {event.provider_id: event for event in read if event and event.provider_id not in seen}
            seen.update(fresh)
            yield from fresh.values()
            # A page that brings nothing new ends the walk: `next` alone could lead round for ever.
            query = {**asked, **_query(next_link(answer.body))} if fresh and next_link(answer.body) else None

    def resend_event(self, event_id: str, *, webhook_id: str) -> None:
        """Have PayPal send an event again, to this webhook only; one that is still under way is not sent twice."""
        body = {"webhook_ids": [webhook_id]}
        self._call("resend_event", "POST", EVENTS, provider_id=event_id, action="resend", json=body, expected=202)

    def is_own_message(self, delivery: Delivery, *, webhook_id: str) -> bool:
        """Ask PayPal whether it sent a message: its very bytes go back, since any other writing fails (FACTS.md 2.5).

        Raises ValueError for a body that is no JSON object alone: it could say other things about itself.
        """
        if transport.json_object(delivery.body) is None:
            raise ValueError("not a JSON object")
        about = {
            "auth_algo": delivery.auth_algo,
            "cert_url": delivery.cert_url,
            "transmission_id": delivery.transmission_id,
            "transmission_sig": delivery.signature,
            "transmission_time": delivery.transmission_time,
            "webhook_id": webhook_id,
        }
        spliced = json.dumps(about).encode()[:-1] + b', "webhook_event": ' + delivery.body + b"}"
        kind = {"Content-Type": "application/json"}
        answer = self._call("verify_message", "POST", VERIFYING, form=spliced, headers=kind)
        word = answer.body.get("verification_status")
        if word not in ("SUCCESS", "FAILURE"):
            raise errors.unavailable("verify_message: no word", status=200, debug_id=answer.debug_id)
        return bool(word == "SUCCESS")


def _is_public(host: str) -> bool:
    try:
        return ip_address(host).is_global
    except ValueError:
        labels = host.rstrip(".").split(".")
        return len(labels) > 1 and all(labels) and labels[-1] not in HOME_NAMES


def _names(event_types: Collection[str]) -> list[dict[str, str]]:
    return [{"name": name} for name in sorted(event_types)]


def _read(answer: Answer, operation: str) -> WebhookReading:
    webhook = _webhook(answer.body)
    if webhook is None:
        raise errors.unavailable(f"{operation}: no webhook in the answer", debug_id=answer.debug_id)
    return webhook


def _webhook(body: object) -> WebhookReading | None:
    row: Mapping[str, Any] = body if isinstance(body, dict) else {}
    provider_id, types = mapping.identifier(row.get("id")), row.get("event_types")
    if provider_id is None:
        return None
    names = [_name(one) for one in types] if isinstance(types, list) else []
    return WebhookReading(
        provider_id=provider_id,
        url=mapping.text(row.get("url"), longest=LONGEST_URL) or "",
        event_types=frozenset(name for name in names if name),
    )


def _name(row: object) -> str:
    return mapping.text(row.get("name"), longest=100) or "" if isinstance(row, dict) else ""


def _event(body: object) -> EventReading | None:
    row: Mapping[str, Any] = body if isinstance(body, dict) else {}
    provider_id = mapping.identifier(row.get("id"))
    if provider_id is None:
        return None
    return EventReading(
        provider_id=provider_id,
        event_type=mapping.text(row.get("event_type"), longest=100) or "",
        created_at=mapping.moment(row.get("create_time")),
    )


def _query(link: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the query of a link's address, and nothing else of it."""
    href = link.get("href") if link else None
    try:
        return dict(parse_qsl(urlsplit(href).query)) if isinstance(href, str) else {}
    except ValueError:
        return {}

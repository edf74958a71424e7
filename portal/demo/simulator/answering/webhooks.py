"""PayPal's webhook management API: webhooks of an app, event types, events, simulation, resend (FACTS.md 2.4).

PayPal takes https addresses on port 443 only; the simulator also takes plain http addresses of this machine,
on any port, so that the demo can be told of events.  Nothing is ever sent to another machine.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from portal.demo.simulator import shapes
from portal.demo.simulator.answering.operations import Asked
from portal.demo.simulator.messages import Reply, json_reply
from portal.demo.simulator.records import Event, Webhook, moment
from portal.demo.simulator.sending import events
from portal.demo.simulator.sending.delivery import LOOPBACK, signer_of
from portal.demo.simulator.shapes import PayPalError

MOST: Final = 10  # webhooks of one app
MOST_TYPES: Final = 500
LONGEST_URL: Final = 2048
PATH: Final = "/v1/notifications/webhooks"
EVENTS_PATH: Final = "/v1/notifications/webhooks-events"
DOCUMENTATION: Final = "https://developer.paypal.com/docs/api/webhooks/v1/#error-"
MESSAGES: Final = {
    "VALIDATION_ERROR": "Invalid data provided",
    "WEBHOOK_URL_ALREADY_EXISTS": "Webhook URL already exists",
    "WEBHOOK_NUMBER_LIMIT_EXCEEDED": "Application has reached its webhook limit",
    "WEBHOOK_PATCH_REQUEST_NO_CHANGE": "Patch request contains no change",
    "INVALID_RESOURCE_ID": "The requested resource ID was not found",
}


@dataclass
class WebhookError(PayPalError):
    """An error of this API: its name alone says what is wrong, where others have an issue."""

    name: str = ""

    def body(self, debug_id: str) -> dict[str, Any]:
        """Return the error's JSON."""
        body: dict[str, Any] = {"name": self.name, "message": MESSAGES[self.name], "debug_id": debug_id}
        if self.field:
            body["details"] = [{"field": self.field, "issue": self.description, "location": "body"}]
        return body | {"information_link": DOCUMENTATION + self.name, "links": []}


def _wrong(field: str, issue: str) -> WebhookError:
    return WebhookError(400, name="VALIDATION_ERROR", field=field, description=issue)


def certificate(asked: Asked) -> Reply:
    """Answer one of the certificates that messages are signed with; anybody may ask."""
    found = signer_of(asked.provider_id)
    if found is None:
        raise PayPalError(404, "INVALID_RESOURCE_ID")
    return Reply(status=200, body=found.chain, headers={"Content-Type": "application/x-pem-file"})


def _verify(asked: Asked) -> Reply:
    """Say whether a message is one of PayPal's, by the bytes that were spliced into the question."""
    given = _body(asked)
    if not isinstance(given, dict) or not isinstance(given.get("webhook_event"), dict):
        raise _wrong("webhook_event", "Field is missing")
    body = asked.request.body.partition(b'"webhook_event":')[2].strip().removesuffix(b"}")
    said = "|".join(str(given.get(name)) for name in ("transmission_id", "transmission_time", "webhook_id"))
    own = {row.id for row in _own(asked)}
    name = str(given.get("cert_url")).rpartition("/")[2]
    signer = signer_of(name) if given.get("webhook_id") in own else None
    signed = f"{said}|{zlib.crc32(body)}".encode()
    is_own = signer is not None and signer.holds(str(given.get("transmission_sig")), signed)
    return json_reply(200, {"verification_status": "SUCCESS" if is_own else "FAILURE"})


def _list(asked: Asked) -> Reply:
    return json_reply(200, {"webhooks": [_shape(row, asked) for row in _own(asked)]})


def _create(asked: Asked) -> Reply:
    given = _body(asked)
    if not isinstance(given, dict):
        raise _wrong("url", "Field is missing")
    url, types = _address(given.get("url")), _types(given.get("event_types"))
    if any(row.url == url for row in _own(asked)):
        raise WebhookError(400, name="WEBHOOK_URL_ALREADY_EXISTS")
    if len(_own(asked)) >= MOST:
        raise WebhookError(400, name="WEBHOOK_NUMBER_LIMIT_EXCEEDED")
    row = asked.simulator.add_webhook(url, types, client_id=asked.client_id)
    return json_reply(201, _shape(row, asked))


def _show(asked: Asked) -> Reply:
    return json_reply(200, _shape(_webhook(asked, asked.provider_id), asked))


def _change(asked: Asked) -> Reply:
    row, patches = _webhook(asked, asked.provider_id), _body(asked)
    if not isinstance(patches, list) or not patches:
        raise _wrong("patch_request", "Patch request is not an array with operations")
    url, types = row.url, row.event_types
    for patch in patches:
        if not isinstance(patch, dict) or patch.get("op") != "replace":
            raise _wrong("op", "Only the operation replace is supported")
        match patch.get("path"):
            case "/url":
                url = _address(patch.get("value"))
            case "/event_types":
                types = _types(patch.get("value"))
            case _:
                raise _wrong("path", "Only /url and /event_types can be replaced")
    if any(other.url == url for other in _own(asked) if other.id != row.id):
        raise WebhookError(400, name="WEBHOOK_URL_ALREADY_EXISTS")
    row.url, row.event_types = url, types
    asked.simulator.save()
    return json_reply(200, _shape(row, asked))


def _delete(asked: Asked) -> Reply:
    row = _webhook(asked, asked.provider_id)
    del asked.simulator.state.webhooks[row.id]
    asked.simulator.save()
    return Reply(status=204)


def _event_types(asked: Asked) -> Reply:
    found = [
        {
            "name": name,
            "description": said,
            "status": "ENABLED",
            "resource_versions": ["2.0" if name.startswith("BILLING.SUBSCRIPTION") else "1.0"],
        }
        for name, said in events.EVENT_TYPES.items()
    ]
    return json_reply(200, {"event_types": found})


def _simulate(asked: Asked) -> Reply:
    given = _body(asked)
    name = given.get("event_type") if isinstance(given, dict) else None
    if not isinstance(given, dict) or name not in events.EVENT_TYPES:
        raise _wrong("event_type", "Not a valid webhook event name")
    simulator = asked.simulator
    made = events.made_up(name, client_id=asked.client_id, environment=asked.environment, now=simulator.real_now())
    if given.get("webhook_id"):
        simulator.publish(made, webhook_id=_webhook(asked, given["webhook_id"]).id)
    else:
        simulator.publish(made, url=_address(given.get("url")))
    simulator.save()
    return _raw(202, made)


def _list_events(asked: Asked) -> Reply:
    query = asked.request.query
    rows = _events_between(asked)
    if "event_type" in query:
        rows = [row for row in rows if row.event_type == query["event_type"]]
    if "transaction_id" in query:
        rows = [row for row in rows if row.subject == query["transaction_id"]]
    if not query.get("page_size", "10").isdecimal() or query.get("page_size") == "0":
        raise PayPalError(400, "INVALID_PARAMETER_VALUE", field="page_size")
    size, after = int(query.get("page_size", 10)), query.get("next_page_token")
    ids = [row.id for row in rows]
    start = ids.index(after) + 1 if after in ids else 0
    shown = rows[start : start + size]
    root = shapes.LINKS[asked.environment] + EVENTS_PATH
    names = ("page_size", "start_time", "end_time", "event_type", "transaction_id")
    own: dict[str, str] = {name: query[name] for name in names if name in query}
    links = [{"href": f"{root}?{urlencode(own)}", "rel": "self", "method": "GET"}]
    if len(rows) > start + size:
        following = urlencode(own | {"next_page_token": shown[-1].id})
        links.append({"href": f"{root}?{following}", "rel": "next", "method": "GET"})
    found = [json.loads(row.body) for row in shown]
    return json_reply(200, {"events": found, "count": len(found), "links": links})


def _events_between(asked: Asked) -> list[Event]:
    """Return the app's events, newest first."""
    query = asked.request.query
    try:
        start, end = (moment(query[name]) if name in query else None for name in ("start_time", "end_time"))
    except ValueError:
        raise PayPalError(400, "INVALID_PARAMETER_SYNTAX", field="start_time") from None
    return [
        row
        for row in reversed(asked.simulator.state.events.values())
        if row.client_id == asked.client_id
        and not row.simulated
        and (start is None or moment(row.create_time) >= start)
        and (end is None or moment(row.create_time) <= end)
    ]


def _show_event(asked: Asked) -> Reply:
    return _raw(200, _event(asked))


def _resend(asked: Asked) -> Reply:
    """Send an event again; where it is still on its way, it is not sent twice (FACTS.md 2.3)."""
    row, given = _event(asked), _body(asked) if asked.request.body else {}
    wanted = given.get("webhook_ids") if isinstance(given, dict) else None
    if wanted is None:
        rows = [webhook for webhook in _own(asked) if webhook.wants(row.event_type)]
    elif isinstance(wanted, list):
        rows = [_webhook(asked, webhook_id) for webhook_id in wanted]
    else:
        raise _wrong("webhook_ids", "Not an array")
    waiting = {delivery.webhook_id for delivery in asked.simulator.pending if delivery.event_id == row.id}
    asked.simulator.courier.plan(row, [webhook for webhook in rows if webhook.id not in waiting])
    asked.simulator.save()
    return _raw(202, row)


def _own(asked: Asked) -> list[Webhook]:
    return [row for row in asked.simulator.state.webhooks.values() if row.client_id == asked.client_id]


def _webhook(asked: Asked, webhook_id: object) -> Webhook:
    row = next((row for row in _own(asked) if row.id == webhook_id), None)
    if row is None:
        raise WebhookError(404, name="INVALID_RESOURCE_ID")
    return row


def _event(asked: Asked) -> Event:
    row = asked.simulator.state.events.get(asked.provider_id)
    if row is None or row.client_id != asked.client_id or row.simulated:
        raise WebhookError(404, name="INVALID_RESOURCE_ID")
    return row


def _body(asked: Asked) -> Any:
    if asked.request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise PayPalError(415)
    try:
        return json.loads(asked.request.body)
    except ValueError:
        raise PayPalError(400, "MALFORMED_REQUEST_JSON") from None


def _address(url: object) -> str:
    if not isinstance(url, str) or not url or len(url) > LONGEST_URL:
        raise _wrong("url", "Not a valid webhook URL")
    try:
        parts = urlsplit(url)
        https = parts.scheme == "https" and bool(parts.hostname) and parts.port in (None, 443)
    except ValueError:
        raise _wrong("url", "Not a valid webhook URL") from None
    if not https and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise _wrong("url", "Not a valid webhook URL")
    return url


def _types(given: object) -> list[str]:
    names = [row.get("name") if isinstance(row, dict) else None for row in given] if isinstance(given, list) else []
    if not names or len(names) > MOST_TYPES:
        raise _wrong("event_types", "Not a valid number of webhook event names")
    if any(name != "*" and name not in events.EVENT_TYPES for name in names):
        raise _wrong("event_types", "Not a valid webhook event name")
    return [str(name) for name in names]


def _shape(row: Webhook, asked: Asked) -> dict[str, Any]:
    own = f"{shapes.LINKS[asked.environment]}{PATH}/{row.id}"
    types = [
        {"name": name, "description": events.EVENT_TYPES.get(name, "ALL"), "status": "ENABLED"}
        for name in row.event_types
    ]
    links = [{"href": own, "rel": rel, "method": verb} for rel, verb in LINKS]
    return {"id": row.id, "url": row.url, "event_types": types, "links": links}


def _raw(status: int, event: Event) -> Reply:
    body = event.body.encode("utf-8", "surrogatepass")
    return Reply(status=status, body=body, headers={"Content-Type": "application/json"})


LINKS: Final = (("self", "GET"), ("update", "PATCH"), ("delete", "DELETE"))
CALLS: Final[dict[str, Callable[[Asked], Reply]]] = {
    "verify_message": _verify,
    "list_webhooks": _list,
    "create_webhook": _create,
    "show_webhook": _show,
    "change_webhook": _change,
    "delete_webhook": _delete,
    "event_types": _event_types,
    "simulate_event": _simulate,
    "list_events": _list_events,
    "show_event": _show_event,
    "resend_event": _resend,
}

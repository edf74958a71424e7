"""Webhook endpoints: where events are sent. To subscribe is a POST, to unsubscribe a DELETE (REST hooks)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from apiflask import APIBlueprint
from apiflask.fields import Boolean, List, Nested, String
from apiflask.validators import Length
from flask import Response

from portal.api.calls import by, caller, context
from portal.api.problems import Problem
from portal.api.routes import body, reply
from portal.api.schemas import Out, PublicId, Strict, moment, word
from portal.clock import utc_now
from portal.domain.integrations.api_keys import Mode
from portal.domain.integrations.outgoing_events import (
    CHOSEN,
    LONGEST_ADDRESS,
    LONGEST_DESCRIPTION,
    BadAddress,
    EndpointState,
    EventType,
)
from portal.domain.integrations.public_ids import Kind, public
from portal.queries.integrations import event_endpoints as stored
from portal.services.outgoing import event_endpoints, event_replays
from portal.services.outgoing.event_endpoints import SameAddress, TooManyEndpoints, Wish
from portal.services.resources import Resource
from portal.services.resources import moment as shown

if TYPE_CHECKING:
    from portal.models import EventEndpoint

T = TypeVar("T")

SHOWN_ONCE: Final = "`whsec_…`, in the answer that makes it, and in no other."
HTTPS: Final = {
    "pattern": r"^https://[a-z0-9.-]+\.[a-z]{2,}(:[0-9]{1,5})?(/[!-\"$-\[\]-~]*)?$",
    "examples": ["https://example.com/events"],
}
# Which of PayPal's worlds an endpoint is told of.
MODES: Final[Mapping[str, str | None]] = {**{mode.value: mode.environment for mode in Mode}, "both": None}
COLUMNS: Final[Mapping[str, str]] = {
    "url": "address",
    "description": "description",
    "types": "types",
    "payload": "is_full",
    "mode": "environment",
}
ADDRESSES: Final[Mapping[str, str]] = {
    "not_https": "Events are sent to https addresses alone.",
    "port": "Events are sent to the ports 443 and 8443 alone.",
    "userinfo": "An address holds no user name and no password.",
    "fragment": "An address of an endpoint has no #fragment.",
    "too_long": f"An address has at most {LONGEST_ADDRESS} characters.",
    "unreadable": "This is no address.",
}


class EndpointOut(Out):
    id = PublicId(Kind.ENDPOINT, required=True)
    object = word("webhook_endpoint", required=True)
    url = String(required=True)
    description = String(required=True, allow_none=True)
    types = List(word(*CHOSEN), required=True, metadata={"description": "Empty: every type."})
    payload = word("thin", "full", required=True)
    mode = word(*MODES, required=True, metadata={"description": "Of which of PayPal's worlds it is told."})
    status = word(*EndpointState, required=True)
    secret = String(
        required=True,
        allow_none=True,
        metadata={"description": "`whsec_…`, in the answer that makes it, and no other."},
    )
    created_at = moment(required=True)
    last_success_at = moment(required=True, allow_none=True)
    failing_since = moment(required=True, allow_none=True)


class EndpointList(Out):
    object = word("list", required=True)
    data = List(Nested(EndpointOut), required=True)


class NewEndpoint(Strict):
    url = String(required=True, validate=Length(1, LONGEST_ADDRESS), metadata=HTTPS)
    description = String(load_default="", validate=Length(max=LONGEST_DESCRIPTION))
    types = List(word(*CHOSEN), load_default=list, metadata={"description": "Left out, or empty: every type."})
    payload = word("thin", "full", load_default="thin")
    mode = word(*MODES, metadata={"description": "Left out: that of the key. A test key has test endpoints alone."})


class EndpointChange(Strict):
    url = String(validate=Length(1, LONGEST_ADDRESS), metadata=HTTPS)
    description = String(validate=Length(max=LONGEST_DESCRIPTION))
    types = List(word(*CHOSEN))
    payload = word("thin", "full")
    mode = word(*MODES)


class WebhookTestOut(Out):
    object = word("webhook_test", required=True)
    sent = Boolean(required=True, metadata={"description": "false: the endpoint is not called at present."})


bp = APIBlueprint("webhook_endpoints", __name__, tag="Webhook endpoints")


@bp.get("/webhook_endpoints")
@bp.output(EndpointList)
def listed() -> Response:
    """List the merchant's endpoints, the oldest first: there are ten at the most."""
    with context().db.read() as session:
        rows = stored.all_seen(session, caller().merchant_id, environment=caller().mode.environment)
    return reply({"object": "list", "data": [_endpoint(row) for row in rows]})


@bp.get("/webhook_endpoints/<id(ep):endpoint_id>")
@bp.output(EndpointOut)
def one(endpoint_id: uuid.UUID) -> Response:
    """Read one endpoint."""
    return _shown(endpoint_id)


@bp.post("/webhook_endpoints")
@body(bp, NewEndpoint)
@bp.output(EndpointOut, status_code=201)
def made(body: dict[str, Any]) -> Response:
    """Add an endpoint. The answer alone has the secret by which its events are signed (Standard Webhooks 1.0.0)."""
    found = _tried(lambda: event_endpoints.make(context(), caller().merchant_id, _wish(body), by=by(), now=utc_now()))
    location = f"/v1/webhook_endpoints/{public(Kind.ENDPOINT, found.endpoint_id)}"
    return _shown(found.endpoint_id, 201, secret=found.secret, location=location)


@bp.patch("/webhook_endpoints/<id(ep):endpoint_id>")
@body(bp, EndpointChange)
@bp.output(EndpointOut)
def changed(endpoint_id: uuid.UUID, body: dict[str, Any]) -> Response:
    """Change what is named; the rest stays."""
    key = caller()
    row = _seen(endpoint_id)
    kept = {
        "url": row.address,
        "description": row.description,
        "types": row.types,
        "payload": "full" if row.is_full else "thin",
        "mode": _mode(row),
    }
    wish, rest = _wish(kept | body), [column for name, column in COLUMNS.items() if name not in body]
    _tried(
        lambda: event_endpoints.change(
            context(), key.merchant_id, endpoint_id, wish, untouched=rest, by=by(), now=utc_now()
        )
    )
    return _shown(endpoint_id)


@bp.delete("/webhook_endpoints/<id(ep):endpoint_id>")
@bp.output({}, status_code=204)
def removed(endpoint_id: uuid.UUID) -> Response:
    """Remove an endpoint, with what waits for it and its log."""
    _seen(endpoint_id)
    event_endpoints.remove(context(), caller().merchant_id, endpoint_id, by=by(), now=utc_now())
    return Response(status=204)


@bp.post("/webhook_endpoints/<id(ep):endpoint_id>/rotate_secret")
@bp.output(EndpointOut)
def rotated(endpoint_id: uuid.UUID) -> Response:
    """Give it a new secret; for a day both sign."""
    _seen(endpoint_id)
    made = event_endpoints.renew_secret(context(), caller().merchant_id, endpoint_id, by=by(), now=utc_now())
    return _shown(endpoint_id, secret=made.secret)


@bp.post("/webhook_endpoints/<id(ep):endpoint_id>/resume")
@bp.output(EndpointOut)
def resumed(endpoint_id: uuid.UUID) -> Response:
    """Call it again, beginning with what waits and what failed since it did."""
    _seen(endpoint_id)
    event_replays.resume(context(), caller().merchant_id, endpoint_id, by=by(), now=utc_now())
    return _shown(endpoint_id)


@bp.post("/webhook_endpoints/<id(ep):endpoint_id>/test")
@bp.output(WebhookTestOut, status_code=202)
def tested(endpoint_id: uuid.UUID) -> Response:
    """Send it an event `endpoint.test`."""
    _seen(endpoint_id)
    sent = event_endpoints.test(context(), caller().merchant_id, endpoint_id, by=by(), now=utc_now())
    return reply({"object": "webhook_test", "sent": sent}, 202)


def _wish(body: dict[str, Any]) -> Wish:
    return Wish(
        address=body["url"],
        description=body["description"],
        types=[EventType(one) for one in body["types"]],
        is_full=body["payload"] == "full",
        environment=MODES[_allowed(body.get("mode", caller().mode.value))],
    )


def _allowed(mode: str) -> str:
    if caller().mode is Mode.TEST and mode != Mode.TEST:
        raise Problem("forbidden", "A test key has endpoints that are told of PayPal's sandbox alone.")
    return mode


def _mode(row: EventEndpoint) -> str:
    return next(mode for mode, environment in MODES.items() if environment == row.environment)


def _seen(endpoint_id: uuid.UUID) -> EventEndpoint:
    """Return an endpoint that this key sees; raise NoResultFound for any other."""
    with context().db.read() as session:
        return stored.seen(session, caller().merchant_id, endpoint_id, environment=caller().mode.environment)


def _tried(act: Callable[[], T]) -> T:
    """Do it; raise Problem for an address that is none, and for one too many."""
    try:
        return act()
    except BadAddress as refused:
        errors = [{"pointer": "/url", "detail": ADDRESSES[str(refused)]}]
        raise Problem("invalid", "Some of what was sent cannot be taken: see `errors`.", errors=errors) from None
    except SameAddress:
        raise Problem("conflict", "Another endpoint has this address.", reason="same_address") from None
    except TooManyEndpoints:
        raise Problem("conflict", "There are as many endpoints as there may be.", reason="too_many") from None


def _shown(endpoint_id: uuid.UUID, status: int = 200, *, secret: str | None = None, location: str = "") -> Response:
    return reply(_endpoint(_seen(endpoint_id), secret), status, location=location)


def _endpoint(row: EventEndpoint, secret: str | None = None) -> Resource:
    return {
        "id": public(Kind.ENDPOINT, row.id),
        "object": "webhook_endpoint",
        "url": row.address,
        "description": row.description or None,
        "types": list(row.types),
        "payload": "full" if row.is_full else "thin",
        "mode": _mode(row),
        "status": row.state.value,
        "secret": secret,
        "created_at": shown(row.created_at),
        "last_success_at": shown(row.succeeded_at),
        "failing_since": shown(row.failing_since),
    }

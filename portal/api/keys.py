"""The key itself: what it may do; and keys that somebody found in the open."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from apiflask.fields import Integer, List, String
from apiflask.validators import Length
from flask import Response, request

from portal.api.calls import caller, context
from portal.api.routes import body, reply
from portal.api.schemas import Out, PublicId, Strict, moment, word
from portal.clock import utc_now
from portal.domain.integrations.api_keys import Mode, Scope
from portal.domain.integrations.networks import network_of
from portal.domain.integrations.public_ids import Kind, public
from portal.services.api import api_keys
from portal.services.resources import moment as shown


class KeyOut(Out):
    id = PublicId(Kind.KEY, required=True)
    object = word("key", required=True)
    name = String(required=True)
    prefix = String(required=True)
    mode = word(*Mode, required=True)
    scopes = List(word(*Scope), required=True)
    calls_per_minute = Integer(required=True)
    merchant = String(required=True, metadata={"description": "The merchant's name in addresses."})
    expires_at = moment("Of one that was replaced.", required=True, allow_none=True)


class LeakedKey(Strict):
    key = String(required=True, validate=Length(1, 200), metadata={"description": "The whole key, or its beginning."})
    where = String(load_default="", validate=Length(max=500), metadata={"description": "Where it can be read."})


class ReportOut(Out):
    object = word("report", required=True)


bp = APIBlueprint("keys", __name__, tag="Keys")


@bp.get("/key")
@bp.output(KeyOut)
def own() -> Response:
    """Read what the key that is used may do."""
    key = caller()
    return reply(
        {
            "id": public(Kind.KEY, key.key_id),
            "object": "key",
            "name": key.name,
            "prefix": key.prefix,
            "mode": key.mode.value,
            "scopes": sorted(key.scopes),
            "calls_per_minute": key.per_minute,
            "merchant": key.merchant_slug,
            "expires_at": shown(key.expires_at),
        }
    )


@bp.post("/leaked_keys")
@body(bp, LeakedKey)
@bp.output(ReportOut, status_code=202)
def leaked(body: dict[str, Any]) -> Response:
    """Report a key that can be read in public; no key is needed for it.

    Its owners are told. One that is shown whole is revoked at once. The answer is the same whether there is such a key.
    """
    network = network_of(request.remote_addr)
    api_keys.report(context(), body["key"].strip(), where=body["where"], network=network, now=utc_now())
    return reply({"object": "report"}, 202)

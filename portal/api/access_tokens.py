"""Access tokens: an access check, signed, for a server or an edge that verifies it by itself."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from apiflask.fields import Boolean, String
from flask import Response, current_app

from config import Config
from portal.api.access import AccessCheck
from portal.api.calls import caller, context
from portal.api.problems import not_found
from portal.api.routes import body, reply
from portal.api.schemas import Out, moment, word
from portal.clock import utc_now
from portal.domain.integrations.api_keys import Mode
from portal.queries.access.access_checks import pair_of
from portal.queries.integrations.api_keys import Caller
from portal.services import access_checks
from portal.services.access_tokens import Signer
from portal.services.resources import moment as shown


class AccessTokenOut(Out):
    object = word("access_token", required=True)
    allowed = Boolean(required=True)
    token = String(required=True, allow_none=True, metadata={"description": "null: nothing is open."})
    expires_at = moment("A quarter of an hour from now at most.", required=True, allow_none=True)


bp = APIBlueprint("access_tokens", __name__, tag="Access")


@bp.post("/access_tokens")
@body(bp, AccessCheck)
@bp.output(AccessTokenOut)
def made(body: dict[str, Any]) -> Response:
    """Make a token that says what of a product a customer may open now, good for a quarter of an hour.

    It is a JSON Web Token signed with EdDSA; the keys are at `/.well-known/jwks.json`. Verify `iss`, `aud` (the
    merchant's name in addresses; made by a test key it ends in `:test`), `exp`, and that `product` is the one you
    protect. Give it to your own server or edge: a page alone protects nothing.
    """
    key, now = caller(), utc_now()
    pair = pair_of(body["customer"], body["product"])
    config: Config = current_app.extensions["portal_config"]
    signer: Signer = current_app.extensions["portal_signer"]
    with context().db.once() as connection:
        (found,) = access_checks.check(connection, key.merchant_id, key.mode.environment, [pair], now=now)
    if found is None:
        raise not_found()
    token = signer.sign(context(), config.base_url, _audience(key), found, now=now)
    return reply(
        {
            "object": "access_token",
            "allowed": token is not None,
            "token": token.text if token is not None else None,
            "expires_at": shown(token.expires_at) if token is not None else None,
        }
    )


def _audience(key: Caller) -> str:
    """Return for whom a token is: what the sandbox opens is for another audience than what is real."""
    return key.merchant_slug if key.mode is Mode.LIVE else f"{key.merchant_slug}:test"

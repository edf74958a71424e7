"""What a merchant's own host is asked: by us, whether it leads here; by what stands in front, whether it is ours."""

from __future__ import annotations

from flask import Response, abort, request
from flask.typing import ResponseReturnValue

from portal.clock import utc_now
from portal.providers.host_names import WELL_KNOWN
from portal.queries.merchants import own_hosts
from portal.web.identity import context
from portal.web.public import bp


@bp.get(f"{WELL_KNOWN}<token>", endpoint="host_sign")
def sign(token: str) -> ResponseReturnValue:
    """Answer what only this installation knows of a host that its merchant entered."""
    with context().db.read() as session:
        found = own_hosts.sign_of(session, request.host.lower(), token)
    return _said(str(found)) if found is not None else abort(404)


@bp.get(WELL_KNOWN.rstrip("/"), endpoint="host_asked")
def asked() -> ResponseReturnValue:
    """Say to a proxy that makes certificates on demand whether it may for `domain` (Caddy's `ask`)."""
    with context().db.read() as session:
        is_ours = own_hosts.is_proved(session, request.args.get("domain", "").lower(), now=utc_now())
    return _said("yes") if is_ours else abort(404)


def _said(text: str) -> Response:
    return Response(f"{text}\n", mimetype="text/plain", headers={"Cache-Control": "no-store"})

"""What happens around every call: who it is, whether they may, how often, and whether it was made before."""

from __future__ import annotations

import re
import time
import uuid
from typing import Final, cast

import structlog
from apiflask import APIFlask
from flask import Response, current_app, g, request
from werkzeug.http import http_date

from portal.api.problems import CONFLICTS, Problem
from portal.api.scopes import NEEDS, Needs
from portal.clock import utc_now
from portal.domain.api_keys import Mode
from portal.domain.audit import By
from portal.domain.end_requests import Channel
from portal.domain.merchants import MerchantState, goes_on
from portal.domain.policies import Actor
from portal.queries import api_lists
from portal.queries.api_keys import Caller
from portal.services.api import api_keys, api_replies
from portal.services.api.api_keys import KeyRefused
from portal.services.api.api_replies import Reply, Standing
from portal.services.api.api_uses import Use, Uses
from portal.services.context import Context

log = structlog.get_logger("portal.api")

IN_ADDRESS: Final = ("key", "api_key", "apikey", "access_token", "token")
IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
KEPT_HEADERS: Final = ("Content-Type", "Location")


def context() -> Context:
    """Return what the use cases need."""
    return cast(Context, current_app.extensions["portal"])


def caller() -> Caller:
    """Return whose key was shown; only in a view that needs one."""
    return cast(Caller, g.caller)


def by() -> By:
    """Return who acts: the merchant, by this key."""
    key = caller()
    return By(actor=Actor.STAFF, actor_id=key.key_id, channel=Channel.API, name=key.name)


def check_world(*, customer_id: uuid.UUID | None = None, product_id: uuid.UUID | None = None) -> None:
    """Raise Problem where a test key would reach a customer or a product that real subscriptions hang on."""
    key = caller()
    if key.mode is Mode.LIVE:
        return
    with context().db.read() as session:
        if api_lists.is_live(session, key.merchant_id, customer_id=customer_id, product_id=product_id):
            raise Problem("conflict", CONFLICTS["holds_live"], reason="holds_live")


def install(api: APIFlask) -> None:
    """Put the guards around every view."""
    api.extensions["portal_uses"] = Uses()
    api.before_request(_begin)
    api.before_request(_guard)
    api.before_request(_once)
    api.after_request(_keep)
    api.after_request(_head)
    api.teardown_request(_count)


def _begin() -> None:
    g.request_id, g.started = uuid.uuid4().hex, time.perf_counter()
    g.caller, g.use, g.once = None, None, None
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _guard() -> None:
    """Let nobody in but who shows a key that may do this, and not too often."""
    endpoint = request.endpoint
    if any(name in request.args for name in IN_ADDRESS):
        raise Problem(
            "key-in-address",
            "Addresses stand in logs. Send the key as `Authorization: Bearer …`, and replace this one: it was seen.",
        )
    if endpoint is None:
        return  # no such route, or another method: said as such
    needs = NEEDS[endpoint]
    if needs.is_public:
        return
    g.caller = key = _who()
    structlog.contextvars.bind_contextvars(api_key=key.prefix, merchant_id=str(key.merchant_id))
    uses: Uses = current_app.extensions["portal_uses"]
    g.use = use = uses.take(key.key_id, key.per_minute, now=utc_now())
    if use.is_over:
        headers = {"Retry-After": str(use.resets_in)}
        detail = f"This key may make {use.limit} calls a minute. Try again in {use.resets_in} seconds."
        raise Problem("too-many-requests", detail, headers=headers)
    _check_needs(key, needs)
    for name, values in request.args.lists():
        if len(values) > 1:
            raise Problem("bad-request", f"`{name}` stands in the address {len(values)} times.")


def _who() -> Caller:
    scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text:
        raise unauthorized("Send a key as `Authorization: Bearer psk_live_…`.")
    try:
        return api_keys.find(context(), text.strip(), address=request.remote_addr, now=utc_now())
    except KeyRefused as refused:
        log.info("api_key_refused", why=refused.why.value)
        raise unauthorized("This key is not valid here.") from None


def unauthorized(detail: str) -> Problem:
    """Return the one answer for a key that opens nothing."""
    return Problem("unauthorized", detail, headers={"WWW-Authenticate": 'Bearer realm="portal"'})


def _check_needs(key: Caller, needs: Needs) -> None:
    if needs.scope is not None and not key.has(needs.scope):
        raise Problem("forbidden", f"This key lacks the scope `{needs.scope}`.", scope=needs.scope.value)
    if not goes_on(key.merchant_state, needs.work):
        is_suspended = key.merchant_state is MerchantState.SUSPENDED
        why = "merchant_suspended" if is_suspended else "merchant_leaving"
        standing = "suspended" if is_suspended else "leaving"
        raise Problem("conflict", f"The merchant is {standing}: nothing new is begun.", reason=why)


def _once() -> Response | None:
    """Give the first answer again to a call that was made before under the same name."""
    name = request.headers.get("Idempotency-Key")
    if request.method != "POST" or name is None or g.caller is None:
        return None
    if not IDEMPOTENCY_KEY.fullmatch(name):
        raise Problem("bad-request", "An Idempotency-Key has 1 to 255 visible ASCII characters.")
    call = api_replies.call_of(request.method, request.path, request.query_string, request.get_data())
    begun = api_replies.begin(context(), caller().key_id, name, call, now=utc_now())
    if begun.standing is Standing.OTHER_CALL:
        raise Problem(
            "idempotency-key-reused", "Under this Idempotency-Key another call was made in the last 24 hours."
        )
    if begun.standing is Standing.UNDER_WAY:
        detail = "The first call under this Idempotency-Key has not been answered yet."
        raise Problem("call-under-way", detail, headers={"Retry-After": "1"})
    if begun.reply is not None:
        response = Response(begun.reply.body, begun.reply.status, headers=dict(begun.reply.headers))
        response.headers["Idempotency-Replayed"] = "true"
        return response
    g.once = name
    return None


def _keep(response: Response) -> Response:
    """Keep the answer under its name, or give the name free where nothing was done."""
    name = g.get("once")
    if name is None:
        return response
    g.once = None
    key_id = caller().key_id
    if response.status_code >= 400:  # it may be another answer next time
        api_replies.forget(context(), key_id, name)
        return response
    headers = {one: response.headers[one] for one in KEPT_HEADERS if one in response.headers}
    reply = Reply(status=response.status_code, headers=headers, body=response.get_data())
    api_replies.keep(context(), key_id, name, reply)
    return response


def _head(response: Response) -> Response:
    """Say what every answer says: its id, the limit, that nobody else may keep it, and whether it has changed."""
    headers = response.headers
    headers["Request-Id"] = g.get("request_id", "")
    headers["X-Content-Type-Options"] = "nosniff"
    headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    headers.setdefault("Cache-Control", "private, no-cache" if request.method == "GET" else "no-store")
    use: Use | None = g.get("use")
    if use is not None:
        headers["RateLimit-Policy"] = f'"minute";q={use.limit};w=60'
        headers["RateLimit"] = f'"minute";r={use.left};t={use.resets_in}'
    if request.method in ("GET", "HEAD") and response.status_code == 200:
        response.add_etag()
        response.make_conditional(request.environ)
        headers.setdefault("Vary", "Authorization")
    needs = NEEDS.get(request.endpoint or "")
    leaving = needs.leaving if needs is not None else None
    if leaving is not None:  # RFC 9745, RFC 8594
        headers["Deprecation"] = f"@{int(leaving.since.timestamp())}"
        headers["Sunset"] = http_date(leaving.sunset)
    _log(response)
    return response


def _log(response: Response) -> None:
    """Write one line for each call, with the key's beginning beside it: who read what can be said after a leak."""
    spent = round((time.perf_counter() - g.started) * 1000, 1) if "started" in g else None
    log.info("api_call", method=request.method, route=request.endpoint, status=response.status_code, ms=spent)


def _count(_error: BaseException | None) -> None:
    """Put the counts of this process to the others', once the answer is made; one that fails is told and counted on."""
    key: Caller | None = g.get("caller")
    if key is None:
        return
    uses: Uses = current_app.extensions["portal_uses"]
    try:
        uses.put_together(context(), key.key_id, now=utc_now())
    except Exception:  # the answer is right without it
        log.warning("api_use_not_counted", exc_info=True)

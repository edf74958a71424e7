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

from config import Config
from portal import logs, metrics
from portal.api.problems import CONFLICTS, Problem
from portal.api.scopes import NEEDS
from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.ends.end_requests import Channel
from portal.domain.integrations.api_keys import Mode
from portal.domain.merchants.merchants import MerchantState, goes_on
from portal.domain.merchants.own_hosts import HTTPS_ALONE
from portal.domain.policies import Actor
from portal.queries.integrations import api_lists
from portal.queries.integrations.api_keys import Caller
from portal.services.api import api_keys, api_replies
from portal.services.api.api_keys import KeyRefused
from portal.services.api.api_replies import Reply, Standing
from portal.services.api.api_uses import Use, Uses
from portal.services.context import Context

log = structlog.get_logger("portal.api")

IN_ADDRESS: Final = ("key", "api_key", "apikey", "access_token", "token")
IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
KEPT_HEADERS: Final = ("Content-Type", "Location")
CALLER: Final = "portal.caller"  # in a call's environment: its key was read already


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
    config: Config = api.extensions["portal_config"]
    api.extensions["portal_uses"] = Uses(config.api_per_minute)
    api.before_request(_begin)
    api.before_request(_guard)
    api.before_request(_once)
    api.after_request(_keep)
    api.after_request(_head)
    api.teardown_request(_count)


def _begin() -> None:
    g.request_id, g.started = uuid.uuid4().hex, time.perf_counter()
    g.caller, g.use, g.once = None, None, None
    logs.begin(request_id=g.request_id)


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
    bind(g.request_id, key)
    uses: Uses = current_app.extensions["portal_uses"]
    g.use = use = uses.take(key.key_id, key.per_minute, of=key.merchant_id, now=utc_now())
    if use.is_over:
        headers = {"Retry-After": str(use.resets_in)}
        whose = "All keys of this merchant together" if use.is_of_all else "This key"
        detail = f"{whose} may make {use.limit} calls a minute. Try again in {use.resets_in} seconds."
        raise Problem("too-many-requests", detail, headers=headers)
    check_needs(key, endpoint)
    for name, values in request.args.lists():
        if len(values) > 1:
            raise Problem("bad-request", f"`{name}` stands in the address {len(values)} times.")


def _who() -> Caller:
    text = shown_key(request.headers.get("Authorization", ""))
    if not text:
        raise unauthorized("Send a key as `Authorization: Bearer psk_live_…`.")
    try:
        read: Caller | None = request.environ.get(CALLER)  # by the short way
        if read is None:
            return api_keys.find(context(), text, address=request.remote_addr, now=utc_now())
        api_keys.check(read, address=request.remote_addr, now=utc_now())
        return read
    except KeyRefused as refused:
        log.info("api_key_refused", why=refused.why.value)
        raise unauthorized("This key is not valid here.") from None


def shown_key(header: str) -> str:
    """Return the key that an Authorization header shows; an empty text for none."""
    scheme, _space, text = header.partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def bind(request_id: str, key: Caller) -> None:
    """Put beside every line of the log which call it is of, and whose."""
    structlog.contextvars.bind_contextvars(request_id=request_id, api_key=key.prefix, merchant_id=str(key.merchant_id))


def unauthorized(detail: str) -> Problem:
    """Return the one answer for a key that opens nothing."""
    return Problem("unauthorized", detail, headers={"WWW-Authenticate": 'Bearer realm="portal"'})


def check_needs(key: Caller, endpoint: str) -> None:
    """Raise Problem unless the key may make that call."""
    needs = NEEDS[endpoint]
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
    is_https = current_app.extensions["portal_config"].is_https
    every = told(g.get("request_id", ""), request.endpoint, request.method, g.get("use"), is_https=is_https)
    for name, value in every.items():
        headers.setdefault(name, value)
    if request.method in ("GET", "HEAD") and response.status_code == 200:
        response.add_etag()
        response.make_conditional(request.environ)
        headers.setdefault("Vary", "Authorization")
    rule = request.url_rule.rule if request.url_rule is not None else None
    log_call(request.method, request.endpoint, rule, response.status_code, g.get("started"))
    return response


def told(request_id: str, endpoint: str | None, method: str, use: Use | None, *, is_https: bool) -> dict[str, str]:
    """Return the headers of every answer to such a call, and of the key's limit where one was shown."""
    headers = {
        "Request-Id": request_id,
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
        "Cache-Control": "private, no-cache" if method == "GET" else "no-store",
    }
    if is_https:
        headers["Strict-Transport-Security"] = HTTPS_ALONE  # who asks for the API alone hears it too
    if use is not None:
        headers["RateLimit-Policy"] = f'"minute";q={use.limit};w=60'
        headers["RateLimit"] = f'"minute";r={use.left};t={use.resets_in}'
    needs = NEEDS.get(endpoint or "")
    leaving = needs.leaving if needs is not None else None
    if leaving is not None:  # RFC 9745, RFC 8594
        headers["Deprecation"] = f"@{int(leaving.since.timestamp())}"
        headers["Sunset"] = http_date(leaving.sunset)
    return headers


def log_call(method: str, endpoint: str | None, rule: str | None, status: int, started: float | None) -> None:
    """Count the call and write its line, with the key's beginning beside it: who read what can be said after a leak."""
    spent = time.perf_counter() - started if started is not None else 0.0
    metrics.request(method, f"/v1{rule}" if rule is not None else None, status, spent)
    ms = round(spent * 1000, 1) if started is not None else None
    log.info("api_call", method=method, route=endpoint, status=status, ms=ms, **logs.jobs_put())


def _count(_error: BaseException | None) -> None:
    key: Caller | None = g.get("caller")
    if key is not None:
        count(context(), current_app.extensions["portal_uses"], key)


def count(ctx: Context, uses: Uses, key: Caller) -> None:
    """Put the counts of this process to the others', once the answer is made; one that fails is told and counted on."""
    try:
        uses.put_together(ctx, key.key_id, of=key.merchant_id, now=utc_now())
    except Exception:  # the answer is right without it
        log.warning("api_use_not_counted", exc_info=True)

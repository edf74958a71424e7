"""PayPal's side of the conversation, with what was set to go wrong."""

from __future__ import annotations

import math
import re
import secrets
from typing import Final
from urllib.parse import unquote

from portal.demo.simulator import shapes
from portal.demo.simulator.answering import calls, captures, creating, refunds, webhooks
from portal.demo.simulator.answering.operations import (
    REFUND_SCOPE,
    SUBSCRIPTION_SCOPE,
    WEBHOOK_SCOPE,
    Asked,
    identified,
    perform,
    reason_of,
)
from portal.demo.simulator.messages import INVALID_CLIENT, INVALID_TOKEN, OAuthError, Reply, Request, json_reply
from portal.demo.simulator.rules import ACTS, Behaviour, Rule, chosen
from portal.demo.simulator.shapes import PayPalError
from portal.demo.simulator.world import Simulator

ROUTES: Final = (
    ("POST", r"/v1/oauth2/token", "token"),
    ("GET", r"/v1/billing/subscriptions", "list"),
    ("GET", r"/v1/billing/subscriptions/([^/]+)", "show"),
    ("POST", r"/v1/billing/subscriptions", "create"),
    ("POST", r"/v1/billing/subscriptions/([^/]+)/(?:cancel)", "cancel"),
    ("POST", r"/v1/billing/subscriptions/([^/]+)/(?:suspend)", "suspend"),
    ("POST", r"/v1/billing/subscriptions/([^/]+)/(?:activate)", "activate"),
    ("POST", r"/v1/billing/subscriptions/([^/]+)/(?:capture)", "capture"),
    ("GET", r"/v1/billing/subscriptions/([^/]+)/transactions", "transactions"),
    ("GET", r"/v1/billing/plans", "list_plans"),
    ("GET", r"/v1/billing/plans/([^/]+)", "show_plan"),
    ("POST", r"/v1/payments/sale/([^/]+)/(?:refund)", "refund"),
    ("GET", r"/v1/payments/refund/([^/]+)", "show_refund"),
    ("GET", r"/v1/notifications/webhooks", "list_webhooks"),
    ("POST", r"/v1/notifications/webhooks", "create_webhook"),
    ("GET", r"/v1/notifications/webhooks/([^/]+)", "show_webhook"),
    ("PATCH", r"/v1/notifications/webhooks/([^/]+)", "change_webhook"),
    ("DELETE", r"/v1/notifications/webhooks/([^/]+)", "delete_webhook"),
    ("GET", r"/v1/notifications/webhooks-event-types", "event_types"),
    ("POST", r"/v1/notifications/simulate-event", "simulate_event"),
    ("GET", r"/v1/notifications/webhooks-events", "list_events"),
    ("GET", r"/v1/notifications/webhooks-events/([^/]+)", "show_event"),
    ("POST", r"/v1/notifications/webhooks-events/([^/]+)/(?:resend)", "resend_event"),
    ("POST", r"/v1/notifications/verify-webhook-signature", "verify_message"),
    ("GET", r"/v1/notifications/certs/([^/]+)", "certificate"),
)
FORCED: Final = {
    Behaviour.SERVER_ERROR: PayPalError(500),
    Behaviour.SERVICE_UNAVAILABLE: PayPalError(503),
    Behaviour.RATE_LIMITED: PayPalError(429),
    Behaviour.FORBIDDEN: PayPalError(403, "PERMISSION_DENIED"),
    Behaviour.NOT_FOUND: PayPalError(404, "INVALID_RESOURCE_ID"),
    Behaviour.BAD_REQUEST: PayPalError(400, "INVALID_STRING_MAX_LENGTH", field="/reason"),
    Behaviour.CONFLICT: PayPalError(409),
    Behaviour.ACCOUNT_CLOSED: PayPalError(422, "USER_ACCOUNT_CLOSED"),
    Behaviour.PLAN_STATUS_INVALID: PayPalError(422, "PLAN_STATUS_INVALID"),
    Behaviour.PAYER_LOCKED: PayPalError(422, "SUBSCRIBER_ACCOUNT_LOCKED"),
    Behaviour.NOTHING_OUTSTANDING: PayPalError(422, "ZERO_OUTSTANDING_BALANCE"),
    Behaviour.TOO_MUCH: PayPalError(422, "AMOUNT_GREATER_THAN_OUTSTANDING_BALANCE"),
    Behaviour.OTHER_CURRENCY: PayPalError(422, "CURRENCY_MISMATCH"),
    Behaviour.CANNOT_BE_ACTIVATED: PayPalError(422, "SUBSCRIPTION_CANNOT_BE_ACTIVATED", shapes.AFTER_THRESHOLD),
}


def answer(simulator: Simulator, request: Request) -> Reply:
    """Answer one call to PayPal's API and write it in the log of calls."""
    environment, path = "sandbox", request.path
    if path.startswith("/live/"):
        environment, path = "live", path.removeprefix("/live")
    operation, provider_id = _route(request.method, path)
    asked = Asked(simulator, environment, operation, provider_id, request)
    with simulator.lock:
        simulator.settle()
        reply = _limited(asked) or _ruled(asked)
        reason = _reason(request) if operation in ACTS and operation not in ("capture", "create") else ""
        calls.note(asked, reply, reason)
    return reply


def _limited(asked: Asked) -> Reply | None:
    """Return a 429 when the account has made too many calls; certificates are everybody's."""
    if asked.simulator.limits.calls is None or asked.operation == "certificate":
        return None
    given = asked.request.headers.get("authorization", "").partition(" ")[2]
    account = asked.simulator.state.tokens.get(given, {}).get("client_id", given)  # a token call has the key itself
    wait = asked.simulator.limits.wait(account, now=asked.simulator.real_now())
    if not wait:
        return None
    debug_id = secrets.token_hex(7)[:13]
    reply = json_reply(429, PayPalError(429).body(debug_id))
    reply.headers |= {"Retry-After": str(math.ceil(wait)), "PayPal-Debug-Id": debug_id}
    return reply


def _ruled(asked: Asked) -> Reply:
    """Answer as the rules want it: the first that disturbs decides, those that only delay add up."""
    about = refunds.subscription_of(asked) if asked.operation in refunds.CALLS else asked.provider_id
    rule, wait = chosen(asked.simulator.rules, asked.operation, about)
    reply = _disturbed(asked, rule) if rule else _undisturbed(asked)
    reply.wait = wait
    return reply


def _perform(asked: Asked) -> Reply:
    if asked.operation == "certificate":
        return webhooks.certificate(asked)
    if asked.operation in webhooks.CALLS:
        return webhooks.CALLS[asked.operation](identified(asked, scope=WEBHOOK_SCOPE))
    if asked.operation == "capture":
        return captures.capture(identified(asked, scope=SUBSCRIPTION_SCOPE))
    if asked.operation == "create":
        return creating.create(identified(asked, scope=SUBSCRIPTION_SCOPE))
    if asked.operation in refunds.CALLS:
        return refunds.CALLS[asked.operation](identified(asked, scope=REFUND_SCOPE))
    return perform(asked)


def _route(method: str, path: str) -> tuple[str, str]:
    for verb, pattern, operation in ROUTES:
        found = re.fullmatch(pattern, path)
        if found and verb == method:
            return operation, unquote(found.group(1)) if found.groups() else ""
    known = any(re.fullmatch(pattern, path) for _, pattern, _ in ROUTES)
    return ("wrong_method" if known else "unknown"), ""


def _undisturbed(asked: Asked) -> Reply:
    debug_id = secrets.token_hex(7)[:13]
    try:
        reply = _perform(asked)
    except PayPalError as error:
        reply = json_reply(error.status, error.body(debug_id))
    except OAuthError as error:
        reply = json_reply(error.status, error.body)
    reply.headers["PayPal-Debug-Id"] = debug_id
    return reply


def _disturbed(asked: Asked, rule: Rule) -> Reply:
    reply = calls.disturbed(asked, rule, _undisturbed, _forced)
    if rule.behaviour is Behaviour.OTHER_ID and reply.status == 200:
        reply.body = re.sub(rb'"id": ?"([IP])-[^"]*"', rb'"id": "\1-OTHER0000000"', reply.body, count=1)
    reply.headers.setdefault("PayPal-Debug-Id", secrets.token_hex(7)[:13])
    return reply


def _forced(asked: Asked, rule: Rule) -> Reply:
    debug_id = secrets.token_hex(7)[:13]
    odd = {
        Behaviour.HTML: (502, b"<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html"),
        Behaviour.EMPTY: (200, b"", "application/json"),
        Behaviour.ARRAY: (200, b'[{"id": "I-1", "status": "ACTIVE"}]', "application/json"),
    }
    if rule.behaviour in odd:
        status, body, kind = odd[rule.behaviour]
        return Reply(status=status, body=body, headers={"Content-Type": kind, "PayPal-Debug-Id": debug_id})
    if rule.behaviour is Behaviour.KEY_REFUSED:
        _, *words = INVALID_CLIENT if asked.operation == "token" else INVALID_TOKEN
        reply = json_reply(401, OAuthError(401, *words).body)
    elif rule.behaviour is Behaviour.ACCEPTED:
        reply = Reply(status=202)
    elif rule.behaviour is Behaviour.STATUS_INVALID:
        reply = json_reply(422, shapes.status_invalid(asked.operation).body(debug_id))
    else:
        error = FORCED[rule.behaviour]
        reply = json_reply(error.status, error.body(debug_id))
    if rule.behaviour is Behaviour.RATE_LIMITED and rule.retry_after:
        reply.headers["Retry-After"] = str(rule.retry_after)
    reply.headers["PayPal-Debug-Id"] = debug_id
    return reply


def _reason(request: Request) -> str:
    try:
        return reason_of(request)
    except PayPalError:
        return ""

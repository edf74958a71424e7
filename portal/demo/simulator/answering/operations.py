"""What PayPal does with a call: who is asking, for what, and the answer in the normal case."""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs

from portal.demo.simulator import shapes
from portal.demo.simulator.answering import calls
from portal.demo.simulator.messages import INVALID_CLIENT, INVALID_TOKEN, OAuthError, Reply, Request, json_reply
from portal.demo.simulator.records import Account, Subscription, moment, stamp
from portal.demo.simulator.rules import ACTS
from portal.demo.simulator.shapes import PayPalError

TOKEN_LIFE: Final = 31_668  # seconds, as in PayPal's own example
SUBSCRIPTION_SCOPE: Final = "https://uri.paypal.com/services/subscriptions"
WEBHOOK_SCOPE: Final = "https://uri.paypal.com/services/applications/webhooks"
REFUND_SCOPE: Final = "https://uri.paypal.com/services/payments/refund"
MOST_PLANS: Final = 70  # of the list's filter (FACTS.md 1.2)
LISTS_KEPT: Final = 8  # that are being paged through


BOUNDS: Final = ("created_after", "created_before", "status_updated_after", "status_updated_before")
FILTERS: Final = ("statuses", "plan_ids", *BOUNDS)


@dataclass(frozen=True)
class Asked(calls.Asked):
    """One call to the REST API, and whose it is."""

    request: Request
    account: Account | None = None

    @property
    def client_id(self) -> str:
        return self.account.client_id if self.account else ""


def perform(asked: Asked) -> Reply:
    """Answer a call to the subscriptions' API or for a token, as PayPal normally does."""
    if asked.operation == "unknown":
        raise PayPalError(404, "INVALID_RESOURCE_ID")
    if asked.operation == "wrong_method":
        raise PayPalError(405)
    if asked.operation == "token":
        return _token(asked)
    known = identified(asked, scope=SUBSCRIPTION_SCOPE)
    return _act(known) if asked.operation in ACTS else READS[asked.operation](known)


def _token(asked: Asked) -> Reply:
    form = parse_qs(asked.request.body.decode("utf-8", "replace"))
    if form.get("grant_type") != ["client_credentials"]:
        raise OAuthError(400, "unsupported_grant_type", "Grant Type is NULL")
    scheme, _, given = asked.request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise OAuthError(401, "invalid_client", "Client credentials are missing")
    try:
        client_id, _, secret = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise OAuthError(*INVALID_CLIENT) from None
    account = _account(asked, client_id)
    if account is None or account.secret != secret:
        raise OAuthError(*INVALID_CLIENT)
    value = "A21AA" + secrets.token_urlsafe(60)
    tokens, now = asked.simulator.state.tokens, asked.simulator.real_now()
    for ended in [key for key, token in tokens.items() if datetime.fromisoformat(token["until"]) <= now]:
        del tokens[ended]
    tokens[value] = {"client_id": client_id, "until": (now + timedelta(seconds=TOKEN_LIFE)).isoformat()}
    asked.simulator.save()
    return json_reply(
        200,
        {
            "scope": " ".join(account.scopes),
            "access_token": value,
            "token_type": "Bearer",
            "app_id": "APP-80W284485P519543T",
            "expires_in": TOKEN_LIFE,
            "nonce": stamp(asked.simulator.real_now()) + secrets.token_urlsafe(20),
        },
    )


def _account(asked: Asked, client_id: str) -> Account | None:
    accounts = asked.simulator.state.accounts
    return next((row for row in accounts if (row.client_id, row.environment) == (client_id, asked.environment)), None)


def identified(asked: Asked, *, scope: str) -> Asked:
    """Return the call with the account that its token belongs to; raise 401, or 403 when it lacks the scope."""
    scheme, _, value = asked.request.headers.get("authorization", "").partition(" ")
    if scheme != "Bearer":
        raise PayPalError(401)
    token = asked.simulator.state.tokens.get(value, {})
    account = _account(asked, token.get("client_id", ""))
    if account is None or datetime.fromisoformat(token["until"]) <= asked.simulator.real_now():
        raise OAuthError(*INVALID_TOKEN)
    if scope not in account.scopes:
        raise PayPalError(403, "PERMISSION_DENIED")
    return replace(asked, account=account)


def _act(asked: Asked) -> Reply:
    note = reason_of(asked.request)
    asked.simulator.act(subscription_of(asked), asked.operation, note=note)
    return Reply(status=204)


def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object of a call; raise PayPal's error when there is none."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise PayPalError(415)
    if not request.body:
        raise PayPalError(400, "MISSING_REQUEST_BODY")
    try:
        body = json.loads(request.body)
    except ValueError:
        raise PayPalError(400, "MALFORMED_REQUEST_JSON") from None
    return body if isinstance(body, dict) else {}


def reason_of(request: Request) -> str:
    reason = body_of(request).get("reason")
    if reason is None:
        raise PayPalError(400, "MISSING_REQUIRED_PARAMETER", field="/reason")
    if not isinstance(reason, str):
        raise PayPalError(400, "INVALID_PARAMETER_SYNTAX", field="/reason")
    if not 1 <= len(reason) <= 128:
        issue = "INVALID_STRING_MAX_LENGTH" if reason else "INVALID_STRING_MIN_LENGTH"
        raise PayPalError(400, issue, field="/reason")
    return reason


def subscription_of(asked: Asked) -> Subscription:
    """Return the one that a call names; raise 404 for another account's."""
    row = asked.simulator.subscriptions.get(asked.provider_id)
    if row is None or row.client_id != asked.client_id or row.classic:
        raise PayPalError(404, "INVALID_RESOURCE_ID")
    return row


def _show(asked: Asked) -> Reply:
    row = subscription_of(asked)
    plan = asked.simulator.state.plans.get(row.plan_id)
    old = asked.simulator.stale.get(row.id)
    if old:
        row = old.pop()
    fields = asked.request.query.get("fields", "").split(",")
    return json_reply(200, shapes.subscription_body(row, plan, asked.environment, fields=fields))


def _list(asked: Asked) -> Reply:
    plans = asked.simulator.state.plans
    page, links = _page(asked, _listed(asked), path="/v1/billing/subscriptions")
    shown = [shapes.subscription_body(row, plans.get(row.plan_id), asked.environment) for row in page]
    return json_reply(200, {"subscriptions": shown, "links": links})


def _listed(asked: Asked) -> list[Subscription]:
    """Return what the list holds, newest first. Its later pages come from what was found for the first one,
    unless something changed in between: a hundred thousand are not looked through for each twenty."""
    simulator, query = asked.simulator, asked.request.query
    key = (asked.client_id, *(query.get(name, "") for name in FILTERS))
    version, rows = simulator.listed.get(key, (-1, []))
    if query.get("page", "1") != "1" and version == simulator.version:
        return rows
    mine = [row for row in simulator.subscriptions.values() if row.client_id == asked.client_id and not row.classic]
    rows = sorted(filter(_filter(query), mine), key=lambda row: (row.create_time, row.id), reverse=True)
    simulator.listed[key] = simulator.version, rows
    for old in list(simulator.listed)[:-LISTS_KEPT]:
        del simulator.listed[old]
    return rows


def _filter(query: dict[str, str]) -> Callable[[Subscription], bool]:
    statuses = [word for word in query.get("statuses", "").split(",") if word]
    plans = [word for word in query.get("plan_ids", "").split(",") if word]
    if not re.fullmatch(r"[A-Z_,]{0,70}", query.get("statuses", "")):
        raise PayPalError(400, "INVALID_PARAMETER_SYNTAX", field="statuses")
    if len(plans) > MOST_PLANS:
        raise PayPalError(400, "INVALID_PARAMETER_VALUE", field="plan_ids")
    try:
        bounds = {name: moment(query[name]) for name in BOUNDS if name in query}
    except ValueError:
        raise PayPalError(400, "INVALID_PARAMETER_VALUE", field="filter") from None

    def fits(row: Subscription) -> bool:
        for name, bound in bounds.items():
            at = moment(row.create_time if name.startswith("created") else row.status_update_time)
            if (at < bound) if name.endswith("after") else (at > bound):
                return False
        return (not statuses or row.status in statuses) and (not plans or row.plan_id in plans)

    return fits


def _list_plans(asked: Asked) -> Reply:
    query = asked.request.query
    mine = [plan for plan in asked.simulator.state.plans.values() if plan.client_id == asked.client_id]
    page, links = _page(asked, mine, path="/v1/billing/plans")
    minimal = asked.request.headers.get("prefer") != "return=representation"
    shown = [shapes.plan_body(plan, asked.environment, minimal=minimal) for plan in page]
    body: dict[str, Any] = {"plans": shown, "links": links}
    if query.get("total_required") == "true":
        size = int(query.get("page_size", 10))
        body |= {"total_items": len(mine), "total_pages": -(-len(mine) // size)}
    return json_reply(200, body)


def _page(asked: Asked, rows: list[Any], *, path: str) -> tuple[list[Any], list[dict[str, str]]]:
    query = asked.request.query
    for name in ("page", "page_size"):
        if name in query and not re.fullmatch(r"[0-9]{1,8}", query[name]):
            raise PayPalError(400, "INVALID_PARAMETER_VALUE", field=name)
    number, size = int(query.get("page", 1)), int(query.get("page_size", 10))
    if not 1 <= size <= 20 or number < 1:
        raise PayPalError(400, "INVALID_PARAMETER_VALUE", field="page_size")
    start = (number - 1) * size
    more = len(rows) > start + size
    links = shapes.page_links(asked.environment, path, page=number, size=size, more=more)
    return rows[start : start + size], links


def _show_plan(asked: Asked) -> Reply:
    plan = asked.simulator.state.plans.get(asked.provider_id)
    if plan is None or plan.client_id != asked.client_id:
        raise PayPalError(404, "INVALID_RESOURCE_ID")
    return json_reply(200, shapes.plan_body(plan, asked.environment))


def _transactions(asked: Asked) -> Reply:
    query = asked.request.query
    for name in ("start_time", "end_time"):
        if name not in query:
            raise PayPalError(400, "MISSING_REQUIRED_PARAMETER", field=name)
    try:
        start, end = moment(query["start_time"]), moment(query["end_time"])
    except ValueError:
        raise PayPalError(400, "INVALID_PARAMETER_SYNTAX", field="start_time") from None
    row = subscription_of(asked)
    found = [shapes.payment_body(paid, row) for paid in row.payments if start <= moment(paid.time) <= end]
    path = f"/v1/billing/subscriptions/{row.id}/transactions"
    links = [{"href": shapes.LINKS[asked.environment] + path, "rel": "self", "method": "GET"}]
    body = {"transactions": found, "total_items": len(found), "total_pages": 1, "links": links}
    return json_reply(200, body)


READS: Final[dict[str, Callable[[Asked], Reply]]] = {
    "list": _list,
    "show": _show,
    "transactions": _transactions,
    "list_plans": _list_plans,
    "show_plan": _show_plan,
}

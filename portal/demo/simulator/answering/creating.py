"""Making a subscription through the API, for a buyer to approve (FACTS.md 1.2, 1.4)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from portal.demo.simulator import shapes
from portal.demo.simulator.answering.operations import Asked, body_of
from portal.demo.simulator.life.payments import tell
from portal.demo.simulator.messages import Reply, json_reply
from portal.demo.simulator.records import Plan, Subscription, moment, new_id, stamp
from portal.demo.simulator.shapes import PayPalError
from portal.demo.simulator.showing.approving import PATH

FORGOTTEN_AFTER: Final = timedelta(hours=24)  # PayPal forgets unapproved ones after hours or days (FACTS.md 1.4)
MINIMAL: Final = ("id", "status", "links")


def create(asked: Asked) -> Reply:
    """Make it, 201; or answer 200 with the one that the same PayPal-Request-Id has made."""
    body, simulator = body_of(asked.request), asked.simulator
    plan = _plan(asked, body)
    request_id = asked.request.headers.get("paypal-request-id", "")
    known = simulator.state.created.get(f"{asked.client_id} {request_id}") if request_id else None
    row = simulator.subscriptions.get(known or "")
    status = 201 if row is None else 200
    if row is None:
        row = _made(asked, body, plan)
        if request_id:
            simulator.state.created[f"{asked.client_id} {request_id}"] = row.id
        simulator.subscriptions[row.id] = row
        simulator.changed(row)
    shown = shapes.subscription_body(row, plan, asked.environment)
    if asked.request.headers.get("prefer") != "return=representation":
        shown = {key: shown[key] for key in MINIMAL}
    return json_reply(status, shown)


def _plan(asked: Asked, body: dict[str, Any]) -> Plan:
    plan_id = body.get("plan_id")
    if plan_id is None:
        raise PayPalError(400, "MISSING_REQUIRED_PARAMETER", field="/plan_id")
    plan = asked.simulator.state.plans.get(plan_id) if isinstance(plan_id, str) else None
    if plan is None or plan.client_id != asked.client_id:
        raise PayPalError(404, "INVALID_RESOURCE_ID")
    if plan.status != "ACTIVE":
        raise PayPalError(422, "PLAN_STATUS_INVALID")
    return plan


def _made(asked: Asked, body: dict[str, Any], plan: Plan) -> Subscription:
    now = asked.simulator.now()
    start, context = _start(asked, body), body.get("application_context") or {}
    for name in ("return_url", "cancel_url"):
        if urlsplit(str(context.get(name, ""))).scheme not in ("http", "https"):
            raise PayPalError(400, "INVALID_PARAMETER_SYNTAX", field=f"/application_context/{name}")
    custom_id = body.get("custom_id")
    if custom_id is not None and not re.fullmatch(r"[\x20-\x7E]{1,127}", str(custom_id)):
        raise PayPalError(400, "INVALID_PARAMETER_SYNTAX", field="/custom_id")
    token = new_id("BA-", 17)
    row = Subscription(
        id=new_id("I-", 12),
        client_id=asked.client_id,
        plan_id=plan.id,
        status="APPROVAL_PENDING",
        status_update_time=stamp(now),
        start_time=start,
        create_time=stamp(now),
        update_time=stamp(now),
        custom_id=custom_id,
        approve_url=f"{asked.simulator.address}{PATH}?ba_token={token}",
        return_url=context["return_url"],
        cancel_url=context["cancel_url"],
        forgotten_at=stamp(now + FORGOTTEN_AFTER),
    )
    tell(row, "BILLING.SUBSCRIPTION.CREATED", now)
    return row


def _start(asked: Asked, body: dict[str, Any]) -> str:
    """Return when it is to begin, as PayPal writes it; raise its 400 for a time that is past or none."""
    now, given = asked.simulator.now(), body.get("start_time")
    if given is None:
        return stamp(now)
    try:
        start = moment(given)
    except (TypeError, ValueError, AttributeError):
        raise PayPalError(400, "INVALID_PARAMETER_SYNTAX", field="/start_time") from None
    if start <= now:
        raise PayPalError(400, "INVALID_PARAMETER_VALUE", shapes.IN_THE_PAST, field="/start_time")
    return stamp(start)

"""What is outstanding of a subscription, taken because we ask: once for each request id (FACTS.md 1.2 and 1.4)."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from portal.demo.simulator import shapes
from portal.demo.simulator.answering.operations import Asked, body_of, subscription_of
from portal.demo.simulator.life import payments
from portal.demo.simulator.messages import Reply, json_reply
from portal.demo.simulator.records import Plan, Subscription
from portal.demo.simulator.shapes import PayPalError

POSSIBLE: Final = ("ACTIVE", "SUSPENDED", "EXPIRED")


def capture(asked: Asked) -> Reply:
    """Take it, 200 with the transaction; the same request id is answered with what it took before."""
    row = subscription_of(asked)
    plan, request_id = asked.simulator.plan_of(row), asked.request.headers.get("paypal-request-id", "")
    taken = next((paid for paid in row.payments if paid.id == row.captures.get(request_id)), None)
    if taken is None:
        amount = _wanted(asked, row, plan)
        taken = payments.capture(row, plan, amount, asked.simulator.now())
        if request_id:
            row.captures[request_id] = taken.id
        asked.simulator.changed(row)
    return json_reply(200, shapes.payment_body(taken, row))


def _wanted(asked: Asked, row: Subscription, plan: Plan) -> Decimal:
    """Return how much is to be taken; raise what PayPal answers when that cannot be."""
    body = body_of(asked.request)
    note, given = body.get("note"), body.get("amount")
    if not note or not isinstance(given, dict) or body.get("capture_type") != "OUTSTANDING_BALANCE":
        raise PayPalError(400, "MISSING_REQUIRED_PARAMETER", field="/note")
    if len(note) > 128:
        raise PayPalError(400, "INVALID_STRING_MAX_LENGTH", field="/note")
    if row.account_closed:
        raise PayPalError(422, "USER_ACCOUNT_CLOSED")
    if row.status not in POSSIBLE:
        raise shapes.status_invalid("capture")
    if given.get("currency_code") != plan.currency:
        raise PayPalError(422, "CURRENCY_MISMATCH")
    if not Decimal(row.outstanding):
        raise PayPalError(422, "ZERO_OUTSTANDING_BALANCE")
    amount = Decimal(given["value"])
    if amount > Decimal(row.outstanding):
        raise PayPalError(422, "AMOUNT_GREATER_THAN_OUTSTANDING_BALANCE")
    return amount

"""Refunds through the payments API: given back once per request id, at once or after a while."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from portal.demo.simulator import shapes
from portal.demo.simulator.answering.operations import Asked
from portal.demo.simulator.life import payments
from portal.demo.simulator.messages import Reply, json_reply
from portal.demo.simulator.records import Payment, Subscription, new_id, stamp
from portal.demo.simulator.shapes import PayPalError, total

Found = tuple[Subscription, Payment]


def refund(asked: Asked) -> Reply:
    """Give a sale back; the same request id gets the same refund again, as it stands now."""
    row, paid = _sale(asked)
    request_id = asked.request.headers.get("paypal-request-id", "")
    known = next((one for one in row.refunds if request_id and one["request_id"] == request_id), None)
    if known is not None:
        return json_reply(200, body(known, paid, asked.environment))
    amount = _wanted(asked, paid)
    now = asked.simulator.now()
    made = {
        "id": new_id("", 17),
        "sale_id": paid.id,
        "request_id": request_id,
        "amount": str(amount),
        "state": "pending",
        "create_time": stamp(now),
        "update_time": stamp(now),
    }
    row.refunds.append(made)
    if not row.refunds_wait:
        payments.finish_refund(row, made, paid, now)
    asked.simulator.changed(row)
    return json_reply(201, body(made, paid, asked.environment))


def subscription_of(asked: Asked) -> str:
    """Return the id of the subscription whose payment is given back, or whose refund is read; "" for none."""
    for row in asked.simulator.subscriptions.values():
        if any(one.id == asked.provider_id for one in row.payments):
            return row.id
        if any(made["id"] == asked.provider_id for made in row.refunds):
            return row.id
    return ""


def show_refund(asked: Asked) -> Reply:
    """Show one refund that was asked for through the API."""
    for row in asked.simulator.subscriptions.values():
        for made in row.refunds:
            if made["id"] == asked.provider_id and row.client_id == asked.client_id:
                paid = next(paid for paid in row.payments if paid.id == made["sale_id"])
                return json_reply(200, body(made, paid, asked.environment))
    raise PayPalError(404, "INVALID_RESOURCE_ID")


def body(made: dict[str, str], paid: Payment, environment: str) -> dict[str, Any]:
    """Return a refund as the payments API shows it."""
    root = shapes.LINKS[environment]
    return {
        "id": made["id"],
        "create_time": made["create_time"],
        "update_time": made["update_time"],
        "state": made["state"],
        "amount": {"total": total(made["amount"], paid.currency), "currency": paid.currency},
        "total_refunded_amount": {"value": total(paid.refunded, paid.currency), "currency": paid.currency},
        "sale_id": paid.id,
        "links": [
            {"href": f"{root}/v1/payments/refund/{made['id']}", "rel": "self", "method": "GET"},
            {"href": f"{root}/v1/payments/sale/{paid.id}", "rel": "sale", "method": "GET"},
        ],
    }


def _sale(asked: Asked) -> Found:
    for row in asked.simulator.subscriptions.values():
        if row.client_id == asked.client_id and not row.classic:
            for paid in row.payments:
                if paid.id == asked.provider_id:
                    return row, paid
    raise PayPalError(404, "INVALID_RESOURCE_ID")


def _wanted(asked: Asked, paid: Payment) -> Decimal:
    """Return how much is to go back; raise what PayPal answers when that cannot be."""
    if asked.request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise PayPalError(415)
    try:
        given = json.loads(asked.request.body or b"{}").get("amount")
    except (ValueError, AttributeError):
        raise PayPalError(400, "MALFORMED_REQUEST_JSON") from None
    left = Decimal(paid.amount) - Decimal(paid.refunded)
    if paid.status == "REFUNDED":
        raise PayPalError(422, "TRANSACTION_ALREADY_REFUNDED", "The transaction has already been refunded.")
    if paid.status not in payments.RETURNABLE:
        raise PayPalError(422, "TRANSACTION_REFUSED", "The payment cannot be refunded in its present state.")
    if given is None:
        return left
    if given.get("currency") != paid.currency or given.get("total") != total(str(given.get("total")), paid.currency):
        raise PayPalError(400, "INVALID_PARAMETER_VALUE", field="/amount")
    wanted = Decimal(given["total"])
    if not 0 < wanted <= left:
        raise PayPalError(422, "REFUND_EXCEEDED_TRANSACTION_AMOUNT", "The refund exceeds what is left of the payment.")
    return wanted


CALLS: Final[dict[str, Callable[[Asked], Reply]]] = {"refund": refund, "show_refund": show_refund}

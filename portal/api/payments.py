"""Payments, as PayPal reported them."""

from __future__ import annotations

import uuid
from typing import Any

from apiflask import APIBlueprint
from apiflask.fields import Boolean, Nested, String
from flask import Response

from portal.api.calls import caller, context
from portal.api.paging import asked, page
from portal.api.routes import query, reply
from portal.api.schemas import Listed, MoneyOut, Out, PublicId, list_of, moment, word
from portal.domain.integrations.public_ids import Kind
from portal.queries.integrations import api_lists
from portal.services import resources


class PaymentOut(Out):
    id = PublicId(Kind.PAYMENT, required=True)
    object = word("payment", required=True)
    subscription = PublicId(Kind.SUBSCRIPTION, required=True)
    status = word("pending", "denied", "completed", "partially_refunded", "refunded", "reversed", required=True)
    is_test = Boolean(required=True)
    paypal_id = String(required=True)
    amount = Nested(MoneyOut, required=True)
    went_back = Nested(
        MoneyOut,
        required=True,
        allow_none=True,
        metadata={"description": "null: a part, and PayPal does not say how much."},
    )
    paid_at = moment(required=True)


class Asked(Listed):
    customer = PublicId(Kind.CUSTOMER)
    subscription = PublicId(Kind.SUBSCRIPTION)


bp = APIBlueprint("payments", __name__, tag="Payments")


@bp.get("/payments")
@query(bp, Asked)
@bp.output(list_of(PaymentOut, "PaymentList"))
def listed(query: dict[str, Any]) -> Response:
    """List payments, the newest first."""
    filters, wanted = asked(query)
    with context().db.read() as session:
        found = api_lists.payments(
            session, wanted, subscription_id=filters.get("subscription"), customer_id=filters.get("customer")
        )
        return page(found, filters, wanted, resources.payment)


@bp.get("/payments/<id(pay):payment_id>")
@bp.output(PaymentOut)
def one(payment_id: uuid.UUID) -> Response:
    """Read one payment."""
    key = caller()
    with context().db.read() as session:
        row = api_lists.payment(session, key.merchant_id, key.mode.environment, payment_id)
        return reply(resources.payment(row))

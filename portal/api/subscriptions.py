"""Subscriptions, as PayPal showed them last, and as they stand here."""

from __future__ import annotations

import uuid
from typing import Any

from apiflask import APIBlueprint
from apiflask.fields import Boolean, Nested, String
from flask import Response

from portal.api.calls import caller, context
from portal.api.paging import asked, page
from portal.api.routes import query, reply
from portal.api.schemas import IntervalOut, Listed, MoneyOut, Out, PublicId, list_of, moment, word
from portal.domain.integrations.public_ids import Kind
from portal.domain.subscriptions import Status
from portal.queries.integrations import api_lists
from portal.services import resources


class SubscriptionOut(Out):
    id = PublicId(Kind.SUBSCRIPTION, required=True)
    object = word("subscription", required=True)
    customer = PublicId(Kind.CUSTOMER, required=True)
    product = PublicId(Kind.PRODUCT, required=True)
    status = word(
        *Status,
        required=True,
        metadata={"description": "An end stands here once PayPal has shown it, and not before."},
    )
    is_test = Boolean(required=True)
    paypal_id = String(required=True)
    paypal_status = String(required=True, allow_none=True, metadata={"description": "PayPal's own word, as last read."})
    price = Nested(MoneyOut, required=True, allow_none=True)
    interval = Nested(IntervalOut, required=True, allow_none=True)
    started_at = moment(required=True, allow_none=True)
    paid_until = moment(required=True, allow_none=True)
    next_payment_at = moment(required=True, allow_none=True)
    last_payment_at = moment(required=True, allow_none=True)
    outstanding = Nested(MoneyOut, required=True, allow_none=True)
    past_due_since = moment(required=True, allow_none=True)
    committed_until = moment(required=True, allow_none=True)
    end_requested_at = moment(required=True, allow_none=True)
    ended_at = moment(required=True, allow_none=True)
    access_until = moment("Of one that has ended; null: kept for good, or unknown.", required=True, allow_none=True)
    created_at = moment(required=True)
    updated_at = moment("When PayPal was read last.", required=True)


class Asked(Listed):
    customer = PublicId(Kind.CUSTOMER)
    product = PublicId(Kind.PRODUCT)
    status = word(*Status)


bp = APIBlueprint("subscriptions", __name__, tag="Subscriptions")


@bp.get("/subscriptions")
@query(bp, Asked)
@bp.output(list_of(SubscriptionOut, "SubscriptionList"))
def listed(query: dict[str, Any]) -> Response:
    """List subscriptions, the newest first."""
    filters, wanted = asked(query)
    status = filters.get("status")
    with context().db.read() as session:
        found = api_lists.subscriptions(
            session,
            wanted,
            customer_id=filters.get("customer"),
            product_id=filters.get("product"),
            status=Status(status) if status is not None else None,
        )
        return page(found, filters, wanted, resources.subscription)


@bp.get("/subscriptions/<id(sub):subscription_id>")
@bp.output(SubscriptionOut)
def one(subscription_id: uuid.UUID) -> Response:
    """Read one subscription."""
    key = caller()
    with context().db.read() as session:
        row = api_lists.subscription(session, key.merchant_id, key.mode.environment, subscription_id)
        return reply(resources.subscription(row))

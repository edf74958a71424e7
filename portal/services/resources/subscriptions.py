"""A subscription as the outside sees it."""

from __future__ import annotations

from portal.domain.integrations.public_ids import Kind, public
from portal.models import Subscription
from portal.services.resources.values import Resource, moment, money


def subscription(row: Subscription) -> Resource:
    """Return a subscription: PayPal's facts as last read, and ours.

    `status` is never an end before PayPal has shown it (cancellation.md): an end that was asked for stands under
    `end_requested_at` until then.
    """
    return {
        "id": public(Kind.SUBSCRIPTION, row.id),
        "object": "subscription",
        "customer": public(Kind.CUSTOMER, row.customer_id),
        "product": public(Kind.PRODUCT, row.product_id),
        "status": row.status.value,
        "is_test": row.environment == "sandbox",
        "paypal_id": row.provider_id,
        "paypal_status": row.provider_status or None,
        "price": money(row.amount, row.currency),
        "interval": _interval(row),
        "started_at": moment(row.started_at),
        "paid_until": moment(row.paid_until),
        "next_payment_at": moment(row.next_payment_at),
        "last_payment_at": moment(row.last_payment_at),
        "outstanding": money(row.outstanding, row.currency),
        "past_due_since": moment(row.past_due_since),
        "committed_until": moment(row.committed_until),
        "end_requested_at": moment(row.end_requested_at),
        "ended_at": moment(row.ended_at),
        "access_until": moment(row.access_until),
        "created_at": moment(row.created_at),
        "updated_at": moment(row.provider_read_at),
    }


def _interval(row: Subscription) -> Resource | None:
    return {"unit": row.interval_unit.lower(), "count": row.interval_count} if row.interval_unit else None

"""A payment as the outside sees it."""

from __future__ import annotations

from portal.domain.integrations.public_ids import Kind, public
from portal.models import Payment
from portal.services.resources.values import Resource, moment, money


def payment(row: Payment) -> Resource:
    """Return a payment, with what went back of it; null where PayPal says that a part did, and not how much."""
    return {
        "id": public(Kind.PAYMENT, row.id),
        "object": "payment",
        "subscription": public(Kind.SUBSCRIPTION, row.subscription_id),
        "status": row.state.value,
        "is_test": row.environment == "sandbox",
        "paypal_id": row.provider_id,
        "amount": money(row.amount, row.currency),
        "went_back": money(row.went_back, row.currency) if row.is_back_known else None,
        "paid_at": moment(row.paid_at),
    }

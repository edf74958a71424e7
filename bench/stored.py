"""The simulator's subscriptions as rows of the portal, as an import would have written them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, select, update

from bench.simulated import PLAN_ID
from bench.stack import Stack, merchant_with_key
from portal.clock import utc_now
from portal.demo.simulator import records
from portal.domain.subscriptions import Status
from portal.models import (
    ComparisonRun,
    ComparisonState,
    ComparisonTrigger,
    Customer,
    Plan,
    Product,
    Provider,
    Subscription,
)
from portal.services.context import Context


def store(stack: Stack, database: str, simulator: str, rows: Sequence[records.Subscription]) -> uuid.UUID:
    """Write the simulator's subscriptions as an import would have, four days ago; return their merchant."""
    now = utc_now()
    with stack.context(database, simulator) as ctx:
        merchant_id = merchant_with_key(ctx)
        shared = _offer(ctx, merchant_id, now)
        for start in range(0, len(rows), 5_000):
            with ctx.db.begin() as session:
                some = [_columns(row, shared, now) for row in rows[start : start + 5_000]]
                session.execute(insert(Subscription), some)
    return merchant_id


def give_customers(ctx: Context) -> None:
    """Give each subscription a customer of its own, as in life: an end looks at all that its customer has."""
    columns = (Subscription.id, Subscription.merchant_id, Subscription.provider_id)
    with ctx.db.begin() as session:
        session.execute(insert(Customer).from_select(["id", "merchant_id", "name"], select(*columns)))
        session.execute(update(Subscription).values(customer_id=Subscription.id))


def _offer(ctx: Context, merchant_id: uuid.UUID, now: datetime) -> dict[str, Any]:
    """Make what the subscriptions refer to, and a finished run so that the list is asked for news only."""
    customer, product = Customer(merchant_id=merchant_id, name="Bench"), Product(merchant_id=merchant_id, name="Bench")
    plan = Plan(
        merchant_id=merchant_id,
        product=product,
        environment="sandbox",
        provider_id=PLAN_ID,
        name="Bench",
        amount=Decimal("29.90"),
        currency="EUR",
        interval_unit="MONTH",
        failure_threshold=3,
        read_at=now,
    )
    last = ComparisonRun(
        merchant_id=merchant_id,
        environment="sandbox",
        trigger=ComparisonTrigger.NIGHTLY,
        state=ComparisonState.DONE,
        created_at=now,
        touched_at=now,
        finished_at=now,
    )
    with ctx.db.begin() as session:
        session.add_all([customer, product, plan, last])
        session.flush()
        return {
            "merchant_id": merchant_id,
            "customer_id": customer.id,
            "product_id": product.id,
            "plan_id": plan.id,
            "status": Status.ACTIVE,
            "provider": Provider.PAYPAL_REST,
            "environment": "sandbox",
            "failure_threshold": 3,
            "amount": Decimal("29.90"),
            "currency": "EUR",
            "interval_unit": "MONTH",
        }


def _columns(row: records.Subscription, shared: dict[str, Any], now: datetime) -> dict[str, Any]:
    following, paid = records.moment(row.next_billing_time or ""), records.moment((row.last_payment or {})["time"])
    return {
        **shared,
        "id": uuid.uuid4(),
        "provider_id": row.id,
        "provider_status": row.status,
        "provider_status_at": records.moment(row.status_update_time),
        "provider_read_at": now - timedelta(days=4),
        "started_at": records.moment(row.start_time),
        "next_payment_at": following,
        "paid_until": following,
        "last_payment_at": paid,
        "created_at": records.moment(row.create_time),
    }

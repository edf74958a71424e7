"""The comparison with PayPal: calls a second against a bare loop on the same simulator, and whether memory grows."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

from sqlalchemy import insert

from bench import floor
from bench.measures import ROUNDS, Measure, per_second
from bench.simulated import PLAN_ID, subscriptions
from bench.stack import ROOT, Stack, free_port, merchant_with_key
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

FEW, MANY = 10_000, 100_000


def run(stack: Stack) -> list[Measure]:
    """Compare few subscriptions in turn with the bare loop, then many in one run."""
    few, many = (500, 2_000) if stack.small else (FEW, MANY)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    rows = list(subscriptions(many))
    serving = stack.child("simulator", "-m", "bench.simulated", str(port), str(many), ready=f"{url}/_simulator/rules")
    with stack.database() as small, stack.database() as large, serving:
        merchants = {small: _store(stack, small, url, rows[:few]), large: _store(stack, large, url, rows)}
        bare = floor.bare_loop(url, [row.id for row in rows])
        per_second(bare, seconds=1.0)
        floors, products = [], []
        for _ in range(ROUNDS):
            floors.append(per_second(bare, seconds=stack.seconds))
            products.append(_compare(stack, small, url, merchants[small], few))
        before = per_second(bare, seconds=stack.seconds)
        whole = _compare(stack, large, url, merchants[large], many)
        after = per_second(bare, seconds=stack.seconds)
    return [
        Measure(
            f"comparison, {few:,} subscriptions",
            median(_rate(one) for one in products),
            median(floors),
            "calls/s",
            f"A B A B, {ROUNDS} rounds",
            "≥ 0.80",
        ),
        Measure(
            f"comparison, {many:,} subscriptions in one run",
            _rate(whole),
            (before + after) / 2,
            "calls/s",
            f"{whole['seconds']:.0f} s",
            "≥ 0.80",
        ),
        Measure(
            f"comparison, peak memory at {many:,} against {few:,}",
            whole["peak_mib"],
            median(one["peak_mib"] for one in products),
            "MiB",
            "of the whole process",
            "flat",
        ),
    ]


def _rate(told: dict[str, Any]) -> float:
    return float(told["calls"] / told["seconds"])


def _compare(stack: Stack, database: str, simulator: str, merchant_id: uuid.UUID, count: int) -> dict[str, Any]:
    """Run one comparison in a process of its own; everything must have been compared, nothing found different."""
    command = (sys.executable, "-m", "bench.compared", database, simulator, str(merchant_id))
    with (stack.folder / "compared.log").open("ab") as log:
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, check=True)  # noqa: S603
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    seen = (told["state"], told["compared"], told["differed"], told["failed"])
    if seen != ("done", count, 0, 0):
        raise RuntimeError(f"the comparison did not do its work: {told}")
    return told


def _store(stack: Stack, database: str, simulator: str, rows: Sequence[records.Subscription]) -> uuid.UUID:
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

"""The comparison with PayPal: calls a second against a bare loop on the same simulator, and whether memory grows."""

from __future__ import annotations

import uuid
from statistics import median
from typing import Any

from bench import floor
from bench.measures import ROUNDS, Measure, per_second
from bench.simulated import simulating, subscriptions
from bench.stack import Stack
from bench.stored import store

FEW, MANY = 10_000, 100_000


def run(stack: Stack) -> list[Measure]:
    """Compare few subscriptions in turn with the bare loop, then many in one run."""
    few, many = (500, 2_000) if stack.small else (FEW, MANY)
    rows = list(subscriptions(many))
    with stack.database() as small, stack.database() as large, simulating(stack, many) as url:
        merchants = {small: store(stack, small, url, rows[:few]), large: store(stack, large, url, rows)}
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
            "≥ 0.85",
        ),
        Measure(
            f"comparison, {many:,} subscriptions in one run",
            _rate(whole),
            (before + after) / 2,
            "calls/s",
            f"{whole['seconds']:.0f} s",
            "≥ 0.85",
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
    told = stack.told("bench.compared", database, simulator, str(merchant_id))
    seen = (told["state"], told["compared"], told["differed"], told["failed"])
    if seen != ("done", count, 0, 0):
        raise RuntimeError(f"the comparison did not do its work: {told}")
    return told

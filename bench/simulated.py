"""`python -m bench.simulated PORT COUNT`: the simulator in its own process, with so many subscriptions in it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

from bench.stack import CLIENT_ID, CLIENT_SECRET, Stack, free_port
from portal.demo.simulator import Simulator, serve
from portal.demo.simulator.life.making import many
from portal.demo.simulator.records import Subscription

PLAN_ID: Final = "P-BENCH0000000000000000000"
RULES: Final = "/_simulator/rules"


@contextmanager
def simulating(stack: Stack, count: int) -> Iterator[str]:
    """The simulator in its own process, with so many subscriptions: its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with stack.child("simulator", "-m", "bench.simulated", str(port), str(count), ready=url + RULES):
        yield url


def subscriptions(count: int) -> Iterator[Subscription]:
    """Return the subscriptions that a simulator started with that count on this day has."""
    yield from many(count, _prepared().state.plans[PLAN_ID], now=datetime.now(UTC))


def _prepared() -> Simulator:
    simulator = Simulator()
    simulator.add_account(CLIENT_ID, CLIENT_SECRET, environment="sandbox")
    simulator.add_plan("Bench", plan_id=PLAN_ID)
    return simulator


def main(port: int, count: int) -> None:
    """Serve until ended."""
    simulator = _prepared()
    simulator.add_many(count, plan_id=PLAN_ID)
    with serve(simulator, port=port) as handle:
        handle.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

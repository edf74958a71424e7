"""The faults are off: wait until nothing moves any more."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from tests.chaos.facts import OURS
from tests.chaos.journal import Journal
from tests.chaos.owing import let_captures_come
from tests.chaos.stack import Stack
from tests.chaos.world import World

SAY_EVERY: Final = 10.0  # seconds between two lines of progress
QUIET: Final = 180.0  # seconds the quiet may take; what moves then still is stuck
STILL: Final = 3  # looks in a row that find nothing left
LEFT: Final = """SELECT
    (SELECT count(*) FROM end_requests WHERE state NOT IN ('confirmed', 'closed', 'withdrawn')) AS requests,
    (SELECT count(*) FROM refunds WHERE state NOT IN ('done', 'failed')) AS refunds,
    (SELECT count(*) FROM settlements WHERE state NOT IN ('done', 'failed')) AS settlements,
    (SELECT count(*) FROM customer_erasures WHERE state = 'open') AS erasures,
    (SELECT count(*) FROM mails WHERE state = 'waiting') AS mails,
    (SELECT count(*) FROM paypal_events WHERE state = 'waiting') AS events,
    (SELECT count(*) FROM event_deliveries WHERE state = 'waiting') AS told,
    (SELECT count(*) FROM procrastinate_jobs WHERE task_name = ANY(%s) AND status IN ('todo', 'doing')) AS jobs"""

Say = Callable[[str], None]


def until_quiet(stack: Stack, world: World, journal: Journal, say: Say, *, most: float = QUIET) -> None:
    """Wait until nothing moves any more, or too long: `most` seconds."""
    stack.settle()
    deadline, still, said = time.monotonic() + most, 0, time.monotonic()
    while still < STILL and time.monotonic() < deadline:
        time.sleep(1.0)
        world.simulated.post("deliveries/hurry")
        let_captures_come(world, journal, journal.captures_wait)
        last = _left(stack, world)
        still = 0 if any(last.values()) else still + 1
        if time.monotonic() - said > SAY_EVERY:
            said = time.monotonic()
            say("quiet: " + ", ".join(f"{count} {what}" for what, count in last.items()) + " left")


def _left(stack: Stack, world: World) -> dict[str, int]:
    with stack.cluster.connect() as db:
        found: dict[str, Any] = db.execute(LEFT, (list(OURS),)).fetchone() or {}
    deliveries = world.simulated.get("deliveries")
    return {**found, "messages": sum(row["state"] == "pending" for row in deliveries)}

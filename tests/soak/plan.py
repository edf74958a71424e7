"""Who lives what: a plan of the chaos harness's own stories, as many as there are minutes for."""

from __future__ import annotations

import random
from typing import Final

from tests.chaos import plan as plans
from tests.chaos.plan import Plan, Step

STORY_EVERY: Final = 4.0  # seconds between two of them
QUIET_ONES: Final = 20  # of both merchants: they do nothing, PayPal charges them
# Left to the chaos harness, where time is made to pass: what waits for the day after, or for a mail put off.
LEFT_OUT: Final = frozenset({"late-money", "erase-then-money", "declined-then-cancel", plans.RETURNS})
STORIES: Final = {kind: weight for kind, weight in plans.STORIES.items() if kind not in LEFT_OUT}
API: Final = "api-end"  # an end asked for by the merchant's own program, twice under one key
API_WEIGHT: Final = 12


def drawn(minutes: float, *, seed: int) -> Plan:
    """Return a plan with a story every STORY_EVERY seconds, none of which disturbs another."""
    chance = random.Random(seed)
    count = max(10, round(minutes * 60 / STORY_EVERY))
    seats = list(range(count + QUIET_ONES))
    chance.shuffle(seats)
    weights = {**STORIES, API: API_WEIGHT}
    kinds = chance.choices(list(weights), list(weights.values()), k=count)
    steps = (Step("story", kind, seat, chance.randrange(1000)) for kind, seat in zip(kinds, seats[:count], strict=True))
    return Plan(
        seed=seed,
        calm=(),
        stormy=tuple(steps),
        seats=len(seats),
        pending=0,
        bystanders=tuple(sorted(seats[count:])),
    )

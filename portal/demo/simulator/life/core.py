"""What every part of the simulator stands on: its state, its lock, its two times."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from portal.demo.simulator.life.agenda import Agenda
from portal.demo.simulator.life.keeping import Keeper
from portal.demo.simulator.records import Plan, Subscription


def real_now() -> datetime:
    """Return the present."""
    return datetime.now(UTC)


class Core:
    """PayPal's memory."""

    def __init__(self, state: Path | str | None = None, *, clock: Callable[[], datetime] = real_now) -> None:
        self._keeper = Keeper(Path(state) if state else None)
        self._clock = clock
        self.lock = threading.RLock()
        self.state = self._keeper.load()
        self.agenda = Agenda(self.state.subscriptions.values())
        self.version = 0  # of the subscriptions: goes up with each change made through the simulator's methods

    def now(self) -> datetime:
        """Return the simulator's time: the real one, plus what the clock was advanced."""
        return self._clock() + timedelta(seconds=self.state.clock_seconds)

    def real_now(self) -> datetime:
        """Return the time that tokens live by: moving the clock does not end them."""
        return self._clock()

    @property
    def subscriptions(self) -> dict[str, Subscription]:
        """Every subscription by id."""
        return self.state.subscriptions

    def environment_of(self, client_id: str) -> str:
        """Return the environment of an account."""
        return next((row.environment for row in self.state.accounts if row.client_id == client_id), "sandbox")

    def plan_of(self, row: Subscription) -> Plan:
        """Return the subscription's plan, or one that costs nothing where PayPal itself knows none."""
        unknown = Plan(row.plan_id, row.client_id, "?", "0", "EUR", "MONTH", 1, 0, 0, "UNKNOWN", "INACTIVE", None, "")
        return self.state.plans.get(row.plan_id, unknown)

    def save(self) -> None:
        """Write the state file, if there is one: now, or with a later change when it is large."""
        self._keeper.save(self.state)

    def flush(self) -> None:
        """Write what `save` left for later."""
        with self.lock:
            self._keeper.flush(self.state)

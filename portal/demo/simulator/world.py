"""The simulator itself: its state, its clock, what is set to go wrong, and the log of calls."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from portal.demo.simulator.life import happenings
from portal.demo.simulator.life.agenda import Agenda
from portal.demo.simulator.life.core import real_now
from portal.demo.simulator.limits import Limits
from portal.demo.simulator.preparing import Preparing
from portal.demo.simulator.records import Subscription
from portal.demo.simulator.rules import Behaviour, Rule


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call that arrived. `answer` is the HTTP status, or how it was left without one."""

    operation: str
    provider_id: str
    answer: str
    at: str
    note: str = ""  # the reason sent with an act


class Simulator(Preparing):
    """PayPal in memory; with `state`, also in a file that a second start reads again.

    `automatic` says whether messages to webhooks are sent as they arise, once it is served; a test that sends them
    itself, in another order, twice or not at all, switches it off and takes them from `messages`.
    """

    def __init__(self, state: Path | str | None = None, *, clock: Callable[[], datetime] = real_now) -> None:
        super().__init__(state, clock=clock)
        self.listed: dict[tuple[str, ...], tuple[int, list[Subscription]]] = {}  # operations' lists, being paged
        self.rules: list[Rule] = []
        self.limits = Limits()
        self.calls: deque[Call] = deque(maxlen=5000)
        self.stale: dict[str, list[Subscription]] = {}  # what the next reads still show

    # Disturbing it

    def rule(
        self,
        operation: str,
        behaviour: Behaviour | str,
        times: int | None = None,
        *,
        skip: int = 0,
        seconds: float = 30.0,
        retry_after: int = 30,
        reads: int = 2,
        only: str | None = None,
        probability: float = 1.0,
        seed: int = 0,
        latency: int = 0,
    ) -> Rule:
        """Make `operation` (or "any") behave badly, `times` times or until cleared; older rules go first.

        `probability` is the share of the matching calls that are hit, drawn with `seed`: the same ones in each run;
        `latency`, in milliseconds, is waited before the answer.
        """
        rule = Rule(
            operation,
            Behaviour(behaviour),
            times=times,
            skip=skip,
            seconds=seconds,
            retry_after=retry_after,
            reads=reads,
            only=only,
            probability=probability,
            seed=seed,
            latency=latency,
        )
        with self.lock:
            self.rules.append(rule)
        return rule

    def clear_rules(self) -> None:
        """Go back to normal: no rule, no limit, no stale read."""
        with self.lock:
            self.rules.clear()
            self.limits.set(None)
            self.stale.clear()

    def limit(self, calls: int | None, seconds: float = 60.0) -> None:
        """Answer 429 beyond so many calls of one account in so many (real) seconds; None: no limit."""
        with self.lock:
            self.limits.set(calls, seconds)

    def happen(self, provider_id: str, action: str) -> Subscription:
        """Let something happen at PayPal without us (happenings.HAPPENINGS); KeyError when either is unknown."""
        with self.lock:
            row = self.state.subscriptions[provider_id]
            plan = self.plan_of(row)
            happenings.HAPPENINGS[action](row, plan, self.now())
            self.changed(row)
            return row

    def forget(self, provider_id: str) -> None:
        """Remove a subscription, as PayPal does with one never approved: it is 404 from now on."""
        with self.lock:
            del self.state.subscriptions[provider_id]
            self.version += 1
            self.save()

    def act(self, row: Subscription, action: str, *, note: str) -> None:
        """Carry out a cancel, suspend or activate that came through the API; PayPalError when it cannot be."""
        with self.lock:
            happenings.act(action, row, self.plan_of(row), note=note, now=self.now())
            self.stale.pop(row.id, None)
            if action == "cancel":
                self.state.cancelled.append(row.id)
            self.changed(row)

    # Time

    def advance(self, days: float = 0, *, hours: float = 0) -> datetime:
        """Move the clock on and bill what falls due; return the new time. It never goes back."""
        step = timedelta(days=days, hours=hours)
        if step < timedelta(0):
            raise ValueError("the clock only goes forward")
        with self.lock:
            self.state.clock_seconds += round(step.total_seconds())
            self.agenda = Agenda(self.state.subscriptions.values())
            self.settle()
            self.save()
            return self.now()

    def settle(self) -> None:
        """Let time do its part on every subscription, one thing after the other as they fall due."""
        with self.lock:
            now, changed = self.now(), False
            while (row := self.agenda.take(self.state.subscriptions, now=now)) is not None:
                plan = self.state.plans.get(row.plan_id)
                if plan is not None and happenings.step(row, plan, now=now):
                    changed = True
                    if row.status == happenings.FORGOTTEN:
                        del self.state.subscriptions[row.id]
                        continue
                    self.announce(row)
                    self.agenda.note(row)
            if changed:
                self.version += 1
                self.save()

    # Reading it

    @property
    def cancelled(self) -> list[str]:
        """The ids whose cancel took effect through the API, in order."""
        return list(self.state.cancelled)

    def count(self, operation: str, provider_id: str | None = None) -> int:
        """Return how many calls of `operation` arrived, whatever became of them."""
        with self.lock:
            return sum(call.operation == operation and provider_id in (None, call.provider_id) for call in self.calls)

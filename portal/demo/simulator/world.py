"""The simulator itself: its state, its clock, what is set to go wrong, and the log of calls."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from portal.demo.simulator import happenings
from portal.demo.simulator.records import (
    SCOPES,
    Account,
    Plan,
    State,
    Subscription,
    moment,
    new_id,
    new_payer_id,
    stamp,
)
from portal.demo.simulator.rules import Behaviour, Rule


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call that arrived. `answer` is the HTTP status, or how it was left without one."""

    operation: str
    provider_id: str
    answer: str
    at: str
    note: str = ""  # the reason sent with an act


def _real_now() -> datetime:
    return datetime.now(UTC)


class Simulator:
    """PayPal in memory; with `state`, also in a file that a second start reads again."""

    def __init__(self, state: Path | str | None = None, *, clock: Callable[[], datetime] = _real_now) -> None:
        self._file = Path(state) if state else None
        self._clock = clock
        self.lock = threading.RLock()
        self.state = State.load(self._file) if self._file and self._file.exists() else State()
        self.rules: list[Rule] = []
        self.calls: deque[Call] = deque(maxlen=5000)
        self.stale: dict[str, list[Subscription]] = {}  # what the next reads still show

    # Preparing the world

    def add_account(
        self,
        client_id: str = "demo-client",
        secret: str = "demo-secret",  # noqa: S107 - made up, of a simulated account
        *,
        environment: str = "sandbox",
        scopes: list[str] | None = None,
    ) -> Account:
        """Add a merchant's REST app; the first one is the default of plans and subscriptions."""
        if environment not in ("sandbox", "live"):
            raise ValueError("environment is sandbox or live")
        account = Account(client_id, secret, environment, list(SCOPES) if scopes is None else scopes)
        with self.lock:
            self.state.accounts = [row for row in self.state.accounts if row.client_id != client_id]
            self.state.accounts.append(account)
            self.save()
        return account

    def add_plan(
        self,
        name: str = "Club",
        *,
        amount: str = "29.90",
        currency: str = "EUR",
        interval_unit: str = "MONTH",
        interval_count: int = 1,
        total_cycles: int = 0,
        failure_threshold: int = 3,
        status: str = "ACTIVE",
        description: str | None = None,
        plan_id: str | None = None,
        product_id: str | None = None,
        client_id: str | None = None,
    ) -> Plan:
        """Add a plan with one regular cycle."""
        with self.lock:
            plan = Plan(
                id=plan_id or new_id("P-", 24),
                client_id=client_id or self._first_account(),
                name=name,
                amount=amount,
                currency=currency,
                interval_unit=interval_unit,
                interval_count=interval_count,
                total_cycles=total_cycles,
                failure_threshold=failure_threshold,
                product_id=product_id or new_id("PROD-", 17),
                status=status,
                description=description,
                create_time=stamp(self.now()),
            )
            self.state.plans[plan.id] = plan
            self.save()
        return plan

    def add_subscription(
        self,
        *,
        plan_id: str | None = None,
        status: str = "ACTIVE",
        given_name: str | None = "Claire",
        surname: str | None = "Dupont",
        email: str | None = "claire@example.com",
        custom_id: str | None = None,
        quantity: str = "1",
        started_at: datetime | str | None = None,
        provider_id: str | None = None,
        note: str | None = None,
        own_amount: str | None = None,
        merchant_activates: bool = False,
        extra: dict[str, Any] | None = None,
    ) -> Subscription:
        """Add a subscription with the payments it has had since `started_at` (default ten days ago).

        `status` is reached the way PayPal reaches it; an unknown word is kept as it is.  `plan_id` may name
        a plan that does not exist (then nothing is billed).  `extra` is laid over PayPal's answer.
        """
        with self.lock:
            now = self.now()
            start = started_at or now - timedelta(days=10)
            at = start if isinstance(start, str) else stamp(start)
            chosen = plan_id or next(iter(self.state.plans), "") or self.add_plan().id
            plan = self.state.plans.get(chosen)
            row = Subscription(
                id=provider_id or new_id("I-", 12),
                client_id=plan.client_id if plan else self._first_account(),
                plan_id=chosen,
                status="APPROVAL_PENDING",
                status_update_time=at,
                start_time=at,
                create_time=at,
                update_time=at,
                given_name=given_name,
                surname=surname,
                email=email,
                payer_id=new_payer_id(),
                custom_id=custom_id,
                quantity=quantity,
                own_amount=own_amount,
                merchant_activates=merchant_activates,
                extra=extra or {},
            )
            self._lead_to(row, plan, status=status, note=note)
            self.state.subscriptions[row.id] = row
            self.save()
        return row

    def _lead_to(self, row: Subscription, plan: Plan | None, *, status: str, note: str | None) -> None:
        now = self.now()
        if plan and status not in ("APPROVAL_PENDING", "APPROVED"):
            happenings.become(row, "ACTIVE", now=moment(row.start_time))
            row.next_billing_time = row.start_time
            happenings.settle(row, plan, now=now)
        if row.status != status and row.status not in happenings.OVER:
            next_billing = row.next_billing_time
            happenings.become(row, status, now=now, note=note)
            if status not in ("SUSPENDED", "CANCELLED", "EXPIRED"):
                row.next_billing_time = next_billing

    def _first_account(self) -> str:
        return self.state.accounts[0].client_id if self.state.accounts else self.add_account().client_id

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
    ) -> Rule:
        """Make `operation` (or "any") behave badly, `times` times or until cleared; older rules go first."""
        rule = Rule(
            operation,
            Behaviour(behaviour),
            times=times,
            skip=skip,
            seconds=seconds,
            retry_after=retry_after,
            reads=reads,
            only=only,
        )
        with self.lock:
            self.rules.append(rule)
        return rule

    def clear_rules(self) -> None:
        """Go back to normal, stale reads included."""
        with self.lock:
            self.rules.clear()
            self.stale.clear()

    def happen(self, provider_id: str, action: str) -> Subscription:
        """Let something happen at PayPal without us (happenings.HAPPENINGS); KeyError when either is unknown."""
        with self.lock:
            row = self.state.subscriptions[provider_id]
            plan = self.plan_of(row)
            happenings.HAPPENINGS[action](row, plan, self.now())
            self.save()
            return row

    def forget(self, provider_id: str) -> None:
        """Remove a subscription, as PayPal does with one never approved: it is 404 from now on."""
        with self.lock:
            del self.state.subscriptions[provider_id]
            self.save()

    # Time

    def now(self) -> datetime:
        """Return the simulator's time: the real one, plus what the clock was advanced."""
        return self._clock() + timedelta(seconds=self.state.clock_seconds)

    def real_now(self) -> datetime:
        """Return the time that tokens live by: moving the clock does not end them."""
        return self._clock()

    def advance(self, days: float = 0, *, hours: float = 0) -> datetime:
        """Move the clock on and bill what falls due; return the new time. It never goes back."""
        step = timedelta(days=days, hours=hours)
        if step < timedelta(0):
            raise ValueError("the clock only goes forward")
        with self.lock:
            self.state.clock_seconds += round(step.total_seconds())
            self.settle()
            self.save()
            return self.now()

    def settle(self) -> None:
        """Let time do its part on every subscription."""
        with self.lock:
            now, changed = self.now(), False
            for row in self.state.subscriptions.values():
                plan = self.state.plans.get(row.plan_id)
                changed = (plan is not None and happenings.settle(row, plan, now=now)) or changed
            if changed:
                self.save()

    # Reading it

    @property
    def subscriptions(self) -> dict[str, Subscription]:
        """Every subscription by id."""
        return self.state.subscriptions

    @property
    def cancelled(self) -> list[str]:
        """The ids whose cancel took effect through the API, in order."""
        return list(self.state.cancelled)

    def plan_of(self, row: Subscription) -> Plan:
        """Return the subscription's plan, or one that costs nothing where PayPal itself knows none."""
        unknown = Plan(row.plan_id, row.client_id, "?", "0", "EUR", "MONTH", 1, 0, 0, "UNKNOWN", "INACTIVE", None, "")
        return self.state.plans.get(row.plan_id, unknown)

    def count(self, operation: str, provider_id: str | None = None) -> int:
        """Return how many calls of `operation` arrived, whatever became of them."""
        with self.lock:
            return sum(call.operation == operation and provider_id in (None, call.provider_id) for call in self.calls)

    def save(self) -> None:
        """Write the state file, if there is one."""
        if self._file:
            self.state.save(self._file)

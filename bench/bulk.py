"""An act on many subscriptions: rows a second by four worker processes against one, PayPal answering after 20 ms.

The pace at which PayPal is called is switched off.  Each row writes its mail with the PDF of its proof; the mail
server takes it at once.  Of a long act a stretch of some minutes is measured: its rate does not change.  The processor
that a row takes is counted over all workers and the whole database server, with its connections that have ended.
"""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select, text

from bench.measures import Measure, processor_seconds
from bench.serving import workers
from bench.simulated import RULES, simulating, subscriptions
from bench.stack import Stack, local_http
from bench.stored import give_customers, store
from portal.clock import utc_now
from portal.domain.ends.end_requests import RequestState
from portal.domain.policies import Role
from portal.domain.subscriptions import Action
from portal.models import EndRequest, Staff
from portal.services.bulk import bulk_acts, bulk_choices
from portal.services.bulk.bulk_acts import Person
from portal.services.bulk.bulk_choices import Choice
from portal.services.context import Context

MANY, FEW = 10_000, 60
DELAY: Final = 20  # milliseconds before the simulator answers
STRETCH: Final = 180.0  # seconds of an act that are measured, unless it is done before
PATIENCE: Final = 60.0  # seconds until the workers have said that they live


@dataclass(frozen=True)
class Stretch:
    """What was seen of an act: rows confirmed, in how many seconds, with how much of the processor."""

    rows: int
    seconds: float
    portal: float  # processor seconds of the workers
    database: float

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds

    @property
    def spent(self) -> float:
        """Processor seconds of portal and database for a row."""
        return (self.portal + self.database) / self.rows


def run(stack: Stack) -> list[Measure]:
    """End all subscriptions of a fresh merchant with one worker, then of another with four."""
    number = FEW if stack.small else MANY
    alone, four = (_measure(stack, number, workers) for workers in (1, 4))
    note = "4 workers against 1, 20 ms simulator delay, pace off"
    parts = f"workers {four.portal / four.rows:.3f} s, database {four.database / four.rows:.3f} s; floor: 1 worker"
    return [
        Measure(f"bulk end of {number:,} subscriptions", four.rate, alone.rate, "rows/s", note, "≥ 2.5 on four cores"),
        Measure("bulk end, 4 workers", four.rate, None, "rows/s", f"{os.cpu_count()} processors", "≥ 8/s"),
        Measure("bulk end, processor of a row", four.spent, alone.spent, "s of processor", parts, "≤ 0.12 s"),
    ]


def _measure(stack: Stack, number: int, count: int) -> Stretch:
    with stack.database() as database, simulating(stack, number) as url, stack.context(database, url) as ctx:
        merchant_id = store(stack, database, url, list(subscriptions(number)))
        give_customers(ctx)
        rule = {"operation": "any", "behaviour": "normal", "latency": DELAY}
        with local_http() as http:
            http.post(url + RULES, json=rule, timeout=10).raise_for_status()
        with workers(stack, database, url, count) as processes:
            _wait_for_workers(ctx, count)
            server = stack.database_process
            portal, held = sum(map(processor_seconds, processes)), processor_seconds(server)
            started = time.perf_counter()
            _confirm(ctx, merchant_id)
            rows = _wait(ctx, number)
            seconds = time.perf_counter() - started
            portal = sum(map(processor_seconds, processes)) - portal
            return Stretch(rows, seconds, portal, processor_seconds(server) - held)


def _wait_for_workers(ctx: Context, count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with ctx.db.read() as session:
            if session.scalar(text("SELECT count(*) FROM procrastinate_workers")) == count:
                return
        time.sleep(0.1)
    raise RuntimeError(f"not all of {count} workers have said that they live")


def _confirm(ctx: Context, merchant_id: uuid.UUID) -> None:
    person = Staff(
        merchant_id=merchant_id, email="bench@bench.example", name="Bench", password_hash="", totp_secret=b""
    )
    with ctx.db.begin() as session:
        session.add(person)
    who = Person(merchant_id=merchant_id, id=person.id, name="Bench", role=Role.OWNER)
    act_id = bulk_choices.draft(ctx, who, Action.CANCEL, Choice(), now=utc_now())
    bulk_choices.prepare(ctx, act_id, now=utc_now())
    bulk_acts.confirm(ctx, who, act_id, provider_note="Bench", internal_note="", now=utc_now())


def _wait(ctx: Context, number: int) -> int:
    """Return how many ends are confirmed when all are, or when the stretch is over; raise RuntimeError for none."""
    confirmed = select(func.count()).select_from(EndRequest).where(EndRequest.state == RequestState.CONFIRMED)
    deadline, found = time.monotonic() + STRETCH, 0
    while found < number and time.monotonic() < deadline:
        time.sleep(0.25)
        with ctx.db.read() as session:
            found = session.execute(confirmed).scalar_one()
    if not found:
        raise RuntimeError("the bulk act ended nothing")
    return found

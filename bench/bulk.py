"""An act on many subscriptions: rows a second by four worker processes against one, PayPal answering after 20 ms.

The pace at which PayPal is called is switched off.  Each row writes its mail with the PDF of its proof; the mail
server takes it at once.  Of a long act a stretch of some minutes is measured: its rate does not change.
"""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import requests
from sqlalchemy import func, insert, select, update

from bench.comparison import _store
from bench.measures import Measure
from bench.simulated import subscriptions
from bench.stack import ROOT, Stack, free_port
from portal.clock import utc_now
from portal.domain.end_requests import RequestState
from portal.domain.policies import Role
from portal.domain.subscriptions import Action
from portal.models import Customer, EndRequest, Staff, Subscription
from portal.services.bulk import bulk_acts
from portal.services.bulk.bulk_acts import Choice, Person
from portal.services.context import Context

MANY, FEW = 10_000, 60
DELAY: Final = 20  # milliseconds before the simulator answers
STRETCH: Final = 180.0  # seconds of an act that are measured, unless it is done before


def run(stack: Stack) -> list[Measure]:
    """End all subscriptions of a fresh merchant with one worker, then of another with four."""
    number = FEW if stack.small else MANY
    alone, together = (_measure(stack, number, workers) for workers in (1, 4))
    note = "4 workers against 1, 20 ms simulator delay, pace off"
    return [Measure(f"bulk end of {number:,} subscriptions", together, alone, "rows/s", note, "≥ 2.5")]


def _measure(stack: Stack, number: int, workers: int) -> float:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ("-m", "bench.simulated", str(port), str(number))
    with stack.database() as database, stack.child("simulator", *command, ready=f"{url}/_simulator/rules"):
        merchant_id = _store(stack, database, url, list(subscriptions(number)))
        with stack.context(database, url) as ctx:
            _give_customers(ctx)
        rule = {"operation": "any", "behaviour": "normal", "latency": DELAY}
        requests.post(f"{url}/_simulator/rules", json=rule, timeout=10).raise_for_status()
        with stack.context(database, url) as ctx, _workers(stack, database, url, workers):
            time.sleep(3)  # they have said that they live
            started = time.perf_counter()
            _confirm(ctx, merchant_id)
            return _wait(ctx, number) / (time.perf_counter() - started)


def _give_customers(ctx: Context) -> None:
    """Give each subscription a customer of its own, as in life: an end looks at all that its customer has."""
    columns = (Subscription.id, Subscription.merchant_id, Subscription.provider_id)
    with ctx.db.begin() as session:
        session.execute(insert(Customer).from_select(["id", "merchant_id", "name"], select(*columns)))
        session.execute(update(Subscription).values(customer_id=Subscription.id))


def _confirm(ctx: Context, merchant_id: uuid.UUID) -> None:
    person = Staff(
        merchant_id=merchant_id, email="bench@bench.example", name="Bench", password_hash="", totp_secret=b""
    )
    with ctx.db.begin() as session:
        session.add(person)
    who = Person(merchant_id=merchant_id, id=person.id, name="Bench", role=Role.OWNER)
    act_id = bulk_acts.draft(ctx, who, Action.CANCEL, Choice(), now=utc_now())
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


@contextmanager
def _workers(stack: Stack, database: str, url: str, number: int) -> Iterator[None]:
    command = (sys.executable, "-m", "bench.bulk_worker", database, url)
    with (stack.folder / "bulk_worker.log").open("ab") as log:
        running = [subprocess.Popen(command, cwd=ROOT, stderr=log) for _ in range(number)]  # noqa: S603 - ours
    try:
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()

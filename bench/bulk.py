"""An act on many subscriptions: rows a second by four worker processes against one, PayPal answering after 20 ms.

The pace at which PayPal is called is switched off.  Mails are promised and not sent: there is no customer's address.
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
from sqlalchemy import func, select

from bench.comparison import _store
from bench.measures import Measure
from bench.simulated import subscriptions
from bench.stack import ROOT, Stack, free_port
from portal.clock import utc_now
from portal.domain.end_requests import RequestState
from portal.domain.policies import Role
from portal.domain.subscriptions import Action
from portal.models import EndRequest, Staff
from portal.services import bulk_acts
from portal.services.bulk_acts import Choice, Person
from portal.services.context import Context

MANY, FEW = 10_000, 60
DELAY: Final = 20  # milliseconds before the simulator answers
LONGEST: Final = 3_600.0


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
        rule = {"operation": "any", "behaviour": "normal", "latency": DELAY}
        requests.post(f"{url}/_simulator/rules", json=rule, timeout=10).raise_for_status()
        with stack.context(database, url) as ctx, _workers(stack, database, url, workers):
            time.sleep(3)  # they have said that they live
            started = time.perf_counter()
            _confirm(ctx, merchant_id)
            _wait(ctx, number)
            return number / (time.perf_counter() - started)


def _confirm(ctx: Context, merchant_id: uuid.UUID) -> None:
    person = Staff(
        merchant_id=merchant_id, email="bench@bench.example", name="Bench", password_hash="", totp_secret=b""
    )
    with ctx.db.begin() as session:
        session.add(person)
    who = Person(merchant_id=merchant_id, id=person.id, name="Bench", role=Role.OWNER)
    act_id = bulk_acts.draft(ctx, who, Action.CANCEL, Choice(), now=utc_now())
    bulk_acts.confirm(ctx, who, act_id, provider_note="Bench", internal_note="", now=utc_now())


def _wait(ctx: Context, number: int) -> None:
    """Return when every end is confirmed; raise RuntimeError when that takes too long."""
    confirmed = select(func.count()).select_from(EndRequest).where(EndRequest.state == RequestState.CONFIRMED)
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        with ctx.db.read() as session:
            if session.execute(confirmed).scalar_one() >= number:
                return
        time.sleep(0.25)
    raise RuntimeError("the bulk act did not end")


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

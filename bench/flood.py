"""One merchant floods: how long the few messages of a hundred others wait behind it.

The same hundred are drained alone and beside the flood, by one worker.  PayPal is the simulator, a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from typing import Final

from sqlalchemy import func, select, text

from bench.measures import Measure
from bench.simulated import simulating, subscriptions
from bench.stack import CLIENT_ID, CLIENT_SECRET, Stack
from bench.stored import store
from portal.clock import utc_now
from portal.models import EventState, KeyState, Merchant, PayPalAccount, PayPalEvent
from portal.services.context import Context
from portal.services.paypal.gateways import SECRET

OTHERS: Final = 100  # merchants with one message each
FLOOD: Final = 1_000_000
KNOWN: Final = 2_000  # subscriptions that the flood is about
ENOUGH: Final = 600.0  # seconds: then something is wrong
FILL: Final = text("""
INSERT INTO paypal_events (id, merchant_id, environment, source, event_id, transmission_id, event_type,
                           subject, body, received_at, state, attempts, next_try_at, error)
SELECT gen_random_uuid(), :merchant, 'sandbox', 'webhook', 'WH-' || gen_random_uuid(), gen_random_uuid()::text,
       'BILLING.SUBSCRIPTION.UPDATED', one, convert_to('{"event_type":"BILLING.SUBSCRIPTION.UPDATED","resource":{"id":"'
       || one || '"}}', 'UTF8'), :now, 'waiting', 0, :now, ''
FROM (SELECT (CAST(:ids AS text[]))[1 + number % :known] AS one FROM generate_series(1, :count) AS number) AS each
""")


def run(stack: Stack) -> list[Measure]:
    """Measure how long the others take, alone and behind the flood."""
    flood = 5_000 if stack.small else FLOOD
    alone, beside = (_measured(stack, count) for count in (0, flood))
    note = f"one message each of {OTHERS} merchants, one worker; alone against beside {flood:,} of another one"
    return [Measure("messages beside a flood, all of the others", beside, alone, "s", note, "≤ 2")]


def _measured(stack: Stack, flood: int) -> float:
    """Return the seconds until the others have all of theirs, from the first message that is handled."""
    rows = list(subscriptions(KNOWN))
    with (
        stack.database() as url,
        simulating(stack, KNOWN) as paypal_url,
        stack.context(url, paypal_url) as ctx,
    ):
        flooding = store(stack, url, paypal_url, rows)
        ids = [row.id for row in rows]
        if flood:
            _fill(ctx, flooding, ids, flood)
        others = [_merchant(ctx, number) for number in range(OTHERS)]
        for number, merchant_id in enumerate(others):
            _fill(ctx, merchant_id, [ids[number]], 1)
        return _drained(stack, ctx, url, paypal_url, others)


def _fill(ctx: Context, merchant_id: uuid.UUID, ids: list[str], count: int) -> None:
    given = {"merchant": merchant_id, "ids": ids, "known": len(ids), "count": count, "now": utc_now()}
    with ctx.db.begin() as session:
        session.execute(FILL, given)


def _merchant(ctx: Context, number: int) -> uuid.UUID:
    """Make one of the others, with a key of the same account at PayPal."""
    merchant_id, now = uuid.uuid4(), utc_now()
    secret = ctx.vault.seal(CLIENT_SECRET, purpose=SECRET)
    with ctx.db.begin() as session:
        session.add(Merchant(id=merchant_id, slug=f"other-{number}", name="Other"))
        session.flush()
        session.add(
            PayPalAccount(
                merchant_id=merchant_id, environment="sandbox", client_id=CLIENT_ID, secret=secret, set_at=now,
                secret_ending="cret", state=KeyState.WORKING, checked_at=now, check_result={},  # noqa: S106
            )
        )  # fmt: skip
    return merchant_id


def _drained(stack: Stack, ctx: Context, url: str, paypal_url: str, others: list[uuid.UUID]) -> float:
    command = (sys.executable, "-m", "flask", "--app", "wsgi", "work")
    with (stack.folder / "flood-worker.log").open("wb") as log:
        worker = subprocess.Popen(  # noqa: S603 - our own command
            command, env=stack.environment(url, paypal_url), stdout=log, stderr=log
        )
        try:
            started = time.perf_counter()
            began = 0.0
            while left := _waiting(ctx, others):
                if left < OTHERS:
                    began = began or time.perf_counter()
                if worker.poll() is not None or time.perf_counter() - started > ENOUGH:
                    raise RuntimeError(f"{left} messages of the others still wait")
                time.sleep(0.05)
            return time.perf_counter() - (began or started)
        finally:
            worker.kill()  # what is left of the flood is nobody's any more
            worker.wait()


def _waiting(ctx: Context, others: list[uuid.UUID]) -> int:
    """Count theirs by their index: « not the flooding one's » would read the flood twenty times a second."""
    waiting = select(func.count()).where(PayPalEvent.state == EventState.WAITING, PayPalEvent.merchant_id.in_(others))
    with ctx.db.read() as session:
        return session.scalar(waiting) or 0

"""What the journal costs: a request to end a subscription, recorded with it and without it, in turn.

One process, one at a time, so that it is latency and no queue; each request is another subscription's.  The floor is
the same use case without a journal.  Beside it: the bytes that a request leaves in the folder.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from sqlalchemy import select, update

from bench.measures import Measure
from bench.simulated import simulating, subscriptions
from bench.stack import Stack
from bench.stored import give_customers, store
from portal.clock import utc_now
from portal.domain.ends.end_requests import Channel
from portal.domain.policies import Actor, Override
from portal.domain.subscriptions import Action
from portal.extensions import Database
from portal.journal.gathering import Journal
from portal.models import Merchant, Product, Subscription
from portal.services import restores
from portal.services.context import Context
from portal.services.ends import end_requests
from portal.services.ends.end_wishes import Wish

MANY, FEW = 300, 20
WARM = 10


def run(stack: Stack) -> list[Measure]:
    """Record so many with and as many without, turn by turn."""
    each = FEW if stack.small else MANY
    number = 2 * (each + WARM)
    with (
        stack.database() as database,
        simulating(stack, number) as url,
        stack.context(database, url) as ctx,
        TemporaryDirectory(dir=stack.folder) as folder,
    ):
        wishes = iter(_wishes(ctx, store(stack, database, url, list(subscriptions(number)))))
        kept, plain = _kept(ctx, database, Path(folder)), ctx
        took: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(each + WARM):
            for is_kept in (True, False):
                took[is_kept].append(_record(kept if is_kept else plain, next(wishes)))
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / (each + WARM)
        kept.db.dispose()
    product, floor = (median(took[is_kept][WARM:]) for is_kept in (True, False))
    slowest = sorted(took[True][WARM:])[int(0.95 * each)]
    note = f"median; p95 {slowest:.1f} ms; {size / 1024:.1f} kB in the folder"
    return [Measure("request to end, with the journal", product, floor, "ms", note, "≤ 1.5")]


def _kept(ctx: Context, database: str, folder: Path) -> Context:
    """The same with a journal, over connections of its own."""
    db = Database(database)
    db.keep_journal(Journal(folder, ctx.vault))
    return replace(ctx, db=db)


def _wishes(ctx: Context, merchant_id: uuid.UUID) -> list[Wish]:
    give_customers(ctx)
    with ctx.db.begin() as session:
        session.execute(update(Merchant).values(self_cancellation=True))
        session.execute(update(Product).values(self_cancellation=Override.ON))
        rows = session.execute(select(Subscription.id, Subscription.customer_id)).all()
    return [
        Wish(
            merchant_id=merchant_id,
            subscription_id=found,
            customer_id=customer,
            action=Action.CANCEL,
            actor=Actor.CUSTOMER,
            actor_id=customer,
            channel=Channel.PORTAL,
        )
        for found, customer in rows
    ]


def _record(ctx: Context, wish: Wish) -> float:
    """Return the milliseconds of one; without the journal the database notes nothing either."""
    if ctx.db.journal is not None:
        ctx.db.journal.start(ctx.db.engine, again=True)
    else:
        restores.switch_off(ctx.db)
    now = utc_now()
    started = time.perf_counter()
    end_requests.record(ctx, wish, now=now)
    return 1000 * (time.perf_counter() - started)

"""Jobs in the same PostgreSQL: a promise is a job row, committed with the change it belongs to.

`defer` writes the row on the session's own connection; the workers are `flask work`.  Tasks
live in `portal.jobs`; only their names are known here, so that services never import them.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from types import SimpleNamespace
from typing import Any

import procrastinate.periodic
import procrastinate.utils
from procrastinate import App, PsycopgConnector
from sqlalchemy.orm import Session

from portal import logs
from portal.clock import utc_now
from portal.domain.ends.end_requests import Channel

# The library takes the time of its machine for retries and for what comes by the clock; here it is the database's.
procrastinate.utils.utcnow = utc_now
procrastinate.periodic.time = SimpleNamespace(time=lambda: utc_now().timestamp())  # type: ignore[assignment, attr-defined]

app = App(connector=PsycopgConnector())  # the worker's: it opens it with an address
# A connector that was opened for the worker's event loop cannot write on a session's own connection,
# so jobs are deferred through a second one that is never opened.
_deferring = App(connector=PsycopgConnector())

CARRY_OUT_END = "end_requests.carry_out"
CARRY_OUT_PAUSE = "pauses.carry_out"
CARRY_ON_COMEBACK = "comebacks.carry_on"
SEND_MAIL = "mails.send"
RUN_IMPORT = "imports.run"
FETCH_MISSED_EVENTS = "events.fetch_missed"
REGISTER_WEBHOOK = "webhooks.register"
CHECK_KEY = "paypal_keys.check"
RUN_COMPARISON = "comparisons.run"
RUN_PROFILE_IMPORT = "profile_imports.run"
PREPARE_BULK_ACT = "bulk_acts.prepare"
PLAN_BULK_ACT = "bulk_acts.plan"
RUN_BULK_ROW = "bulk_acts.row"
REFUND = "refunds.carry_out"
SETTLE = "settlements.carry_out"
REREAD = "subscriptions.reread"
EXPORT_DATA = "own_data.export"
EXPORT_LIST = "list_exports.make"
RUN_FILE_IMPORT = "file_imports.run"
ARCHIVE_MERCHANT = "merchant_archives.make"
DECIDE_DECLARATION = "declarations.decide"
# Who comes first when more waits than the workers can do: people who wait, then what PayPal's answers lead to, then the
# long work that takes turns.  A PayPal that does not answer thus keeps nobody's acknowledgement waiting.
# Only what somebody sits and waits for wakes a worker (migration 0022): a NOTIFY lets the commits of the whole database
# queue behind one lock.  The rest is found within POLL seconds.
AWAITED, FIRST, NEXT, LAST = 25, 20, 10, 0
POLL = 1.0
TASKS = {
    CARRY_OUT_END: FIRST,
    CARRY_OUT_PAUSE: FIRST,
    CARRY_ON_COMEBACK: FIRST,
    SEND_MAIL: FIRST,
    CHECK_KEY: FIRST,
    REFUND: FIRST,
    SETTLE: FIRST,
    DECIDE_DECLARATION: FIRST,
    REREAD: NEXT,
    EXPORT_DATA: NEXT,
    EXPORT_LIST: LAST,
    RUN_FILE_IMPORT: LAST,
    ARCHIVE_MERCHANT: LAST,
    REGISTER_WEBHOOK: NEXT,
    FETCH_MISSED_EVENTS: NEXT,
    RUN_IMPORT: LAST,
    RUN_COMPARISON: LAST,
    RUN_PROFILE_IMPORT: LAST,
    PREPARE_BULK_ACT: NEXT,
    PLAN_BULK_ACT: NEXT,  # a look at the database, no call
    RUN_BULK_ROW: LAST,
}


class Lane(StrEnum):
    """What a worker may be given a machine of its own for (`flask work --lanes`); told nothing, it does all of it."""

    PEOPLE = "people"
    LONG = "long"
    MESSAGES = "messages"
    EVENTS = "events"


LANES = tuple(Lane)
# The first two lanes are jobs, by the queue that they are written to; an older release wrote all of them to the first.
QUEUES = {Lane.PEOPLE: "default", Lane.LONG: "long"}
NO_QUEUES = ["none"]  # of a worker without jobs: it gives signs of life and gives out what the clock plans
CONCURRENCY = 8  # jobs at once of one worker: more than the long work may take (two comparisons, an import, a list)
HOUSEKEEPING = 30  # stalled jobs and lost ones are found whatever else waits
RANKS = {HOUSEKEEPING: "housekeeping", AWAITED: "awaited", FIRST: "first", NEXT: "next", LAST: "last"}


def rank_of_end(channel: Channel) -> int:
    """Return the rank of a request's own job: one of many that were asked in bulk keeps no customer waiting."""
    return LAST if channel is Channel.BULK else FIRST


def rank_name(priority: int) -> str:
    """Return the name of the rank that a priority belongs to, as figures and logs have it."""
    return next((name for least, name in RANKS.items() if priority >= least), RANKS[LAST])


def queues_of(lanes: Collection[str]) -> list[str] | None:
    """Return which queues a worker with these lanes takes jobs from; None: from any."""
    found = [name for lane, name in QUEUES.items() if lane in lanes]
    return None if len(found) == len(QUEUES) else found or NO_QUEUES


def defer(
    session: Session,
    task: str,
    *,
    at: datetime | None = None,
    lock: str | None = None,
    rank: int | None = None,
    **arguments: Any,
) -> None:
    """Add a job to the session's transaction: it exists if and only if the transaction commits.

    `at` (aware) delays it; jobs with the same `lock` run one after the other; `rank` puts it elsewhere than its task.
    """
    if task not in TASKS:
        raise ValueError(f"no task is named {task!r}")
    connection = session.connection().connection.driver_connection
    priority = TASKS[task] if rank is None else rank
    name = QUEUES[Lane.PEOPLE if priority > LAST else Lane.LONG]
    job = _deferring.configure_task(
        task, schedule_at=at, lock=lock, priority=priority, queue=name, connection=connection
    )
    logs.note_job(job.defer(**arguments))

"""Any number of workers over one PostgreSQL, none the leader: what is planned once happens once, nothing is lost.

The whole product on several machines, restarted one after the other under traffic: tests/chaos.
"""

from __future__ import annotations

import os
import signal
from functools import partial

import pytest
from sqlalchemy import select, text

from portal.domain.ends.end_requests import RequestState
from portal.models import EndRequest, Mail
from tests.jobs.test_worker import ask, make_due, until

pytestmark = pytest.mark.drill


def rows(ctx, query):
    with ctx.db.read() as session:
        return session.execute(text(query)).all()


def states(ctx):
    with ctx.db.read() as session:
        return list(session.scalars(select(EndRequest.state)))


def age(ctx):
    """Let time pass for whoever died: heartbeats and claims are old."""
    with ctx.db.begin() as session:
        session.execute(text("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '10 minutes'"))
        session.execute(text("UPDATE end_requests SET claimed_at = now() - interval '1 hour' WHERE state = 'calling'"))


def all_confirmed(ctx):
    """Every request is confirmed; until then the time of what is planned comes at once, as often as it is planned."""
    hasten_ends = (
        "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo' "
        "AND task_name = 'end_requests.carry_out' AND scheduled_at > now() + interval '2 seconds'"
    )
    age_old_claims = (
        "UPDATE end_requests SET claimed_at = claimed_at - interval '1 hour' "
        "WHERE state = 'calling' AND claimed_at < now() - interval '8 seconds'"
    )
    with ctx.db.begin() as session:
        session.execute(text("UPDATE end_requests SET next_try_at = now() WHERE next_try_at > now()"))
        session.execute(text(age_old_claims))
        session.execute(text(hasten_ends))  # not the mails: without a mail server they would come again and again
    return set(states(ctx)) == {RequestState.CONFIRMED}


def test_what_is_planned_by_the_clock_is_given_out_once_however_many_workers_run(ctx, worker):
    """Each worker that starts offers the last tick of every periodic task: all but one come too late.

    It takes long because three real processes start.
    """
    for _ in range(3):
        worker()
    alive = "SELECT 1 FROM procrastinate_workers WHERE last_heartbeat < now()"
    until(lambda: len(rows(ctx, alive)) == 3)
    signs = "SELECT id, last_heartbeat FROM procrastinate_workers"
    first = {row.id: row.last_heartbeat for row in rows(ctx, signs)}
    # A second sign of life of each: by then it has offered what it had to offer.
    until(lambda: all(row.last_heartbeat > first[row.id] for row in rows(ctx, signs)))
    given_out = rows(
        ctx,
        "SELECT task_name, args->>'timestamp', count(*) FROM procrastinate_jobs WHERE args ? 'timestamp' GROUP BY 1, 2",
    )
    assert {"housekeeping.sweep", "housekeeping.aging"} & {name for name, _, _ in given_out}
    assert {count for _, _, count in given_out} == {1}, given_out


def test_workers_killed_and_stopped_one_after_the_other_lose_nothing(ctx, make, paypal, worker):
    """It takes long because real processes start, die and start again, one after the other."""
    make.merchant()
    subscriptions = [make.subscription() for _ in range(12)]
    for subscription in subscriptions:
        ask(ctx, subscription)
    paypal.rule("show", "normal", latency=150)
    killed, stopped = worker(), worker()
    until(lambda: len(rows(ctx, "SELECT id FROM procrastinate_workers")) == 2)  # both can be asked to stop
    make_due(ctx)
    until(lambda: paypal.cancelled)

    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    stopped.send_signal(signal.SIGTERM)
    assert stopped.wait(timeout=150) == 0
    left = rows(ctx, "SELECT worker_id FROM procrastinate_jobs WHERE status = 'doing' AND task_name LIKE 'end%'")
    dead = {row.id for row in rows(ctx, "SELECT id FROM procrastinate_workers")}
    assert {row.worker_id for row in left} <= dead, (
        "who was asked to stop keeps no job; the killed one's are taken over"
    )

    age(ctx)
    worker()
    until(partial(all_confirmed, ctx))
    assert sorted(paypal.cancelled) == sorted(row.provider_id for row in subscriptions), "each was cancelled once"
    with ctx.db.read() as session:
        assert list(session.scalars(select(Mail.kind))).count("end_confirmed") == len(subscriptions)


def test_a_worker_whose_connections_are_cut_goes_on(ctx, make, paypal, worker):
    """A database that restarts, or a machine in between, ends every connection; the worker comes back by itself.

    It takes long because a real process waits before it connects again.
    """
    make.merchant()
    process = worker()
    until(lambda: rows(ctx, "SELECT 1 FROM procrastinate_workers"))
    with ctx.db.begin() as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    ctx.db.dispose()  # ours were cut too
    ask(ctx, make.subscription())
    until(partial(all_confirmed, ctx))
    assert process.poll() is None

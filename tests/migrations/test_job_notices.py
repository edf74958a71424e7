"""0022: only a job that a person waits for wakes the workers, going up and down with jobs in the table."""

from __future__ import annotations

import psycopg
import pytest

from portal import queue
from portal.mail.composing import Composed
from portal.mail.logins import LOGIN_CODE
from portal.migrating import downgrade, upgrade
from portal.services.notices import outbox

pytestmark = pytest.mark.exhaustive

OVER = "that is all"


@pytest.fixture
def heard(database_url):
    """Say how often the workers are called while something is done: what was sent before our own word has arrived."""

    def listen(act) -> int:
        with psycopg.connect(database_url, autocommit=True) as ear:
            ear.execute("LISTEN procrastinate_any_queue_v1")
            act()
            ear.execute("SELECT pg_notify('procrastinate_any_queue_v1', %s)", [OVER])
            words = []
            for notice in ear.notifies(timeout=30):
                if notice.payload == OVER:
                    break
                words.append(notice.payload)
            return len(words)

    return listen


@pytest.fixture
def put(ctx, make, now):
    merchant = make.merchant()

    def write(kind):
        composed = Composed(kind=kind, subject="s", text="t", html="h")
        with ctx.db.begin() as session:
            outbox.put(
                ctx, session, composed, merchant_id=merchant.id, key=kind, recipient="a@b.test", language="fr", now=now
            )

    return write


@pytest.fixture
def defer(ctx):
    def write(task, **more):
        with ctx.db.begin() as session:
            queue.defer(session, task, **more)

    return write


def test_a_log_in_code_wakes_a_worker_and_what_nobody_waits_for_does_not(heard, put, defer, now):
    assert heard(lambda: put(LOGIN_CODE)) == 1
    assert heard(lambda: put("end_confirmed")) == 0
    for task in (queue.REREAD, queue.CARRY_OUT_END, queue.RUN_BULK_ROW):
        assert heard(lambda task=task: defer(task)) == 0
    assert heard(lambda: defer(queue.SEND_MAIL, rank=queue.AWAITED, at=now)) == 0, "it waits for its time anyway"


def test_going_back_every_job_wakes_a_worker_and_none_is_lost(heard, defer, ctx, database_url):
    defer(queue.REREAD, event_id="1")
    ctx.db.dispose()
    downgrade(database_url, "0021")
    assert heard(lambda: defer(queue.REREAD, event_id="2")) == 1
    ctx.db.dispose()
    upgrade(database_url)
    assert heard(lambda: defer(queue.REREAD, event_id="3")) == 0
    with psycopg.connect(database_url) as connection:
        kept = connection.execute("SELECT args->>'event_id' FROM procrastinate_jobs ORDER BY id").fetchall()
    assert kept == [("1",), ("2",), ("3",)]

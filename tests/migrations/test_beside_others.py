"""A migration beside somebody who works: it gives way, tries again, and goes on where a killed one stopped."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import psycopg
import pytest
import sqlalchemy as sa

from portal import gently
from portal.migrating import downgrade, upgrade
from portal.releases import Refused
from tests.jobs.test_worker import until
from tests.migrations.test_gentle import run_of

pytestmark = pytest.mark.drill

MIGRATION_LOCK = 7_204_011  # migrations/env.py's own
WAITS = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'customers'::regclass"
COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_name = 'customers'"


@contextmanager
def beside(do):
    """Run it in a thread until the block ends; what it raised is raised then."""
    raised = []

    def run():
        try:
            do()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield thread
    thread.join()
    if raised:
        raise raised[0]


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(gently, "REST", 0.2)


def test_who_reads_meanwhile_passes_and_the_migration_is_done_when_the_table_is_free(database_url, quick):
    """A report holds the table for long; whoever comes after the migration queues behind it for a moment only."""
    add = sa.Column("shoe", sa.Integer())
    with (
        psycopg.connect(database_url) as report,
        psycopg.connect(database_url, autocommit=True) as page,
        psycopg.connect(database_url, autocommit=True) as looking,
    ):
        report.execute("SELECT count(*) FROM customers")
        page.execute("SET lock_timeout = '3s'")  # a page's own patience
        with beside(lambda: run_of(database_url, lambda _op: gently.column("customers", add))) as migration:
            for _ in range(3):
                until(lambda: looking.execute(WAITS).fetchone())
                assert page.execute("SELECT count(*) FROM customers").fetchone() == (0,)
            assert migration.is_alive()
            report.rollback()
        assert ("shoe",) in looking.execute(COLUMNS).fetchall()


def test_a_whole_migration_gives_way_too_and_says_so_when_nobody_ever_lets_it(database_url, quick, monkeypatch):
    monkeypatch.setattr(gently, "TRIES", 2)
    with psycopg.connect(database_url) as report:
        report.execute("SELECT count(*) FROM received_requests")
        with pytest.raises(Refused, match=r"holds a table for too long .*run flask migrate again"):
            downgrade(database_url, "0058")
    monkeypatch.undo()
    upgrade(database_url)  # what it had done before was done


def test_batches_go_on_where_a_killed_run_stopped_and_write_nothing_twice(make, ctx, database_url, monkeypatch):
    merchant = make.merchant()
    for _ in range(7):
        make.customer(merchant)
    ctx.db.dispose()
    changes = "name = name || '!'", "name NOT LIKE '%!'"
    turns, counted = iter(range(9)), []

    def killed(_seconds):
        if next(turns) == 1:
            raise KeyboardInterrupt

    def run(_op):
        counted.append(gently.in_batches("customers", *changes, size=2))

    monkeypatch.setattr(time, "sleep", killed)
    with pytest.raises(KeyboardInterrupt):
        run_of(database_url, run)
    monkeypatch.undo()
    with psycopg.connect(database_url) as connection:
        done = "SELECT count(*) FILTER (WHERE name LIKE '%!'), count(*) FILTER (WHERE name LIKE '%!!') FROM customers"
        assert connection.execute(done).fetchone() == (4, 0), "each batch is kept by itself"
        run_of(database_url, run)
        assert counted == [3]
        connection.rollback()
        assert connection.execute(done).fetchone() == (7, 0)


def test_two_that_migrate_wait_for_each_other_without_being_in_a_transaction(database_url):
    """One that waited inside a transaction would keep the other's CREATE INDEX CONCURRENTLY waiting: for each other."""
    downgrade(database_url, "0060")
    mine = "datname = current_database() AND state <> 'active' AND xact_start IS NOT NULL"
    inside = f"SELECT count(*) FROM pg_stat_activity WHERE {mine}"  # noqa: S608
    with psycopg.connect(database_url, autocommit=True) as first:
        first.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        with beside(lambda: upgrade(database_url)) as second:
            time.sleep(1.2)
            assert second.is_alive()
            assert first.execute(inside).fetchone() == (0,)
            first.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])

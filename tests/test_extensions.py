"""The pool of connections: what a database that went away costs."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from portal.extensions import Database


def cut(database_url, database):
    """End the database's side of every connection in the pool, as a restart does."""
    other = Database(database_url)
    with other.read() as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'portal'"
                " AND pid <> pg_backend_pid() AND datname = current_database()"
            )
        )
    other.dispose()


def test_an_idle_connection_that_was_cut_is_replaced_unseen(database_url):
    database = Database(database_url, trust_for=0.0)
    with database.begin() as session:
        session.execute(select(1))
    cut(database_url, database)
    with database.begin() as session:
        assert session.scalar(select(1)) == 1
    database.dispose()


def test_one_that_was_just_used_is_trusted_and_its_failure_renews_the_pool(database_url):
    database = Database(database_url, trust_for=60.0)
    with database.begin() as session:
        session.execute(select(1))
    cut(database_url, database)
    with pytest.raises(OperationalError), database.begin() as session:
        session.execute(select(1))
    with database.begin() as session:
        assert session.scalar(select(1)) == 1
    database.dispose()

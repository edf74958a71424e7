"""0064: the triggers come and go with rows in the tables, and note nothing before somebody keeps a journal."""

from __future__ import annotations

import psycopg

from portal.journal.gathering import SWITCH_ON
from portal.migrating import downgrade, upgrade

NOTED = "SELECT of_table, act FROM journal_entries ORDER BY number"
RENAME = "UPDATE merchants SET name = name || '!'"


def test_it_comes_and_goes_with_rows_in_it(make, ctx, database_url):
    make.subscription(merchant=make.merchant())
    ctx.db.dispose()
    names = set()
    for _again in range(2):
        downgrade(database_url, "0063")
        with psycopg.connect(database_url) as connection:
            connection.execute(RENAME)
            left = "SELECT proname FROM pg_proc WHERE proname LIKE 'journal%'"
            assert connection.execute(left).fetchall() == []
        upgrade(database_url)
        with psycopg.connect(database_url) as connection:
            connection.execute(RENAME)
            assert connection.execute(NOTED).fetchall() == [], "nobody keeps a journal"
            names |= set(connection.execute("SELECT name FROM installations").fetchall())
    assert len(names) == 2, "each schema is an installation of its own: a backup from before has to be adopted"


def test_the_version_before_writes_beside_the_new_schema_and_is_noted(make, ctx, database_url):
    """Its statements name none of the new tables: the triggers do."""
    make.merchant()
    with psycopg.connect(database_url) as connection:
        connection.execute(SWITCH_ON)
        connection.execute(RENAME)
        connection.execute("SET portal.journal = 'off'")
        connection.execute(RENAME)
        assert connection.execute(NOTED).fetchall() == [("merchants", "is")]


def test_a_row_that_others_refer_to_is_noted_with_them(make, ctx, database_url):
    subscription = make.subscription(merchant=make.merchant())
    with psycopg.connect(database_url) as connection:
        connection.execute(SWITCH_ON)
        connection.execute("UPDATE subscriptions SET relaunch_allowed = false")
        connection.execute("UPDATE subscriptions SET failed_payments = 3")
        connection.execute("DELETE FROM product_contents")
        found = connection.execute("SELECT of_table, act, key FROM journal_entries ORDER BY number").fetchall()
    assert found == [
        ("customers", "seen", str(subscription.customer_id)),
        ("subscriptions", "is", str(subscription.id)),
    ]

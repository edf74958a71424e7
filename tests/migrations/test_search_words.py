"""0024: whoever is there is found by their words, some at a time; the words go with the way down."""

from __future__ import annotations

import runpy

import psycopg
import pytest
from sqlalchemy import text

from portal.migrating import FOLDER, downgrade, upgrade

pytestmark = pytest.mark.exhaustive

WORDS = "SELECT word FROM search_words ORDER BY word"
LEFT = "SELECT count(*) FROM pg_proc WHERE proname LIKE 'search!_%' ESCAPE '!'"
NAMES = ("Élodie", "Zoë", "Marie", "Jean-Luc", "Ana")
FOUND_BY = [("ana",), ("elodie",), ("jean-luc",), ("luc",), ("marie",), ("zoe",)]


def test_who_is_there_is_found_after_the_way_up(make, ctx, database_url):
    merchant = make.merchant(key=False)
    for name in NAMES:
        make.customer(merchant, name=name, email=None)
    ctx.db.dispose()
    for _again in range(2):
        downgrade(database_url, "0023")
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT to_regclass('search_words')").fetchone() == (None,)
            assert connection.execute(LEFT).fetchone() == (0,)
            connection.execute("UPDATE customers SET payer_id = NULL")  # no trigger is left behind
        upgrade(database_url)
        with psycopg.connect(database_url) as connection:
            assert connection.execute(WORDS).fetchall() == FOUND_BY
            connection.execute("UPDATE customers SET name = 'Anaïs' WHERE name = 'Ana'")
            assert ("anais",) in connection.execute(WORDS).fetchall()
            connection.rollback()


def test_it_is_filled_some_at_a_time(make, ctx):
    merchant = make.merchant(key=False)
    for name in NAMES:
        make.customer(merchant, name=name, email=None)
    fill = runpy.run_path(str(FOLDER / "versions" / "0024_search_words.py"))["FILL"]
    after, turns = "00000000-0000-0000-0000-000000000000", 0
    with ctx.db.begin() as session:
        connection = session.connection()
        connection.exec_driver_sql("DELETE FROM search_words")
        while after is not None:
            after = connection.execute(text(fill), {"after": after, "batch": 2}).scalar()
            turns += 1
        assert connection.exec_driver_sql(WORDS).fetchall() == FOUND_BY
    assert turns == 4  # two, two, one, none

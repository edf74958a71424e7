"""Which database this code works on, and what is said where it does not."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from portal import releases
from portal.migrating import downgrade, upgrade
from portal.releases import Refused, Schema, complaint

GOOD = Schema(revision=releases.known(), least_code="", is_replica=False, is_read_only=False)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"revision": ""}, "has no tables yet; this release needs {needs} at least: run flask migrate"),
        ({"revision": "0001"}, "is as migration 0001 left it; this release needs {needs} at least: run flask migrate"),
        ({"revision": "9999"}, ""),
        ({"revision": "9999", "least_code": "0001"}, ""),
        ({"revision": "9999", "least_code": "9998"}, "for releases that know 9998; this one knows {known}"),
        ({"is_replica": True, "revision": ""}, "leads to a replica, which only reads"),
        ({"is_read_only": True}, "leads to a database that only reads"),
    ],
)
def test_each_reason_not_to_work_is_a_sentence_that_says_what_to_do(change, words):
    said = complaint(replace(GOOD, **change))
    assert words.format(needs=releases.NEEDS, known=releases.known()) in said
    assert bool(said) == bool(words)


def test_the_database_tells_its_number_and_whom_it_admits_up_and_down(ctx, database_url):
    def look():
        with ctx.db.read() as session:
            return releases.look(session)

    assert look() == GOOD
    downgrade(database_url, "0058")
    assert look() == replace(GOOD, revision="0058")
    upgrade(database_url)
    assert look() == GOOD


def test_a_database_without_a_table_and_one_that_only_reads_are_seen(ctx, postgres):
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS bare WITH (FORCE)")
        connection.execute("CREATE DATABASE bare")
        connection.execute("ALTER DATABASE bare SET default_transaction_read_only = on")
    bare = type(ctx.db)(postgres.replace("/postgres?", "/bare?"))
    with bare.read() as session:
        found = releases.look(session)
    assert (found.revision, found.is_read_only, found.is_replica) == ("", True, False)
    with pytest.raises(Refused, match="only reads"):
        upgrade(bare.url)
    bare.dispose()
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE bare WITH (FORCE)")


def test_migrate_of_an_older_release_says_that_it_does_not_know_the_database(ctx, database_url):
    for change, back in (("9999", releases.known()),):
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("UPDATE alembic_version SET version_num = %s", [change])
            try:
                for do in (upgrade, lambda url: downgrade(url, "0059")):
                    with pytest.raises(Refused, match="9999 left it, which this release does not know"):
                        do(database_url)
            finally:
                connection.execute("UPDATE alembic_version SET version_num = %s", [back])

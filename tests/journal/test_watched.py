"""What the code takes for watched is what the database notes."""

from __future__ import annotations

import psycopg
import pytest

from portal.journal.gathering import _writes
from portal.journal.watched import OTHER_KEYS, REFERRED, WATCHED, WITNESSES, key_of
from portal.models import Base

NOTED = """
    SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE tgfoid = 'journal_note'::regproc AND NOT tgisinternal
"""


def test_each_watched_table_has_its_trigger_and_no_other_has(database_url):
    with psycopg.connect(database_url) as connection:
        assert {name for (name,) in connection.execute(NOTED)} == WATCHED


def test_each_is_known_by_its_only_key():
    for name in WATCHED | REFERRED:
        assert [column.name for column in Base.metadata.tables[name].primary_key] == [key_of(name)], name
    assert OTHER_KEYS.keys() | WITNESSES <= WATCHED


@pytest.mark.parametrize(
    ("statement", "is_told"),
    [
        ("INSERT INTO end_requests (id) VALUES (%(id)s)", True),
        ("UPDATE mails SET state=%(state)s", True),
        ("DELETE FROM staff_devices WHERE id = 1", True),
        ("WITH written AS (INSERT INTO audit_entries (at) SELECT 1) UPDATE audit_heads SET number=1", True),
        ("UPDATE health_marks SET at = now()", False),
        ("INSERT INTO webhook_endpoints (token) VALUES (%(token)s)", True),
        ("SELECT end_requests.id FROM end_requests FOR UPDATE", False),
        ("INSERT INTO end_requests_of_somebody (id) VALUES (1)", False),
        ("WITH many AS (SELECT " + 200 * "1, " + "2) INSERT INTO mails SELECT * FROM many", True),
        ("SELECT 'UPDATE mails SET nothing'", False),
    ],
)
def test_only_what_changes_a_watched_table_is_asked_about(statement, is_told):
    assert _writes(statement) is is_told


def test_what_the_database_notes_it_still_notes_after_a_test_has_left_rows(own_database, database_url, make):
    """The chain's rows are taken out past its guards: nothing else may be off for the tests that follow."""
    triggers = "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2"
    merchant = make.merchant()
    with psycopg.connect(database_url, autocommit=True) as connection:
        before = connection.execute(triggers).fetchall()
        connection.execute("INSERT INTO audit_heads (merchant_id, number, hash) VALUES (%s, 0, '')", [merchant.id])
    own_database.clean()
    own_database.ready()
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM audit_heads").fetchone() == (0,)
        assert connection.execute(triggers).fetchall() == before

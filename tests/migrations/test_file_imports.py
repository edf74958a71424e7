"""0070: subscriptions get a place for what the merchant calls them; files go with the way down."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from portal.migrating import downgrade, upgrade


def test_subscriptions_that_there_were_have_nothing_of_their_own_until_it_is_brought(make, ctx, database_url):
    make.subscription(at_paypal=False)
    ctx.db.dispose()
    downgrade(database_url, "0069")
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT reference, extra FROM subscriptions").fetchone() == (None, {})
        connection.execute("UPDATE subscriptions SET reference = 'R-1', extra = '{\"a\": \"b\"}'")


def test_a_file_goes_with_all_that_hangs_on_it(make, ctx, database_url):
    merchant = make.merchant()
    ctx.db.dispose()
    whose = "'00000000-0000-0000-0000-000000000001'"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO file_imports (id, merchant_id, staff_name, brought, state, file_name, size, encoding,"
            " delimiter, header, slashed, columns, parts, lines, attempt, part, done, made, changed, same, refused,"
            " touched_at, created_at) VALUES ('00000000-0000-0000-0000-000000000001', %s, 'Léa', 'customers', 'done',"
            " 'a.csv', 1, 'utf-8', ';', '[]', '[]', '[]', 1, 1, 1, 1, 1, 0, 0, 0, 1, now(), now())",
            (merchant.id,),
        )
        connection.execute(
            f"INSERT INTO file_import_parts VALUES (gen_random_uuid(), {whose}, 1, 'x');"  # noqa: S608
            f"INSERT INTO file_import_keys VALUES ({whose}, 1, gen_random_uuid(), gen_random_uuid(), 2);"
            f"INSERT INTO file_import_faults VALUES ({whose}, 1, 2, 0, 'bad_email', NULL)"
        )
        with pytest.raises(errors.CheckViolation):
            connection.execute("UPDATE file_imports SET done = 2")
        connection.execute("DELETE FROM file_imports")
        for table in ("file_import_parts", "file_import_keys", "file_import_faults"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)  # noqa: S608
    downgrade(database_url, "0069")
    upgrade(database_url)

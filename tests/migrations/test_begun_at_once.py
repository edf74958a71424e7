"""0060: what is new is empty for what the version before wrote, and that version writes beside the new schema."""

from __future__ import annotations

import psycopg
import pytest

from portal.migrating import downgrade, upgrade

pytestmark = pytest.mark.exhaustive


@pytest.mark.law("R-FR-34")
def test_it_comes_and_goes_with_a_merchant_in_it(make, ctx, database_url):
    merchant = make.merchant()
    ctx.db.dispose()
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE merchants SET withdrawal_informed_since = '2024-03-01'")
    for _again in range(2):
        downgrade(database_url, "0059")
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT slug FROM merchants").fetchall() == [(merchant.slug,)]
        upgrade(database_url)
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT withdrawal_informed_since FROM merchants").fetchall() == [(None,)]
            default = "SELECT column_default FROM information_schema.columns WHERE column_name = 'express_version'"
            assert connection.execute(default).fetchone() == ("''::text",)

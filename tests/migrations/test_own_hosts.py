"""0061: own hosts come and go; a merchant stays, under the installation's address."""

from __future__ import annotations

import psycopg
import pytest

from portal.migrating import downgrade, upgrade
from portal.models import OwnHost


def test_going_back_and_forth_with_rows(make, ctx, database_url):
    merchant = make.merchant(own_host="compte.atelier.example")
    make.add(OwnHost(merchant_id=merchant.id, host="compte.atelier.example", token="abc"))
    for wrong in ("host = 'https://x.example'", "host = 'alone'", "fault = 'no_record'"):
        with psycopg.connect(database_url) as connection, pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(f"UPDATE own_hosts SET {wrong}")  # noqa: S608 - our own words
    ctx.db.dispose()
    downgrade(database_url, "0060")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM merchants").fetchone() == (1,)
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(own_host) FROM merchants").fetchone() == (0,)

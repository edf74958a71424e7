"""0032: down it forgets suspensions, departures and set-up codes, and keeps the merchant; up again it is open."""

from __future__ import annotations

import psycopg
import pytest

from portal.domain.audit import OPERATOR
from portal.migrating import downgrade, upgrade
from portal.services.merchants import setup_codes, standings

pytestmark = pytest.mark.exhaustive


def test_a_leaving_merchant_is_an_open_one_after_the_way_down(make, ctx, database_url, now):
    setup_codes.issue(ctx, now=now)
    merchant = make.merchant(key=False, name="L’Atelier")
    standings.suspend(ctx, merchant.id, why="unpaid", by=OPERATOR, now=now)
    standings.leave(ctx, merchant.id, leave_live=False, by=OPERATOR, now=now)
    ctx.db.dispose()
    for _again in range(2):
        downgrade(database_url, "0035")
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT name FROM merchants").fetchall() == [("L’Atelier",)]
        upgrade(database_url)
        with psycopg.connect(database_url) as connection:
            seen = "SELECT suspended_at, suspended_why, leaving_at, gone_at, closed_at, erased_at FROM merchants"
            assert connection.execute(seen).fetchall() == [(None, "", None, None, None, None)]
            assert connection.execute("SELECT count(*) FROM setup_codes").fetchone() == (0,)


@pytest.mark.parametrize(
    "wrong",
    [
        "suspended_at = now()",
        "leaving_at = now()",
        "gone_at = now()",
        "leaving_at = now(), gone_at = now() - interval '1 day'",
        "leaving_at = now(), gone_at = now() + interval '30 days', closed_at = now()",
    ],
)
def test_the_database_itself_takes_no_half_state(make, database_url, wrong):
    make.merchant(key=False)
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(f"UPDATE merchants SET {wrong}")  # noqa: S608 - the rows above

"""0044 and 0045: customers, requests and merchants stay as they are on the way up, down and up again."""

from __future__ import annotations

import psycopg
import pytest

from portal.migrating import downgrade, upgrade
from portal.services.own_data import customer_erasures, data_exports
from tests.services.carrying.carried import ask, carry

pytestmark = pytest.mark.exhaustive


def test_what_was_there_stays_and_wishes_are_forgotten_on_the_way_down(make, ctx, database_url, now):
    held = make.subscription(merchant=make.merchant())
    carry(ctx, ask(ctx, make, held))
    customer = held.customer
    data_exports.ask(ctx, customer.merchant_id, customer.id, language="fr", now=now)
    customer_erasures.ask(ctx, customer.merchant_id, customer.id, now=now)
    ctx.db.dispose()
    for _again in range(2):
        downgrade(database_url, "0043")
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT name FROM customers").fetchall() == [("Claire Dupont",)]
            assert connection.execute("SELECT count(*) FROM end_requests").fetchone() == (1,)
            assert connection.execute("SELECT to_regclass('customer_erasures')").fetchone() == (None,)
        upgrade(database_url)
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT retention FROM merchants").fetchall() == [({},)]
            assert connection.execute("SELECT erased_at, seen_at FROM customers").fetchall() == [(None, None)]
            assert connection.execute("SELECT archived_at FROM end_requests").fetchall() == [(None,)]
            assert connection.execute("SELECT count(*) FROM customer_erasures").fetchone() == (0,)

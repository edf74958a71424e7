"""The columns of paid time: up with rows in the table, down, and up again."""

from __future__ import annotations

import psycopg

from portal.migrating import downgrade, upgrade

KEPT = "SELECT provider_id, paid_until, last_payment_at FROM subscriptions ORDER BY provider_id"
NEW = "SELECT declined_at, pending_at, trials, keeps_month_ends FROM subscriptions"


def test_subscriptions_keep_their_dates_on_the_way_up_and_down(make, database_url):
    for _ in range(3):
        make.subscription(at_paypal=False)
    with psycopg.connect(database_url, autocommit=True) as connection:
        before = connection.execute(KEPT).fetchall()
        downgrade(database_url, "0014")
        assert connection.execute(KEPT).fetchall() == before
        upgrade(database_url)
        assert connection.execute(KEPT).fetchall() == before
        assert connection.execute(NEW).fetchall() == [(None, None, [], None)] * 3

"""0068: what is there already is counted from the first minute on, and nothing notes a change once it is taken back."""

from __future__ import annotations

from datetime import timedelta

import psycopg

from portal.domain.desk.figures import Figure
from portal.domain.subscriptions import Status
from portal.migrating import downgrade, upgrade
from portal.queries.desk import figures as stored
from portal.services import figures


def test_what_was_there_before_is_counted_and_what_follows_is_added(make, ctx, database_url, now):
    merchant = make.merchant(key=False)
    subscription = make.subscription(merchant=merchant, at_paypal=False, started_at=now - timedelta(days=400))
    make.subscription(merchant=merchant, at_paypal=False, status=Status.CANCELLED, ended_at=now - timedelta(days=2))
    ctx.db.dispose()
    for _again in range(2):
        downgrade(database_url, "0067")
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE subscriptions SET status = 'paused' WHERE id = %s", [subscription.id])
            connection.execute("UPDATE subscriptions SET status = 'active' WHERE id = %s", [subscription.id])
        upgrade(database_url)
    figures.keep(ctx, now=now)
    with ctx.db.begin() as session:
        session.get_one(type(subscription), subscription.id).status = Status.PAUSED
    with ctx.db.read() as session:
        book = stored.read(session, merchant.id, since=now.date(), until=now.date(), days=())
    assert {key[1]: number for key, number in book.numbers.items() if key[0] is Figure.STATE} == {
        "paused": 1,
        "cancelled": 1,
    }

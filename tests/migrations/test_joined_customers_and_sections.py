"""0035: what was joined before cannot be split; what is there stays, up, down and up again."""

from __future__ import annotations

import psycopg
import pytest

from portal.domain.audit import By
from portal.domain.policies import Actor
from portal.migrating import downgrade, upgrade
from portal.services.people import customer_joining

pytestmark = pytest.mark.exhaustive

BY = By(actor=Actor.STAFF, channel="staff", name="Léa")


def test_joined_customers_stay_joined_and_only_what_is_known_of_it_is_forgotten(make, ctx, database_url, now):
    merchant = make.merchant()
    first = make.customer(merchant, email="zoe@client.test")
    second = make.customer(merchant, email="zoe@client.test", email_place=1)
    subscription = make.subscription(customer=second, at_paypal=False, payer_id="PAYER12345678")
    assert customer_joining.join(ctx, merchant.id, first.id, second.id, by=BY, now=now)
    ctx.db.dispose()
    for _again in range(2):
        downgrade(database_url, "0034")
        with psycopg.connect(database_url) as connection:
            held = connection.execute("SELECT id, customer_id FROM subscriptions").fetchall()
            assert held == [(subscription.id, first.id)]
        upgrade(database_url)
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT count(*) FROM customer_joinings").fetchone() == (0,)
            assert connection.execute("SELECT payer_id FROM subscriptions").fetchall() == [(None,)]

"""0042: customers and changes of before stay as they are; what they set and what may be held is forgotten downwards."""

from __future__ import annotations

import psycopg
import pytest

from portal.migrating import downgrade, upgrade
from portal.services.people import address_changes, customer_profiles

pytestmark = pytest.mark.exhaustive


def test_customers_stay_and_what_they_set_is_forgotten_on_the_way_down(make, ctx, database_url, now):
    merchant = make.merchant()
    customer = make.customer(merchant, email="zoe@client.test", name="Zoé")
    answers = {"time_zone": "Asia/Tokyo", "reminders_allowed": False, "contact_allowed": False}
    customer_profiles.save(ctx, merchant.id, customer.id, answers, now=now)
    address_changes.ask_own(ctx, merchant.id, customer.id, "zoe@neuf.example", now=now)
    with ctx.db.begin() as session:
        from portal.models import Customer
        from portal.services.people import address_holds

        address_holds.offer(session, session.get_one(Customer, customer.id), "zoe@neuf.example", now=now)
    ctx.db.dispose()
    for _again in range(2):
        downgrade(database_url, "0041")
        with psycopg.connect(database_url) as connection:
            rows = connection.execute("SELECT email, name, contact_allowed FROM customers").fetchall()
            assert rows == [("zoe@client.test", "Zoé", False)], "a refusal is never lost"
            waiting = connection.execute("SELECT email, outcome FROM address_changes").fetchall()
            assert waiting == [("zoe@neuf.example", None)]
        upgrade(database_url)
        with psycopg.connect(database_url) as connection:
            seen = "SELECT time_zone, reminders_allowed, own_answers FROM customers"
            assert connection.execute(seen).fetchall() == [(None, True, [])]
            assert connection.execute("SELECT by_customer FROM address_changes").fetchall() == [(False,)]
            assert connection.execute("SELECT count(*) FROM address_holds").fetchone() == (0,)

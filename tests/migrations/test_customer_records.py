"""0030: what is there stays as it is, in the words of before, on the way up, down and up again."""

from __future__ import annotations

import psycopg
import pytest

from portal.domain.audit import By
from portal.domain.policies import Actor
from portal.migrating import downgrade, upgrade
from portal.models import Customer
from portal.services import grants
from portal.services.grants import Gift
from portal.services.people import address_changes, customer_notes

pytestmark = pytest.mark.exhaustive

BY = By(actor=Actor.STAFF, channel="staff", name="Léa")


def test_gifts_and_messages_stay_and_notes_and_what_waited_are_forgotten_on_the_way_down(make, ctx, database_url, now):
    merchant = make.merchant(locale="en")
    customer, product = make.customer(merchant), make.product(merchant)
    gift = Gift(product_id=product.id, since=now, until=None, note="a gift", is_told=True)
    grants.give(ctx, merchant.id, customer.id, gift, by=BY, now=now)
    with ctx.db.begin() as session:
        address_changes.ask(ctx, session, session.get_one(Customer, customer.id), "n@neuf.example", by=BY, now=now)
    author = By(actor=Actor.STAFF, actor_id=customer.id, channel="staff", name="Léa")
    customer_notes.write(ctx, merchant.id, customer.id, "moved house", by=author, now=now)
    ctx.db.dispose()
    for _again in range(2):
        downgrade(database_url, "0029")
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT note, until FROM grants").fetchall() == [("a gift", None)]
            assert connection.execute("SELECT count(*) FROM mails").fetchone() == (3,)
        upgrade(database_url)
        with psycopg.connect(database_url) as connection:
            seen = "SELECT note, actor_name, withdrawn_at, withdrawn_by FROM grants"
            assert connection.execute(seen).fetchall() == [("a gift", "", None, "")]
            assert connection.execute("SELECT count(customer_id) FROM mails").fetchone() == (0,)
            assert connection.execute("SELECT count(*) FROM address_changes").fetchone() == (0,)
            assert connection.execute("SELECT count(*) FROM customer_notes").fetchone() == (0,)

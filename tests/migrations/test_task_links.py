"""0046: links and their sessions come and go; a word left by who could not log in stays, as one of another way."""

from __future__ import annotations

import psycopg
import pytest

from portal.clock import utc_now
from portal.domain.integrations.task_links import TaskKind
from portal.migrating import downgrade, upgrade
from portal.models import Customer, Merchant
from portal.queries.people.people import Kind
from portal.services import task_links
from portal.services.inbox import lost_log_ins
from portal.services.inbox.lost_log_ins import Word
from portal.services.people import task_visits
from portal.services.people.sessions import Visitor, open_for

pytestmark = pytest.mark.exhaustive


def test_going_back_no_session_of_one_task_becomes_a_log_in(make, ctx, database_url):
    merchant = make.merchant(return_addresses=["https://shop.example"])
    held = make.subscription(merchant=merchant)
    word = Word(merchant_id=merchant.id, name="Zoé", email="zoe@client.test", number="", message="Help")
    left = lost_log_ins.leave(ctx, word, network="n", now=utc_now())
    with ctx.db.begin() as session:
        customer = session.get_one(Customer, held.customer_id)
        made = task_links.make(
            session,
            session.get_one(Merchant, merchant.id),
            customer,
            TaskKind.LATE,
            subscription=held,
            now=utc_now(),
        )
        open_for(session, Kind.CUSTOMER, merchant.id, customer.id, visitor=Visitor(), now=utc_now())
    token = made.path.rpartition("/")[2]
    assert task_visits.begin(ctx, merchant.id, token, visitor=Visitor(), now=utc_now())
    ctx.db.dispose()

    downgrade(database_url, "0039")
    with psycopg.connect(database_url) as connection:
        ways = connection.execute("SELECT reference, way FROM received_requests").fetchall()
        assert ways == [(left.reference, "other")]
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (1,)  # the log-in alone
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*), max(task_link_id::text) FROM sessions").fetchone() == (1, None)
        assert connection.execute("SELECT return_addresses FROM merchants").fetchone() == ([],)
        assert connection.execute("SELECT way FROM received_requests").fetchone() == ("other",)

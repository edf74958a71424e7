"""0051: portal sessions come and go; downwards none becomes a link or a log-in, and what was done by one stays."""

from __future__ import annotations

import psycopg
import pytest

from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.ends.end_requests import Channel
from portal.domain.integrations.task_links import TaskKind
from portal.migrating import downgrade, upgrade
from portal.models import Customer, Merchant
from portal.services import portal_sessions, task_links
from portal.services.ends import end_requests
from portal.services.people import task_visits
from portal.services.people.sessions import Visitor
from portal.services.portal_sessions import Flow
from tests.services.carrying.carried import wish_of

pytestmark = pytest.mark.exhaustive


def test_going_back_no_vouched_session_stays_and_its_acts_are_the_customers(make, ctx, database_url):
    merchant, now = make.merchant(return_addresses=["https://shop.example"]), utc_now()
    held = make.subscription(merchant=merchant)
    _row, address = portal_sessions.create(
        ctx, merchant.id, held.customer_id, return_url="https://shop.example", flow=Flow(), by=By(name="K"), now=now
    )
    assert task_visits.begin(ctx, merchant.id, address.rpartition("/")[2], is_vouched=True, visitor=Visitor(), now=now)
    with ctx.db.begin() as session:
        whose = session.get_one(Merchant, merchant.id), session.get_one(Customer, held.customer_id)
        task_links.make(session, *whose, TaskKind.ACCESS, now=now)
    end_requests.record(ctx, wish_of(held, channel=Channel.PORTAL_SESSION), now=now)
    ctx.db.dispose()
    downgrade(database_url, "0050")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT kind FROM task_links").fetchall() == [("access",)]
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (0,)
        assert connection.execute("SELECT channel FROM end_requests").fetchall() == [("portal",)]
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        seen = "SELECT kind, vouched_by, locale, after FROM task_links"
        assert connection.execute(seen).fetchall() == [("access", "", None, "stay")]

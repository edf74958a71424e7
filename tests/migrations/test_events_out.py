"""0053: endpoints, events and what was told of access go with it; subscriptions and all else stay as they are."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.audit import By
from portal.migrating import downgrade, upgrade
from portal.models import OutgoingEvent, Subscription
from portal.services.outgoing import access_events, event_endpoints
from portal.services.outgoing.event_endpoints import Wish
from tests.services.carrying.carried import ask

pytestmark = pytest.mark.exhaustive

TABLES = "SELECT count(*) FROM pg_tables WHERE tablename IN ('event_endpoints', 'outgoing_events', 'access_marks')"


def test_going_back_and_forth_with_events_in_it(make, ctx, database_url):
    merchant = make.merchant()
    held = make.subscription(merchant=merchant)
    wish = Wish(address="https://example.com/events", environment="sandbox")
    made = event_endpoints.make(ctx, merchant.id, wish, by=By(), now=utc_now())
    ask(ctx, make, held)
    access_events.follow(ctx, now=utc_now())
    event_endpoints.test(ctx, merchant.id, made.endpoint_id, by=By(), now=utc_now())
    with ctx.db.read() as session:
        assert len(session.scalars(select(OutgoingEvent)).all()) == 2
        assert session.get_one(Subscription, held.id).event_number == 1
    ctx.db.dispose()

    downgrade(database_url, "0053")
    with psycopg.connect(database_url) as connection:
        one = connection.execute("SELECT state, state_at IS NOT NULL FROM event_endpoints").fetchone()
        assert one == ("disabled", True), "told of the sandbox alone it is not told of what is real"
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT environment FROM event_endpoints").fetchone() == (None,)
    downgrade(database_url, "0052")
    with psycopg.connect(database_url) as connection:
        assert connection.execute(TABLES).fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM subscriptions").fetchone() == (1,)
    upgrade(database_url)
    with ctx.db.read() as session:
        assert session.get_one(Subscription, held.id).event_number == 0

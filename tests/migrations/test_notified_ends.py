"""0012: an end knows what it answers, and what is notified and open stands in its subscription's timeline."""

from __future__ import annotations

import uuid
from datetime import timedelta

import psycopg
import pytest

from portal.domain.ends.end_requests import Channel, RequestState, new_reference
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.migrating import downgrade, upgrade
from portal.models import EndRequest
from portal.services.inbox import notifications
from portal.services.inbox.notifications import Notification

pytestmark = pytest.mark.exhaustive


def test_what_was_known_before_is_taken_over_and_goes_down_and_up_again(make, ctx, database_url, now):
    merchant = make.merchant(self_cancellation=False)
    open_one, answered = (make.subscription(merchant=merchant, at_paypal=False) for _ in range(2))
    told = [
        notifications.notify(
            ctx,
            Notification(merchant_id=merchant.id, customer_id=row.customer_id, subscription_id=row.id),
            now=now - timedelta(days=2),
        )
        for row in (open_one, answered)
    ]
    request = EndRequest(
        id=uuid.uuid4(),
        merchant_id=merchant.id,
        subscription_id=answered.id,
        reference=new_reference(),
        state=RequestState.RECORDED,
        outcome=Status.CANCELLED,
        actor=Actor.STAFF,
        channel=Channel.STAFF,
        shown={},
        created_at=now,
    )
    make.add(request)
    ctx.db.dispose()
    downgrade(database_url, "0011")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM timeline_entries").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM merchant_news").fetchone() == (0,)
        connection.execute("UPDATE subscriptions SET end_requested_at = NULL")
        connection.execute(
            "UPDATE received_requests SET state = 'matched', end_request_id = %s, settled_at = now() WHERE id = %s",
            (request.id, told[1].id),
        )
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT notified_at, notified_reference, notified_way FROM end_requests").fetchone()
        assert row == (told[1].received_at, told[1].reference, "account_page")
        lines = connection.execute("SELECT subscription_id, kind, at FROM timeline_entries").fetchall()
        assert lines == [(open_one.id, "notified", told[0].received_at)]
        asked = connection.execute("SELECT id FROM subscriptions WHERE end_requested_at IS NOT NULL").fetchall()
        assert asked == [(open_one.id,)]
        since = connection.execute("SELECT DISTINCT open_since FROM received_requests").fetchall()
        assert since == [(now - timedelta(days=2),)]

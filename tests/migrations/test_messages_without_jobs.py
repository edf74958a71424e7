"""0023: messages wait without jobs, going up with a job in the queue and down with messages that wait."""

from __future__ import annotations

import psycopg
import pytest

from portal import queue
from portal.clock import utc_now
from portal.migrating import downgrade, upgrade
from portal.services.messages import drains
from tests.fakes.webhooks import event
from tests.services.messages.webhook_desk import WebhookDesk, changed

pytestmark = pytest.mark.exhaustive

JOBS = "SELECT task_name FROM procrastinate_jobs ORDER BY id"
ADD = "INSERT INTO procrastinate_jobs (task_name, queue_name, status) VALUES ('events.handle', 'default', 'todo')"
INDEXES = "SELECT indexname FROM pg_indexes WHERE tablename = 'paypal_events' AND indexname LIKE '%waiting%' ORDER BY 1"


def test_what_waits_stays_and_its_job_goes(ctx, make, paypal, database_url):
    desk = WebhookDesk(ctx, paypal, make.merchant())
    desk.send(event("BILLING.SUBSCRIPTION.UPDATED", changed(paypal.add_subscription().id)))
    with ctx.db.begin() as session:
        queue.defer(session, queue.REREAD, merchant_id="1", subscription_id="2")
    for _again in range(2):
        ctx.db.dispose()
        downgrade(database_url, "0022")
        with psycopg.connect(database_url) as connection:
            assert connection.execute(INDEXES).fetchall() == [("ix_paypal_events_waiting",)]
            connection.execute(ADD)  # as the release before did
        upgrade(database_url)
        with psycopg.connect(database_url) as connection:
            assert connection.execute(JOBS).fetchall() == [(queue.REREAD,)]
            assert len(connection.execute(INDEXES).fetchall()) == 2
    assert drains.merchants_due(ctx, now=utc_now()) == [desk.merchant.id]
    desk.work()
    assert [row.state for row in desk.rows()] == ["done"]

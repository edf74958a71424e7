"""The database's disk is full: who cancels is told that it was not taken, and it was not; with room it is."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, text

from portal.domain.ends.end_requests import RequestState
from portal.models import AuditEntry, EndRequest, Mail, TimelineEntry
from tests.web.customer.conftest import CANCEL
from tests.web.test_health import FULL


def written(ctx):
    with ctx.db.read() as session:
        tables = (EndRequest, TimelineEntry, Mail, AuditEntry)
        counts = [session.scalar(select(func.count()).select_from(table)) for table in tables]
        return [*counts, session.scalar(text("SELECT count(*) FROM procrastinate_jobs"))]


def do(ctx, statements):
    with ctx.db.begin() as session:
        session.execute(text(statements))


@pytest.mark.parametrize("table", ["end_requests", "procrastinate_jobs"])
def test_a_cancellation_on_a_full_disk_is_taken_whole_or_not_at_all(ctx, visit, make, paypal, table):
    """The second table: the request finds room, and the job that carries it out does not."""
    subscription = make.subscription(customer=visit.customer)
    recap = visit.recap(subscription)
    before = written(ctx)
    do(ctx, FULL.replace("health_marks", table))
    page = recap.submit(press=CANCEL, reason="not_used", status=503)
    assert page.h1 == "We are briefly unavailable"
    assert written(ctx) == before
    assert paypal.cancelled == []

    do(ctx, f"DROP TRIGGER full_disk ON {table}")
    page = recap.submit(press=CANCEL, reason="not_used")
    assert "Your subscription is cancelled." in page.text
    assert [one.state for one in make.requests(subscription)] == [RequestState.CONFIRMED]

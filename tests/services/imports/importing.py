"""Importing, and looking at what came in."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import select, text

from portal.services.imports import imports


def bring_in(ctx, merchant):
    return imports.run_import(ctx, imports.start_or_resume(ctx, merchant.id).id)


def rows(ctx, model, merchant, **filters):
    with ctx.db.read() as session:
        return list(session.scalars(select(model).filter_by(merchant_id=merchant.id, **filters)))


def add_many(paypal, number, **more):
    return [paypal.add_subscription(email=f"c{place}@client.test", **more) for place in range(number)]


def until_somebody_waits(ctx):
    """Wait until a connection of this database waits for a lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with ctx.db.read() as session:
            if session.scalar(waiting):
                return
        time.sleep(0.02)
    pytest.fail("nobody ever waited")

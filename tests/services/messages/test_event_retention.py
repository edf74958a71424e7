"""Raw bodies are forgotten after thirty days; every fact stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.models import EventSource, EventState, PayPalEvent
from portal.services.messages import event_retention


@pytest.fixture
def message(ctx, make, now):
    merchant = make.merchant(key=False)

    def add(number: int, *, days: float, state=EventState.DONE, **columns) -> None:
        make.add(
            PayPalEvent(
                **{
                    "merchant_id": merchant.id,
                    "environment": "sandbox",
                    "source": EventSource.WEBHOOK,
                    "event_id": f"WH-{number}",
                    "transmission_id": f"T-{number}",
                    "event_type": "PAYMENT.SALE.COMPLETED",
                    "subject": "I-BW452GLLEP1G",
                    "body": b'{"payer": "Claire Dupont"}',
                    "received_at": now - timedelta(days=days),
                    "state": state,
                    "handled_at": now,
                }
                | columns
            )
        )

    return add


def bodies(ctx):
    with ctx.db.read() as session:
        return {row.event_id: row.body for row in session.scalars(select(PayPalEvent))}


def test_old_bodies_go_and_facts_stay(ctx, message, now):
    for number, days in enumerate((29.9, 30.1, 400)):
        message(number, days=days)
    assert event_retention.purge(ctx, now=now) == 2
    assert bodies(ctx) == {"WH-0": b'{"payer": "Claire Dupont"}', "WH-1": None, "WH-2": None}
    with ctx.db.read() as session:
        old = session.scalars(select(PayPalEvent).where(PayPalEvent.event_id == "WH-2")).one()
    assert (old.event_type, old.subject, old.transmission_id) == ("PAYMENT.SALE.COMPLETED", "I-BW452GLLEP1G", "T-2")
    assert event_retention.purge(ctx, now=now) == 0


def test_one_that_waits_keeps_its_body_until_it_is_done_or_given_up(ctx, message, now):
    states = (EventState.WAITING, EventState.FAILED, EventState.REFUSED, EventState.IGNORED)
    for number, state in enumerate(states):
        message(number, days=31, state=state)
    assert event_retention.purge(ctx, now=now) == 3
    assert [event_id for event_id, body in bodies(ctx).items() if body] == ["WH-0"]


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_batches_leave_nothing_over(ctx, message, now, monkeypatch, size):
    monkeypatch.setattr(event_retention, "BATCH", size)
    for number in range(5):
        message(number, days=40 + number)
    assert event_retention.purge(ctx, now=now) == 5
    assert set(bodies(ctx).values()) == {None}


@pytest.mark.parametrize(
    ("columns", "stays"),
    [
        ({}, True),  # its subscription can be read again
        ({"subject": ""}, False),
        ({"source": EventSource.IPN}, False),  # PayPal is asked about its text alone
    ],
)
def test_one_that_was_given_up_needs_nobody_once_nothing_of_it_can_be_read(ctx, message, now, columns, stays):
    message(1, days=29, state=EventState.FAILED, **columns)
    message(2, days=31, state=EventState.FAILED, error="unavailable", **columns)
    event_retention.purge(ctx, now=now)
    with ctx.db.read() as session:
        states = dict(session.execute(select(PayPalEvent.event_id, PayPalEvent.state)).all())
        reason = session.scalars(select(PayPalEvent.error).where(PayPalEvent.event_id == "WH-2")).one()
    assert states == {"WH-1": EventState.FAILED, "WH-2": EventState.FAILED if stays else EventState.IGNORED}
    assert reason == "unavailable", "why it was given up can still be read"

"""IPNs as the simulator would send them, handled as a worker would."""

from __future__ import annotations

from urllib.parse import urlencode

from sqlalchemy import select

from portal.clock import utc_now
from portal.models import EventState, PayPalEvent, Subscription
from portal.services.messages import drains
from tests.fakes.makers import RECEIVER


def work(ctx, *, now=None) -> None:
    """Handle what waits, due or not, as a worker would."""
    for event in stored(ctx):
        due = max(now or utc_now(), event.next_try_at or utc_now())
        drains.drain(ctx, event.merchant_id, now=due)


def stored(ctx) -> list[PayPalEvent]:
    with ctx.db.read() as session:
        return list(session.scalars(select(PayPalEvent).order_by(PayPalEvent.received_at, PayPalEvent.id)))


def rows(ctx, model):
    with ctx.db.read() as session:
        return list(session.scalars(select(model)))


def one(ctx, provider_id) -> Subscription:
    with ctx.db.read() as session:
        return session.scalars(select(Subscription).where(Subscription.provider_id == provider_id)).one()


def outcomes(found: list[PayPalEvent]) -> list[tuple[EventState, str]]:
    return [(event.state, event.error) for event in found]


def said(provider_id: str, **more: str) -> bytes:
    """A message as PayPal writes it, from the fields that matter."""
    fields = {
        "txn_type": "recurring_payment",
        "recurring_payment_id": provider_id,
        "receiver_email": RECEIVER,
        "payer_email": "claire@example.com",
        "ipn_track_id": "abc123",
        "test_ipn": "1",
        "charset": "windows-1252",
    }
    return urlencode({key: value for key, value in (fields | more).items() if value}, encoding="windows-1252").encode()


def paid(provider_id: str, txn_id: str, status: str = "Completed", gross: str = "29.90", **more: str) -> bytes:
    fields = {"txn_id": txn_id, "payment_status": status, "mc_gross": gross, "mc_currency": "EUR"}
    return said(provider_id, **(fields | {"payment_date": "03:00:00 Nov 18, 2026 PST"} | more))

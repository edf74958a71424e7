"""Asking for a pause or for its end, and carrying it to PayPal."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update

from portal.clock import utc_now
from portal.domain.ends.end_requests import Channel
from portal.domain.ends.pauses import PauseKind
from portal.domain.policies import Actor, Role
from portal.models import Mail, PauseRequest, PayPalAccount, TimelineEntry
from portal.services.carrying import pause_carrying
from portal.services.carrying.answers import Patience
from portal.services.pauses import pauses
from portal.services.pauses.pauses import PauseWish

PATIENT = Patience(answer=5, whole=None)  # with whoever is slow because of what else runs on the machine


def wish_of(subscription, kind=PauseKind.PAUSE, *, staff=False, days=30) -> PauseWish:
    tomorrow = pauses.earliest_resume(utc_now(), zone="Europe/Paris")
    person = (
        {"actor": Actor.STAFF, "channel": Channel.STAFF, "actor_name": "Anne", "role": Role.SUPPORT}
        if staff
        else {"actor": Actor.CUSTOMER, "channel": Channel.PORTAL, "customer_id": subscription.customer_id}
    )
    return PauseWish(
        merchant_id=subscription.merchant_id,
        subscription_id=subscription.id,
        kind=kind,
        resume_at=None if days is None else tomorrow + timedelta(days=days),
        **person,
    )


def ask(ctx, subscription, kind=PauseKind.PAUSE, **how) -> PauseRequest:
    return row(ctx, pauses.record(ctx, wish_of(subscription, kind, **how), now=utc_now()).request_id)


def row(ctx, request_id) -> PauseRequest:
    with ctx.db.read() as session:
        return session.get_one(PauseRequest, request_id)


def rows(ctx, subscription, kind=None) -> list[PauseRequest]:
    with ctx.db.read() as session:
        found = session.scalars(
            select(PauseRequest)
            .where(PauseRequest.subscription_id == subscription.id)
            .order_by(PauseRequest.created_at)
        ).all()
        return [one for one in found if kind in (None, one.kind)]


def carry(ctx, request, *, times=1) -> PauseRequest:
    """Try as if the planned time had come."""
    for _ in range(times):
        with ctx.db.begin() as session:
            session.execute(update(PauseRequest).where(PauseRequest.id == request.id).values(next_try_at=None))
            session.execute(update(PayPalAccount).values(calm_until=None))
        pause_carrying.carry_out(ctx, request.merchant_id, request.id, patience=PATIENT)
    return row(ctx, request.id)


def kinds(ctx, subscription) -> list[str]:
    """The subscription's facts but those of the beginning, in the order of their writing."""
    with ctx.db.read() as session:
        entries = session.scalars(
            select(TimelineEntry).where(TimelineEntry.subscription_id == subscription.id).order_by(TimelineEntry.at)
        ).all()
        return [entry.kind.value for entry in entries]


def mails(ctx) -> list[str]:
    with ctx.db.read() as session:
        return sorted(mail.kind for mail in session.scalars(select(Mail)))


def due_now(ctx, request) -> None:
    with ctx.db.begin() as session:
        session.execute(
            update(PauseRequest).where(PauseRequest.id == request.id).values(due_at=utc_now() - timedelta(minutes=5))
        )


def at_paypal(paypal, subscription) -> str:
    return paypal.subscriptions[subscription.provider_id].status

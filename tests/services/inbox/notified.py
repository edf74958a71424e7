"""Notifying an end, by the form or by letter, and the end that staff make of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from portal.domain.ends.end_requests import Channel
from portal.domain.ends.received_requests import Way
from portal.domain.policies import Actor, Role
from portal.domain.subscriptions import Action
from portal.models import EndRequest, ReceivedRequest, Subscription
from portal.services import aging
from portal.services.carrying import end_carrying
from portal.services.ends import end_requests
from portal.services.ends.end_wishes import Wish
from portal.services.inbox import notifications, received_requests
from portal.services.inbox.notifications import Notification
from portal.services.inbox.received_requests import Declaration

MINUTE, HOUR, DAY = timedelta(seconds=61), timedelta(hours=1), timedelta(days=1)

THURSDAY = datetime(2026, 11, 26, 14, 30, tzinfo=UTC)  # half past three in Paris

DESK = "aide@atelier.test"


def by_form(ctx, subscription, *, now, **more):
    told = Notification(
        merchant_id=subscription.merchant_id,
        customer_id=subscription.customer_id,
        subscription_id=subscription.id,
        **more,
    )
    return notifications.notify(ctx, told, now=now)


def by_letter(ctx, customer, *, now, received_at=None, **more):
    letter = Declaration(
        merchant_id=customer.merchant_id,
        received_at=received_at or now,
        way=Way.LETTER,
        name=customer.name,
        email=customer.email,
        recorded_by="Léa",
        **more,
    )
    return received_requests.record(ctx, letter, now=now)


def staff_ask(ctx, subscription, action=Action.CANCEL, *, now, received=None, **more):
    wish = Wish(
        merchant_id=subscription.merchant_id,
        subscription_id=subscription.id,
        action=action,
        actor=Actor.STAFF,
        actor_name="Léa",
        role=Role.SUPPORT,
        channel=Channel.STAFF,
        reason_text="an internal note",
        provider_note="Subscription ended",
        received_request_id=received.id if received is not None else None,
        **more,
    )
    return end_requests.record(ctx, wish, now=now)


def staff_end(ctx, subscription, *, now, received=None):
    asked = staff_ask(ctx, subscription, now=now, received=received)
    end_carrying.carry_out(ctx, subscription.merchant_id, asked.request_id)
    return asked


def to_desk(letters, address=DESK):
    return [letter for letter in letters if letter.to == address]


def days_reminded(ctx, left, start, days, *, every=6):
    """Let time pass by hours; return on which (day, hour) something arrived at the desk."""
    seen = []
    for step in range(days * 24 // every):
        at = start + step * every * HOUR
        aging.run(ctx, now=at)
        seen += [(at + MINUTE - start).days for _ in to_desk(left(at + MINUTE))]
    return seen


def one_request(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(EndRequest)).one()


def row_of(ctx, received):
    with ctx.db.read() as session:
        return session.get_one(ReceivedRequest, received.id)


def asked_at(ctx, subscription):
    with ctx.db.read() as session:
        return session.get_one(Subscription, subscription.id).end_requested_at

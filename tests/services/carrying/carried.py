"""Asking for an end and carrying it to PayPal, as the tests of many subjects do."""

from __future__ import annotations

from sqlalchemy import select, update

from portal.clock import utc_now
from portal.domain.ends.end_requests import Channel
from portal.domain.policies import Actor, Role
from portal.domain.subscriptions import Action
from portal.models import EndRequest, Mail, PayPalAccount, TimelineEntry
from portal.services.carrying import end_carrying
from portal.services.carrying.answers import Patience
from portal.services.ends import end_requests
from portal.services.ends.end_wishes import Wish

PATIENT = Patience(answer=5, whole=None)  # with whoever is slow because of what else runs on the machine


def wish_of(subscription, action=Action.CANCEL, **changes) -> Wish:
    wish = {
        "merchant_id": subscription.merchant_id,
        "subscription_id": subscription.id,
        "customer_id": subscription.customer_id,
        "actor": Actor.CUSTOMER,
        "actor_id": subscription.customer_id,
        "actor_name": subscription.customer.name,
        "channel": Channel.PORTAL,
    }
    if changes.get("actor") is Actor.STAFF:
        wish |= {
            "customer_id": None,
            "actor_id": None,
            "actor_name": "Anne",
            "channel": Channel.STAFF,
            "role": Role.OWNER,
        }
    return Wish(**{**wish, "action": action, **changes})


def ask(ctx, make, subscription, action=Action.CANCEL, **changes) -> EndRequest:
    recorded = end_requests.record(ctx, wish_of(subscription, action, **changes), now=utc_now())
    return row(ctx, recorded.request_id)


def row(ctx, request_id) -> EndRequest:
    with ctx.db.read() as session:
        return session.get_one(EndRequest, request_id)


def carry(ctx, request, *, patience=PATIENT, times=1) -> EndRequest:
    """Try as if the planned time had come."""
    for _ in range(times):
        with ctx.db.begin() as session:
            session.execute(update(EndRequest).where(EndRequest.id == request.id).values(next_try_at=None))
            session.execute(update(PayPalAccount).values(calm_until=None))
        end_carrying.carry_out(ctx, request.merchant_id, request.id, patience=patience)
    return row(ctx, request.id)


def mails(ctx, *states) -> list[str]:
    with ctx.db.read() as session:
        found = session.scalars(select(Mail).order_by(Mail.created_at, Mail.kind)).all()
        return sorted(mail.kind for mail in found if not states or mail.state in states)


def entries(ctx, subscription, kind) -> int:
    with ctx.db.read() as session:
        return len(
            session.scalars(
                select(TimelineEntry).where(
                    TimelineEntry.subscription_id == subscription.id, TimelineEntry.kind == kind
                )
            ).all()
        )


class Killed(BaseException):
    """Stands for kill -9: no handler of ours may catch it."""

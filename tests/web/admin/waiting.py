"""What waits for staff."""

from __future__ import annotations

import uuid

from portal.domain.ends.end_requests import Channel, new_reference
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import EndRequest
from portal.queries import inbox
from portal.services.ends import end_requests
from tests.services.carrying.carried import wish_of


def make_request(make, subscription, now, **columns):
    request = EndRequest(
        id=uuid.uuid4(),
        merchant_id=subscription.merchant_id,
        subscription_id=subscription.id,
        reference=new_reference(),
        outcome=columns.pop("outcome", Status.CANCELLED),
        actor=columns.pop("actor", Actor.CUSTOMER),
        channel=Channel.PORTAL,
        shown={},
        created_at=now,
        **columns,
    )
    make.add(request)
    return request


def titles(page):
    return [heading.get_text(strip=True) for heading in page.select("article.entry h2")]


def count_of(ctx, merchant, now):
    with ctx.db.read() as session:
        return inbox.count(session, merchant.id, now=now)


def open_request(make, subscription):
    wish = wish_of(subscription, actor=Actor.STAFF)
    return end_requests.record(make.ctx, wish, now=make.now()).request_id

"""A receiver on this machine, and endpoints that lead to it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.policies import Actor
from portal.models import EventAttempt, EventDelivery, EventEndpoint, OutgoingEvent
from portal.providers.event_posts import HttpEventPosts
from portal.services.outgoing import event_deliveries, event_endpoints
from portal.services.outgoing.event_endpoints import Wish
from tests.fakes.receivers import receiving

SOMEBODY = By(actor=Actor.STAFF, name="Sam")


@pytest.fixture
def ctx(ctx):
    """As everywhere, but events may be sent to this machine."""
    return replace(ctx, event_posts=HttpEventPosts(loopback=True, whole=2.0))


@pytest.fixture
def receiver():
    with receiving() as one:
        yield one


class Endpoints:
    """Makes endpoints, and reads what became of events."""

    def __init__(self, ctx) -> None:
        self.ctx = ctx

    def make(self, merchant, address, **wish):
        return event_endpoints.make(self.ctx, merchant.id, Wish(address=address, **wish), by=SOMEBODY, now=utc_now())

    def drain(self, made, *, now=None, limit=25):
        return event_deliveries.drain(self.ctx, made.endpoint_id, now=now or utc_now(), limit=limit)

    def row(self, made):
        with self.ctx.db.read() as session:
            return session.get_one(EventEndpoint, made.endpoint_id)

    def all(self, what):
        order = {
            OutgoingEvent: (OutgoingEvent.created_at, OutgoingEvent.sequence),
            EventDelivery: (EventDelivery.created_at, EventDelivery.id),
            EventAttempt: (EventAttempt.at,),
        }
        with self.ctx.db.read() as session:
            return list(session.scalars(select(what).order_by(*order[what])))

    def events(self):
        return self.all(OutgoingEvent)

    def types(self):
        return [one.type.value for one in self.events()]


@pytest.fixture
def endpoints(ctx):
    return Endpoints(ctx)

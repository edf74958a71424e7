"""The demo's people and what they begin with: made once, also where somebody has worked there since."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.demo import seed
from portal.demo.course_site import MERCHANT
from portal.models import EventEndpoint


@pytest.fixture
def studio(make):
    return make.merchant(slug=MERCHANT)


def addresses(ctx):
    with ctx.db.read() as session:
        return sorted(session.scalars(select(EventEndpoint.address)))


@pytest.mark.parametrize("description", ["", seed.COURSE_SITE])
def test_it_starts_again_after_its_owner_added_an_endpoint_by_hand(ctx, studio, description):
    seed._tell_course_site(ctx, "http://127.0.0.1:8030")
    with ctx.db.begin() as session:
        theirs = EventEndpoint(id=uuid.uuid4(), merchant_id=studio.id, address="https://theirs.example/in")
        theirs.made_by, theirs.description = seed.DEMO, description
        theirs.secret, theirs.secret_set_at = b"sealed", utc_now()
        session.add(theirs)
    seed._tell_course_site(ctx, "http://127.0.0.1:8031")
    assert addresses(ctx) == ["http://127.0.0.1:8031/events", "https://theirs.example/in"]

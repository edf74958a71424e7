"""Links to one task below the pages: begun once whoever comes second, made only of what is the customer's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.ends.end_requests import Channel
from portal.domain.integrations.task_links import TaskKind
from portal.domain.policies import Actor
from portal.models import LoginSession, TaskLink
from portal.services import throttles
from portal.services.people import customer_joining, task_offers, task_visits
from portal.services.people.sessions import Visitor
from portal.services.people.task_offers import Offer
from portal.services.throttles import TooManyTries

STAFF = By(actor=Actor.STAFF, channel=Channel.STAFF, name="Léa")


@pytest.fixture
def merchant(make):
    return make.merchant(return_addresses=["https://shop.example/me"])


@pytest.fixture
def held(make, merchant):
    return make.subscription(merchant=merchant)


@pytest.fixture
def offer(ctx, merchant):
    def made(held, *, customer_id=None, now=None, **more):
        wish = Offer(**{"kind": TaskKind.CANCEL, "subscription_id": held.id} | more)
        customer_id = customer_id or held.customer_id
        return task_offers.make(ctx, merchant.id, customer_id, wish, by=STAFF, now=now or utc_now())

    return made


def test_a_desk_mails_links_to_its_customers_no_more_than_so_often_a_day_in_all(
    ctx, make, merchant, offer, monkeypatch
):
    """Another merchant's are none of these, and the desk may still show a link itself."""
    monkeypatch.setattr(throttles, "OF_MERCHANT", 3)
    now = utc_now()
    everybody = [make.subscription(merchant=merchant) for _ in range(4)]
    for held in everybody[:3]:
        offer(held, is_mailed=True, now=now)
    with pytest.raises(TooManyTries):
        offer(everybody[3], is_mailed=True, now=now)
    assert offer(everybody[3], now=now).path
    assert throttles.mails_of(merchant.id) != throttles.mails_of(make.merchant().id)
    offer(everybody[3], is_mailed=True, now=now + timedelta(days=1))


def token(made):
    return made.path.rpartition("/")[2]


def test_of_two_who_press_at_once_the_second_has_nothing(ctx, merchant, held, offer):
    secret, now = token(offer(held)), utc_now()
    first, second = (task_visits.begin(ctx, merchant.id, secret, visitor=Visitor(), now=now) for _time in range(2))
    assert first is not None
    assert second is None
    with ctx.db.read() as session:
        (row,) = session.scalars(select(LoginSession)).all()
    assert row.task_link_id is not None


def test_too_late_elsewhere_or_withdrawn_nothing_begins(ctx, merchant, held, offer, make):
    now = utc_now()
    made = offer(held, now=now)
    late = now + timedelta(hours=1)
    assert task_visits.begin(ctx, merchant.id, token(made), visitor=Visitor(), now=late) is None
    assert task_visits.begin(ctx, make.merchant().id, token(made), visitor=Visitor(), now=now) is None
    assert task_offers.withdraw(ctx, merchant.id, held.customer_id, made.id, by=STAFF, now=now)
    assert not task_offers.withdraw(ctx, merchant.id, held.customer_id, made.id, by=STAFF, now=now)
    assert task_visits.begin(ctx, merchant.id, token(made), visitor=Visitor(), now=now) is None


def test_what_the_page_would_not_offer_is_not_made_either(ctx, merchant, held, offer, make):
    other, stranger = make.subscription(merchant=merchant), make.subscription(merchant=make.merchant())
    nameless = make.subscription(merchant=merchant, customer=make.customer(merchant, email=None))
    refused = (
        {"held": other, "customer_id": held.customer_id},  # another customer's
        {"held": stranger},  # another merchant's
        {"held": held, "kind": TaskKind.ACCESS},  # about none
        {"held": held, "subscription_id": None},  # about one, and which is not said
        {"held": held, "return_to": "https://shop.example.evil.example/me"},
        {"held": nameless},  # no address for the code
        {"held": nameless, "kind": TaskKind.LATE, "is_mailed": True},
    )
    for wish in refused:
        with pytest.raises(NoResultFound):
            offer(**wish)
    with ctx.db.read() as session:
        assert session.scalars(select(TaskLink)).all() == []


def test_joined_customers_links_are_the_kept_ones(ctx, merchant, make, offer):
    kept = make.customer(merchant, email="zoe@client.test")
    other = make.customer(merchant, email="zoe@client.test", email_place=1)
    held = make.subscription(merchant=merchant, customer=other)
    made = offer(held)
    assert customer_joining.join(ctx, merchant.id, kept.id, other.id, by=STAFF, now=utc_now())
    with ctx.db.read() as session:
        link = session.get_one(TaskLink, made.id)
    assert link.customer_id == kept.id
    assert link.withdrawn_at is not None, "it rested on a log-in that the joining ends"

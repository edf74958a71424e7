"""What opens and closes is told when it does: by a fact, or on its day, once, and not what was so before."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.integrations.outgoing_events import EndpointState, EventType
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import AccessMark, EventEndpoint, Grant
from portal.services import grants, products
from portal.services.grants import Gift
from portal.services.outgoing import access_events, event_endpoints, event_replays, event_stops
from portal.services.outgoing.event_endpoints import Wish
from tests.services.carrying.carried import ask, carry
from tests.services.dates.test_paid_time import pending_then_cancelled, read  # noqa: F401 - a fixture
from tests.services.outgoing.conftest import SOMEBODY
from tests.services.outgoing.test_outgoing_facts import GONE, show
from tests.services.own_data.test_customer_erasures import erased
from tests.services.own_data.wishing import LATER

ACCESS = (EventType.ACCESS_GRANTED, EventType.ACCESS_CHANGED, EventType.ACCESS_ENDED)
DAY = timedelta(days=1)


@pytest.fixture
def merchant(make):
    return make.merchant()


@pytest.fixture
def watched(ctx, merchant, endpoints):
    """An endpoint that is told of access alone."""
    return endpoints.make(merchant, GONE, types=ACCESS)


@pytest.fixture
def look(ctx, endpoints):
    """Look at what is due by now, or later; return the types told so far."""

    def at(later=timedelta()):
        while access_events.follow(ctx, now=utc_now() + later):
            pass
        return endpoints.types()

    return at


def give(ctx, merchant, customer, product, since, until=None):
    wish = Gift(product_id=product.id, since=since, until=until, note="", is_told=False)
    return grants.give(ctx, merchant.id, customer.id, wish, by=By(actor=Actor.STAFF, name="Sam"), now=utc_now())


def test_what_was_open_before_anybody_wanted_to_know_is_no_news(ctx, make, merchant, watched, look):
    make.subscription(merchant=merchant)
    assert look() == []
    assert look(40 * DAY) == []


def test_an_end_closes_it_on_its_day_and_not_before(ctx, make, merchant, endpoints, watched, look):
    held = make.subscription(merchant=merchant)
    look()
    carry(ctx, ask(ctx, make, held))
    assert look() == ["access.changed"], "it now has a last day"
    event = endpoints.events()[-1]
    until = make.reload(held).access_until
    assert event.facts["until"] == until.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (event.facts["allowed"], event.facts["customer"]) == (True, f"cus_{held.customer_id.hex}")
    later = until - utc_now()
    assert look(later - timedelta(minutes=1)) == ["access.changed"]
    for _ in range(2):
        assert look(later + timedelta(seconds=1)) == ["access.changed", "access.ended"]
    assert endpoints.events()[-1].at == until, "the fact's own time, not the worker's"
    assert endpoints.events()[-1].facts["allowed"] is False


@pytest.mark.parametrize(
    ("becomes", "told", "later"),
    [
        ("clear-payment", ["access.changed"], ["access.changed", "access.ended"]),  # its last day was unknown
        ("deny-payment", ["access.ended"], ["access.ended"]),
    ],
)
def test_what_becomes_of_a_payment_after_the_end_moves_access_elsewhere_too(
    ctx,
    make,
    paypal,
    merchant,
    watched,
    look,
    read,  # noqa: F811
    becomes,
    told,
    later,
):
    """PayPal's word for the subscription names that payment before its own message is taken over."""
    row, _ended = pending_then_cancelled(ctx, make, read, paypal)
    assert look() == []
    paypal.happen(row.id, becomes)
    read(row, paid=True)
    assert look() == told
    assert look(40 * DAY) == later


def test_a_content_that_opens_later_changes_it_on_its_day(ctx, make, merchant, watched, look):
    product = make.product(merchant, contents=(("First", 0), ("Second", 50)))
    make.subscription(merchant=merchant, product=product)  # began some forty days ago
    look()
    assert look(20 * DAY) == ["access.changed"]


def test_a_missed_payment_closes_after_the_days_of_grace(ctx, make, merchant, watched, look):
    held = make.subscription(merchant=merchant, paid_until=utc_now())
    look()
    show(ctx, held, "ACTIVE", at=utc_now(), failed_payments=1)
    assert look() == ["access.changed"]
    assert look(30 * DAY) == ["access.changed", "access.ended"]


def test_a_gift_opens_and_closes_on_its_days(ctx, make, merchant, endpoints, watched, look):
    product, customer = make.product(merchant), make.customer(merchant)
    look()
    now = utc_now()
    give(ctx, merchant, customer, product, now + 2 * DAY, now + 5 * DAY)
    assert look() == []
    assert look(2 * DAY + timedelta(minutes=1)) == ["access.granted"]
    assert look(6 * DAY) == ["access.granted", "access.ended"]


def test_a_gift_that_is_withdrawn_leaves_what_is_paid(ctx, make, merchant, watched, look):
    held = make.subscription(merchant=merchant)
    look()
    customer, product = held.customer, held.product
    given = give(ctx, merchant, customer, product, utc_now(), utc_now() + 3 * DAY)
    grants.withdraw(ctx, merchant.id, customer.id, given, is_told=False, by=By(), now=utc_now())
    assert look() == []
    with ctx.db.read() as session:
        assert session.scalars(select(Grant)).all()


def test_a_gift_that_an_erasure_takes_is_told_as_closed(ctx, make, merchant, watched, look, left, now):
    product, customer = make.product(merchant), make.customer(merchant)
    look()
    give(ctx, merchant, customer, product, now)
    assert look() == ["access.granted"]
    erased(ctx, customer, left, now)
    assert look(2 * LATER) == ["access.granted", "access.ended"]


def test_a_sale_opens(ctx, make, merchant, watched, look):
    look()
    held = make.subscription(merchant=merchant, status=Status.PENDING, started_at=None, paid_until=None)
    show(ctx, held, "ACTIVE", at=utc_now(), started_at=utc_now(), next_billing_at=utc_now() + 20 * DAY)
    assert look() == ["access.granted"]


def test_a_products_other_rule_changes_what_is_open_of_it(ctx, make, merchant, watched, look):
    held = make.subscription(merchant=merchant, status=Status.PAUSED)
    look()
    wish = replace(products.wish_of(held.product), kept_while_paused=True)
    products.save(ctx, merchant.id, held.product_id, wish, seen=0, by=By())
    assert look() == ["access.changed"]


def test_an_endpoint_that_wants_it_anew_is_told_of_nothing_that_came_between(ctx, make, merchant, watched, look):
    held = make.subscription(merchant=merchant)
    look()
    wish = Wish(address=GONE, types=(EventType.SUBSCRIPTION_ENDED,))
    event_endpoints.change(ctx, merchant.id, watched.endpoint_id, wish, by=SOMEBODY, now=utc_now())
    carry(ctx, ask(ctx, make, held))
    assert look() == ["subscription.ended"]
    wish = replace(wish, types=ACCESS)
    event_endpoints.change(ctx, merchant.id, watched.endpoint_id, wish, by=SOMEBODY, now=utc_now())
    assert look() == ["subscription.ended"]
    assert look(40 * DAY) == ["subscription.ended", "access.ended"]


@pytest.mark.parametrize("is_by_hand", [True, False])
def test_an_endpoint_that_was_switched_off_is_told_anew_of_what_opens_again(
    ctx, make, merchant, watched, look, is_by_hand
):
    """What closed meanwhile it was not told of: it has read that from the API, and closed as well."""
    product, customer = make.product(merchant), make.customer(merchant)
    look()
    given = give(ctx, merchant, customer, product, utc_now())
    assert look() == ["access.granted"]
    switch_off(ctx, merchant, watched, is_by_hand=is_by_hand)
    grants.withdraw(ctx, merchant.id, customer.id, given, is_told=False, by=By(), now=utc_now())
    look()
    event_replays.resume(ctx, merchant.id, watched.endpoint_id, by=SOMEBODY, now=utc_now())
    assert look() == ["access.granted"]
    give(ctx, merchant, customer, product, utc_now())
    assert look() == ["access.granted", "access.granted"]


def switch_off(ctx, merchant, made, *, is_by_hand):
    """At the desk, or because it answers that it is gone."""
    if is_by_hand:
        off = EndpointState.DISABLED
        assert event_endpoints.stop(ctx, merchant.id, made.endpoint_id, off, by=SOMEBODY, now=utc_now())
        return
    with ctx.db.begin() as session:
        endpoint = session.get_one(EventEndpoint, made.endpoint_id)
        event_stops.look(ctx, session, endpoint, is_gone=True, now=utc_now())


def test_where_nobody_wants_to_know_nothing_is_marked(ctx, make, merchant, endpoints, look):
    endpoints.make(merchant, GONE, types=(EventType.SUBSCRIPTION_ENDED,))
    carry(ctx, ask(ctx, make, make.subscription(merchant=merchant)))
    look()
    with ctx.db.read() as session:
        assert session.scalars(select(AccessMark)).all() == []

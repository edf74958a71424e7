"""A subscription that PayPal shows for the first time, told twice at the same moment."""

from __future__ import annotations

import threading

from sqlalchemy import func, select

from portal.clock import utc_now
from portal.models import Customer, Plan, Subscription
from portal.providers.ports import Page
from portal.services.arrivals import arrivals
from portal.services.arrivals.import_pages import gather, write_page
from portal.services.arrivals.import_rows import Origin
from portal.services.paypal.gateways import rest_gateway


def count(ctx, model, merchant):
    with ctx.db.read() as session:
        return session.scalar(select(func.count()).select_from(model).where(model.merchant_id == merchant.id))


def test_the_second_message_of_a_new_subscription_waits_for_the_first_and_then_knows_it(ctx, make, paypal):
    """Not an integrity error that a later try puts right: plan, customer and subscription are made once."""
    merchant = make.merchant()
    row = paypal.add_subscription(plan_id=paypal.add_plan().id, email="zoe@client.test")
    origin, gateway = Origin(merchant.id, "sandbox"), rest_gateway(ctx, merchant.id)
    reading = gateway.show_subscription(row.id)
    page = gather(ctx, origin, gateway, Page(readings=(reading,), has_next=False))
    told = []
    second = threading.Thread(target=lambda: told.append(arrivals.take_in(ctx, origin, gateway, reading)))
    with ctx.db.begin() as session:
        first = write_page(ctx, session, origin, page, now=utc_now())
        second.start()
        second.join(1.5)  # it cannot end before this transaction does
        assert second.is_alive()
    second.join(20)
    assert (first.created, first.failed) == (1, 0)
    assert [(one.created, one.updated, one.failed) for one in told] == [(0, 1, 0)]
    assert [count(ctx, model, merchant) for model in (Plan, Customer, Subscription)] == [1, 1, 1]

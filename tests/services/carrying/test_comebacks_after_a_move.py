"""Coming back once the plan sells another product: what is bought is the plan, and nobody pays it twice.

What ran went along with the plan, what had ended stayed with its product: by their products they are two things.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.audit import PORTAL
from portal.domain.errors import Denial, NotAllowed
from portal.domain.subscriptions import Status
from portal.models import Customer, Mail, Subscription
from portal.services import comebacks, product_plans
from portal.services.carrying.comeback_watching import Looked
from portal.services.comebacks import Started
from portal.services.people import customer_joining
from tests.waiting_mails import said


@pytest.fixture
def moving(way, make, ctx):
    """Somebody's cancelled subscription, others of theirs under the same plan, and the plan's move."""

    class Moving:
        def __init__(self):
            self.way = way(merchant=make.merchant(locale="en"))
            self.old = self.way.old
            self.new_product = make.product(make._last_merchant, name="Quatuor")

        def another(self, *, product=None, same_plan=True, **columns):
            """One that runs."""
            row = make.subscription(customer=self.old.customer, product=product or self.old.product, **columns)
            if same_plan:
                with ctx.db.begin() as session:
                    session.get_one(Subscription, row.id).plan_id = self.old.plan_id
            return make.reload(row)

        def move(self):
            left, to = self.old.product_id, self.new_product.id
            product_plans.move(ctx, self.old.merchant_id, self.old.plan_id, left=left, to=to, by=PORTAL)

        def refused(self, **wish):
            with pytest.raises(NotAllowed) as caught:
                self.way.start(**wish)
            return caught.value.denial

    return Moving()


def test_who_runs_under_the_moved_plan_is_subscribed(moving, make):
    running = moving.another()
    moving.move()
    assert make.reload(running).product_id != moving.old.product_id
    assert moving.refused() is Denial.ALREADY_SUBSCRIBED


def test_who_runs_under_another_plan_of_the_product_that_would_be_bought_is_subscribed(moving):
    moving.move()
    moving.another(product=moving.new_product, same_plan=False)
    assert moving.refused() is Denial.ALREADY_SUBSCRIBED


def test_who_runs_something_else_may_come_back(moving, make):
    moving.move()
    moving.another(product=make.product(make._last_merchant), same_plan=False)
    assert moving.way.start().is_new


def test_an_attempt_of_before_the_move_is_the_one_that_stands(moving):
    one = moving.way
    row = one.create()
    other = moving.another(paid_until=one.old.paid_until)
    moving.move()
    end(moving, other)
    assert moving.refused(subscription_id=other.id) is Denial.ALREADY_SUBSCRIBED
    comebacks.give_up(one.ctx, moving.old.merchant_id, moving.old.customer_id, row.id, now=utc_now())
    assert one.start(subscription_id=other.id) == Started(comeback_id=row.id, is_new=False)
    assert len(one.made()) == 1


def end(moving, subscription):
    """Let it be over, as one whose end was seen after the move."""
    now = moving.way.make.now()
    with moving.way.ctx.db.begin() as session:
        row = session.get_one(Subscription, subscription.id)
        row.status, row.ended_at, row.stopped_at_provider_at = Status.CANCELLED, now, now


def test_what_is_paid_of_the_plan_counts_whatever_its_product(moving, make):
    later = make.now() + timedelta(days=40)
    paid = moving.another(paid_until=later)
    moving.move()
    end(moving, paid)
    assert moving.way.create().start_at == later


def test_the_attempt_is_for_the_product_that_is_bought(moving, ctx):
    moving.move()
    row = moving.way.create()
    assert row.product_id == moving.new_product.id
    moving.way.choose(row)
    assert moving.way.look(row) is Looked.APPROVED
    assert [one.product_id for one in moving.way.arrived()] == [moving.new_product.id]


def test_two_who_come_back_to_one_plan_before_and_after_its_move_are_not_joined(moving, make, ctx):
    before, after = moving.way, moving.another(status=Status.CANCELLED, stopped_at_provider_at=make.now())
    with ctx.db.begin() as session:
        twin = Customer(merchant_id=before.old.merchant_id, email=before.old.customer.email, email_place=1)
        session.add(twin)
        session.flush()
        session.get_one(Subscription, after.id).customer_id = twin_id = twin.id
    before.start()
    moving.move()
    before.start(customer_id=twin_id, subscription_id=after.id)
    pair = before.old.customer_id, twin_id
    assert not customer_joining.join(ctx, before.old.merchant_id, *pair, by=PORTAL, now=utc_now())


@pytest.mark.parametrize("same_plan", [True, False])
def test_both_sides_hear_of_the_one_that_runs_beside(moving, ctx, same_plan):
    one = moving.way
    row = one.create()
    comebacks.give_up(one.ctx, moving.old.merchant_id, moving.old.customer_id, row.id, now=utc_now())
    moving.another(same_plan=same_plan)
    moving.move()
    one.choose(row)
    assert one.look(row) is Looked.APPROVED
    with ctx.db.read() as session:
        mails = session.scalars(select(Mail).where(Mail.kind.in_(["comeback_approved", "merchant_comeback_approved"])))
        told = [" ".join(said(ctx, mail).text.split()) for mail in mails]
    assert ["subscription to the same product" in text for text in told] == [True, True]

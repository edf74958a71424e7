"""What somebody answered to an offer: in their own file, gone when they are erased, theirs when two are joined."""

from __future__ import annotations

from sqlalchemy import select

from portal.domain.audit import PORTAL
from portal.models import Customer, OfferAnswered
from portal.queries.account import own_data
from portal.queries.ends import offers
from portal.services.own_data import erasing
from portal.services.people import customer_joining


def answered(make, merchant, email, **columns):
    """A customer who has answered."""
    customer = make.customer(merchant, email=email, **columns)
    subscription = make.subscription(customer=customer)
    whose = {"merchant_id": merchant.id, "subscription_id": subscription.id, "customer_id": customer.id}
    make.add(OfferAnswered(offer="pause", answer="declined", **whose))
    return customer, subscription


def test_it_is_in_their_own_file_and_nobody_elses(make, ctx):
    merchant = make.merchant()
    customer, subscription = answered(make, merchant, "a@x.test")
    stranger, _other = answered(make, merchant, "b@x.test")
    with ctx.db.read() as session:
        names, rows = own_data.rows(session, "offers_answered", customer.id)
        assert names == ["subscription_id", "offer", "answer", "created_at"]
        assert [(row["subscription_id"], row["answer"]) for row in rows] == [(subscription.id, "declined")]
        assert not offers.may_be_offered(session, stranger.id)


def test_it_goes_with_its_customer(make, ctx, now):
    merchant = make.merchant()
    customer, _subscription = answered(make, merchant, "a@x.test")
    answered(make, merchant, "b@x.test")
    with ctx.db.begin() as session:
        counts = erasing.erase(session, session.get_one(Customer, customer.id), now=now)
    assert counts["offer_answers"] == 1
    with ctx.db.read() as session:
        assert len(session.scalars(select(OfferAnswered)).all()) == 1


def test_of_two_who_are_one_person_neither_is_asked_again(make, ctx, now):
    merchant = make.merchant()
    kept = make.customer(merchant, email="a@x.test")
    other, _subscription = answered(make, merchant, "a@x.test", email_place=1)
    with ctx.db.read() as session:
        assert offers.may_be_offered(session, kept.id)
    assert customer_joining.join(ctx, merchant.id, kept.id, other.id, by=PORTAL, now=now)
    with ctx.db.read() as session:
        assert not offers.may_be_offered(session, kept.id)

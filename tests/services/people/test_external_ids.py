"""Ids of the merchant's own: one customer each, changed only where somebody says so, and gone with the customer."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from portal.domain.audit import Act, By
from portal.domain.errors import NotAllowed
from portal.domain.integrations.external_ids import BadExternalId, ExternalIdStands, ExternalIdTaken
from portal.domain.policies import Actor
from portal.models import AuditEntry, Customer, CustomerJoining
from portal.queries.account import own_data
from portal.services.own_data import erasing
from portal.services.people import customer_identity, customer_joining, customer_splitting
from tests.services.imports.importing import until_somebody_waits

BY = By(actor=Actor.STAFF, channel="staff", name="Léa")
SHARED = "zoe@client.example"


@pytest.fixture
def merchant(make):
    return make.merchant()


@pytest.fixture
def zoe(make, merchant):
    return make.customer(merchant, email=SHARED, name="Zoé")


def give(ctx, customer, external_id, *, now, merchant=None, **more):
    merchant_id = merchant.id if merchant else customer.merchant_id
    return customer_identity.set_external_id(ctx, merchant_id, customer.id, external_id, by=BY, now=now, **more)


def of(ctx, customer_id):
    with ctx.db.read() as session:
        return session.get_one(Customer, customer_id).external_id


def test_it_is_set_once_and_the_chain_names_it_without_saying_it(ctx, zoe, now):
    assert give(ctx, zoe, "user-4711", now=now)
    assert not give(ctx, zoe, "user-4711", now=now)
    assert of(ctx, zoe.id) == "user-4711"
    with ctx.db.read() as session:
        rows = session.execute(select(AuditEntry.act, AuditEntry.details).order_by(AuditEntry.number)).all()
    assert [tuple(row) for row in rows] == [(Act.CUSTOMER_CHANGED, {"texts": ["external_id"]})]


def test_another_customer_s_is_refused_and_another_merchant_s_is_not_known(ctx, make, merchant, zoe, now):
    make.customer(merchant, external_id="A7")
    make.customer(make.merchant(), external_id="B8")
    with pytest.raises(ExternalIdTaken):
        give(ctx, zoe, "A7", now=now)
    assert give(ctx, zoe, "B8", now=now)
    assert give(ctx, zoe, "a7", replaces=True, now=now), "another case is another id"


@pytest.mark.parametrize("wanted", ["user-2", None])
def test_one_that_is_set_goes_only_when_somebody_says_so(ctx, zoe, now, wanted):
    give(ctx, zoe, "user-1", now=now)
    with pytest.raises(ExternalIdStands):
        give(ctx, zoe, wanted, now=now)
    assert of(ctx, zoe.id) == "user-1"
    assert give(ctx, zoe, wanted, replaces=True, now=now)
    assert of(ctx, zoe.id) == wanted


def test_foreign_erased_and_unreadable_are_refused(ctx, make, zoe, now):
    with pytest.raises(NoResultFound):
        give(ctx, zoe, "A", merchant=make.merchant(), now=now)
    with pytest.raises(BadExternalId):
        give(ctx, zoe, "a\u200bb", now=now)
    give(ctx, zoe, "A", now=now)
    with ctx.db.begin() as session:
        erasing.erase(session, session.get_one(Customer, zoe.id), now=now)
    assert of(ctx, zoe.id) is None
    with pytest.raises(NotAllowed):
        give(ctx, zoe, "A", now=now)


def test_two_at_once_want_the_same_one_and_one_has_it(ctx, make, merchant, now):
    first, second = (make.customer(merchant) for _number in range(2))
    told: list[type[Exception]] = []

    def want():
        try:
            give(ctx, second, "SAME", now=now)
        except Exception as error:
            told.append(type(error))

    with ctx.db.begin() as session:
        customer_identity.name(ctx, session, session.get_one(Customer, first.id), "SAME", by=BY, now=now)
        other = threading.Thread(target=want)
        other.start()
        until_somebody_waits(ctx)
    other.join(timeout=60)
    assert told == [ExternalIdTaken]


@pytest.mark.parametrize(
    ("first", "second", "joined"), [("A", "B", "A"), (None, "B", "B"), ("A", None, "A"), (None, None, None)]
)
def test_of_two_who_are_joined_the_kept_one_s_stays_and_splitting_gives_back(
    ctx, make, merchant, now, first, second, joined
):
    kept = make.customer(merchant, email=SHARED, external_id=first)
    other = make.customer(merchant, email=SHARED, email_place=1, external_id=second)
    assert customer_joining.join(ctx, merchant.id, kept.id, other.id, by=BY, now=now)
    assert of(ctx, kept.id) == joined
    with ctx.db.read() as session:
        joining_id = session.scalars(select(CustomerJoining.id)).one()
    customer_splitting.split(ctx, merchant.id, kept.id, joining_id, by=BY, now=now)
    assert (of(ctx, kept.id), of(ctx, other.id)) == (first, second)


def test_what_somebody_else_was_given_meanwhile_stays_there(ctx, make, merchant, now):
    kept = make.customer(merchant, email=SHARED, external_id="A")
    other = make.customer(merchant, email=SHARED, email_place=1, external_id="B")
    third = make.customer(merchant)
    customer_joining.join(ctx, merchant.id, kept.id, other.id, by=BY, now=now)
    give(ctx, third, "B", now=now)
    with ctx.db.read() as session:
        joining_id = session.scalars(select(CustomerJoining.id)).one()
        seen = customer_splitting.look(session, merchant.id, kept.id, joining_id)
        assert seen.named_so.id == third.id
    customer_splitting.split(ctx, merchant.id, kept.id, joining_id, by=BY, now=now)
    assert (of(ctx, kept.id), of(ctx, other.id), of(ctx, third.id)) == ("A", None, "B")


def test_it_is_in_the_file_of_their_own_data(ctx, zoe, now):
    give(ctx, zoe, "user-4711", now=now)
    with ctx.db.read() as session:
        _names, (row,) = own_data.rows(session, "record", zoe.id)
    assert row["external_id"] == "user-4711"

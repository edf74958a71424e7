"""What staff correct of a customer: all but the address at once, and who asked not to be contacted is not invited."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from portal.domain.audit import Act, By
from portal.domain.policies import Actor
from portal.models import AddressChange, AuditEntry, Customer, Mail
from portal.services.carrying import end_carrying
from portal.services.ends import end_requests
from portal.services.people import customer_identity
from portal.services.people.customer_addresses import AddressTaken
from portal.services.people.customer_identity import Identity, Saved
from tests.services.carrying.carried import wish_of
from tests.waiting_mails import said

BY = By(actor=Actor.STAFF, channel="staff", name="Léa Martin")


@pytest.fixture
def merchant(make):
    return make.merchant(locale="en")


@pytest.fixture
def zoe(make, merchant):
    return make.customer(merchant, email="zoe@client.test", name="Zoé")


ASIS = Identity(name="Zoé", locale=None, contact_allowed=True, email="zoe@client.test")


def save(ctx, customer, *, now, **changes):
    wish = replace(ASIS, **changes)
    return customer_identity.save(ctx, customer.merchant_id, customer.id, wish, by=BY, now=now)


def entries(ctx):
    with ctx.db.read() as session:
        rows = session.execute(select(AuditEntry.act, AuditEntry.details).order_by(AuditEntry.number))
        return [tuple(row) for row in rows]


def test_name_language_and_contact_hold_at_once_with_before_and_after(ctx, zoe, now):
    assert save(ctx, zoe, name="Zoé Durand", locale="fr", contact_allowed=False, now=now) is Saved.CHANGED
    with ctx.db.read() as session:
        found = session.get_one(Customer, zoe.id)
    assert (found.name, found.locale, found.contact_allowed) == ("Zoé Durand", "fr", False)
    ((act, details),) = entries(ctx)
    assert act == Act.CUSTOMER_CHANGED
    assert details == {"locale": [None, "fr"], "contact_allowed": [True, False], "texts": ["name"]}


@pytest.mark.parametrize("email", ["zoe@client.test", " ZOE@Client.test ", ""])
def test_as_it_is_nothing_is_written_and_nobody_is_asked(ctx, zoe, now, email):
    assert save(ctx, zoe, email=email, now=now) is Saved.NOTHING
    assert entries(ctx) == []


def test_the_address_that_waits_already_is_not_asked_twice(ctx, zoe, now):
    assert save(ctx, zoe, email="zoe@neuf.example", now=now) is Saved.ASKED
    assert save(ctx, zoe, email="Zoe@NEUF.example", now=now) is Saved.NOTHING
    with ctx.db.read() as session:
        assert len(session.scalars(select(AddressChange)).all()) == 1


def test_another_customer_s_address_stops_all_of_it_unless_the_two_are_one(ctx, make, merchant, zoe, now):
    other = make.customer(merchant, email="anna@client.test", name="Anna")
    with pytest.raises(AddressTaken) as refused:
        save(ctx, zoe, name="Zoé Durand", email="anna@client.test", now=now)
    assert refused.value.customer_id == other.id
    with ctx.db.read() as session:
        assert session.get_one(Customer, zoe.id).name == "Zoé"
    assert save(ctx, zoe, email="anna@client.test", is_same_person=True, now=now) is Saved.ASKED


def test_the_address_of_another_merchant_s_customer_is_nobody_s_here(ctx, make, zoe, now):
    make.customer(make.merchant(), email="anna@client.test")
    assert save(ctx, zoe, email="anna@client.test", now=now) is Saved.ASKED


def test_nobody_corrects_another_merchant_s_customer(ctx, make, zoe, now):
    with pytest.raises(NoResultFound):
        customer_identity.save(ctx, make.merchant().id, zoe.id, ASIS, by=BY, now=now)


def test_who_asked_not_to_be_contacted_is_not_invited_by_a_mail_that_has_not_left(ctx, make, zoe, now):
    """Deciding test 14 of *abandoned*, for a customer's own word: the proof leaves, without the invitation."""
    subscription = make.subscription(customer=zoe)
    recorded = end_requests.record(ctx, wish_of(subscription), now=now)
    end_carrying.carry_out(ctx, subscription.merchant_id, recorded.request_id)

    def words():
        with ctx.db.read() as session:
            return said(ctx, session.scalars(select(Mail).where(Mail.kind == "end_confirmed")).one()).text

    assert "come back" in words()
    save(ctx, zoe, contact_allowed=False, now=now)
    assert "come back" not in words()
    assert "is cancelled" in words()

"""Two customers who were joined are split again: each has what was theirs, and what came since stays by its origin."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from portal.domain.audit import Act, By
from portal.domain.policies import Actor
from portal.models import (
    AuditEntry,
    Customer,
    CustomerJoining,
    CustomerNote,
    Grant,
    LoginSession,
    Mail,
    Subscription,
)
from portal.queries.people.people import Kind
from portal.services.carrying import end_carrying
from portal.services.ends import end_requests
from portal.services.own_data import data_exports
from portal.services.people import customer_addresses, customer_joining, customer_notes, customer_splitting
from portal.services.people.customer_addresses import AddressTaken
from portal.services.people.sessions import Visitor, open_for
from tests.services.carrying.carried import wish_of
from tests.waiting_mails import said

BY = By(actor=Actor.STAFF, actor_id=uuid.uuid4(), channel="staff", name="Léa")
SHARED, NEW = "zoe@client.example", "zoe@neuf.example"


@pytest.fixture
def merchant(make):
    return make.merchant(locale="en")


@pytest.fixture
def first(make, merchant):
    return make.customer(merchant, email=SHARED, name="", locale=None, payer_id=None)


@pytest.fixture
def second(make, merchant, now):
    return make.customer(
        merchant, email=SHARED, email_place=1, name="Zoe", locale="en", payer_id="PAYER12345678",
        contact_allowed=False, paypal_email="z@pp.example", paypal_email_at=now,
    )  # fmt: skip


def join(ctx, kept, other, *, now):
    assert customer_joining.join(ctx, kept.merchant_id, kept.id, other.id, by=BY, now=now)
    with ctx.db.read() as session:
        newest = select(CustomerJoining.id).where(CustomerJoining.other_id == other.id)
        return session.scalars(newest).one()


def split(ctx, kept, joining_id, *, now):
    return customer_splitting.split(ctx, kept.merchant_id, kept.id, joining_id, by=BY, now=now)


def look(ctx, kept, joining_id):
    with ctx.db.read() as session:
        return customer_splitting.look(session, kept.merchant_id, kept.id, joining_id)


def columns(ctx, customer):
    with ctx.db.read() as session:
        row = session.get_one(Customer, customer.id)
        return {column.key: getattr(row, column.key) for column in Customer.__table__.columns}


def owners(ctx, model):
    with ctx.db.read() as session:
        return dict(list(session.execute(select(model.id, model.customer_id))))


def told(ctx, kind):
    with ctx.db.read() as session:
        return session.scalars(select(Mail.recipient).where(Mail.kind == kind).order_by(Mail.recipient)).all()


def of_payer(make, customer, payer_id):
    """A subscription that has arrived since, bought with that PayPal account."""
    return make.subscription(customer=customer, payer_id=payer_id)


def test_joined_and_split_all_is_as_it_was(ctx, make, merchant, first, second, now):
    product = make.product(merchant)
    for one in (first, second):
        held = make.subscription(customer=one, product=product)
        make.add(Grant(merchant_id=merchant.id, customer_id=one.id, product_id=product.id, since=now, created_at=now))
        customer_notes.write(ctx, merchant.id, one.id, "a note", by=BY, now=now)
        recorded = end_requests.record(ctx, wish_of(held), now=now)
        end_carrying.carry_out(ctx, merchant.id, recorded.request_id)
        with ctx.db.begin() as session:
            open_for(session, Kind.CUSTOMER, merchant.id, one.id, visitor=Visitor(), now=now)
    tables = (Subscription, Grant, CustomerNote, Mail, LoginSession)
    before = [owners(ctx, table) for table in tables]
    people = [columns(ctx, one) for one in (first, second)]
    joining_id = join(ctx, first, second, now=now)

    assert split(ctx, first, joining_id, now=now) == second.id

    after = [owners(ctx, table) for table in tables]
    for then, today in zip(before, after, strict=True):
        assert {key: today[key] for key in then} == then
    assert [columns(ctx, one) for one in (first, second)] == [people[0] | {"contact_allowed": False}, people[1]]
    with ctx.db.read() as session:
        assert session.scalars(select(CustomerJoining)).all() == []
        assert set(session.scalars(select(LoginSession.revoked_at))) == {now}


@pytest.mark.parametrize("refuses", [0, 1])
def test_who_asked_not_to_be_contacted_is_invited_by_nothing_that_waits_for_the_other(
    ctx, make, merchant, now, refuses
):
    """Deciding test 14 of *abandoned*: the mail server was away while the two were joined."""
    people = [
        make.customer(merchant, email=SHARED, email_place=place, contact_allowed=place != refuses) for place in (0, 1)
    ]
    held = make.subscription(customer=people[1 - refuses])
    recorded = end_requests.record(ctx, wish_of(held), now=now)
    end_carrying.carry_out(ctx, merchant.id, recorded.request_id)

    def words():
        with ctx.db.read() as session:
            return said(ctx, session.scalars(select(Mail).where(Mail.kind == "end_confirmed")).one()).text

    assert "come back" in words()
    join(ctx, *people, now=now)
    assert "come back" not in words()
    assert "is cancelled" in words()


def test_both_are_told_once_at_one_address(ctx, first, second, now):
    joining_id = join(ctx, first, second, now=now)
    assert told(ctx, "customers_joined") == [SHARED]
    assert look(ctx, first, joining_id).is_shared
    split(ctx, first, joining_id, now=now)
    assert told(ctx, "customers_split") == [SHARED]


def test_both_addresses_are_told_where_the_kept_one_has_another_by_now(ctx, first, second, now):
    joining_id = join(ctx, first, second, now=now)
    with ctx.db.begin() as session:
        kept = session.get_one(Customer, first.id)
        customer_addresses.change(ctx, session, kept, NEW, by=BY, now=now)
    split(ctx, first, joining_id, now=now)
    assert told(ctx, "customers_split") == [SHARED, NEW]
    assert (columns(ctx, first)["email"], columns(ctx, second)["email"]) == (NEW, SHARED)
    assert columns(ctx, second)["email_place"] == 0


def test_the_chain_says_who_and_how_many_and_no_name(ctx, make, first, second, now):
    make.subscription(customer=second)
    split(ctx, first, join(ctx, first, second, now=now), now=now)
    with ctx.db.read() as session:
        rows = session.execute(select(AuditEntry.act, AuditEntry.details).order_by(AuditEntry.number)).all()
    assert rows[-1].act == Act.CUSTOMERS_SPLIT
    assert rows[-1].details == {"other": str(second.id), "subscriptions": 1, "since": 0}


def test_what_came_since_stays_unless_it_is_of_the_other_s_account_or_goes_on_from_theirs(
    ctx, make, merchant, first, second, now
):
    hers, own = make.subscription(customer=second), make.subscription(customer=first)
    joining_id = join(ctx, first, second, now=now)
    paid_by_her = of_payer(make, first, "PAYER12345678")
    paid_by_another, unknown = of_payer(make, first, "ANOTHERPAYER1"), of_payer(make, first, None)
    goes_on = make.subscription(customer=first, predecessor_id=hers.id)
    and_on = make.subscription(customer=first, predecessor_id=goes_on.id)
    customer_notes.write(ctx, merchant.id, first.id, "since", by=BY, now=now)

    seen = look(ctx, first, joining_id)
    assert {one.id for one in seen.goes} == {hers.id, paid_by_her.id, goes_on.id, and_on.id}
    assert {one.id for one in seen.came_since} == {paid_by_another.id, unknown.id}
    split(ctx, first, joining_id, now=now)

    found = owners(ctx, Subscription)
    assert {key for key, owner in found.items() if owner == second.id} == {one.id for one in seen.goes}
    assert found[own.id] == first.id
    assert set(owners(ctx, CustomerNote).values()) == {first.id}


def test_messages_since_about_what_goes_go_with_it(ctx, make, merchant, first, second, now):
    hers = make.subscription(customer=second)
    joining_id = join(ctx, first, second, now=now)
    recorded = end_requests.record(ctx, wish_of(hers, customer_id=first.id, actor_id=first.id), now=now)
    end_carrying.carry_out(ctx, merchant.id, recorded.request_id)
    split(ctx, first, joining_id, now=now)
    with ctx.db.read() as session:
        about = select(Mail.customer_id).where(Mail.kind == "end_confirmed")
        assert session.scalars(about).all() == [second.id]


@pytest.mark.parametrize("answer", ["contact_allowed", "reminders_allowed"])
def test_a_refusal_given_since_holds_for_both(ctx, make, merchant, first, now, answer):
    other = make.customer(merchant, email=SHARED, email_place=1, name="Zoe")
    joining_id = join(ctx, first, other, now=now)
    with ctx.db.begin() as session:
        kept = session.get_one(Customer, first.id)
        setattr(kept, answer, False)
        kept.own_answers = [answer]
    split(ctx, first, joining_id, now=now)
    for one in (first, other):
        found = columns(ctx, one)
        assert (found[answer], found["own_answers"]) == (False, [answer]), "and no list of the merchant's undoes it"


def test_what_the_kept_one_was_called_since_stays(ctx, first, second, now):
    joining_id = join(ctx, first, second, now=now)
    assert columns(ctx, first)["name"] == "Zoe"
    with ctx.db.begin() as session:
        session.get_one(Customer, first.id).name = "Zoé Martin"
    split(ctx, first, joining_id, now=now)
    assert [columns(ctx, one)["name"] for one in (first, second)] == ["Zoé Martin", "Zoe"]
    assert [columns(ctx, one)["payer_id"] for one in (first, second)] == [None, "PAYER12345678"]


def test_an_address_that_another_customer_has_by_now_is_not_given_back(ctx, make, merchant, first, second, now):
    joining_id = join(ctx, first, second, now=now)
    with ctx.db.begin() as session:
        customer_addresses.change(ctx, session, session.get_one(Customer, first.id), NEW, by=BY, now=now)
    stranger = make.customer(merchant, email=SHARED)
    with pytest.raises(AddressTaken) as refused:
        split(ctx, first, joining_id, now=now)
    assert refused.value.customer_id == stranger.id
    with ctx.db.read() as session:
        assert session.get(Customer, second.id) is None


def test_a_paypal_account_that_another_customer_has_by_now_stays_there(ctx, make, merchant, second, now):
    kept = make.customer(merchant, email=SHARED, email_place=2, payer_id="KEPTPAYER1234")
    joining_id = join(ctx, kept, second, now=now)
    stranger = make.customer(merchant, payer_id="PAYER12345678")
    assert look(ctx, kept, joining_id).payer_with.id == stranger.id
    split(ctx, kept, joining_id, now=now)
    payers = [columns(ctx, one)["payer_id"] for one in (kept, second, stranger)]
    assert payers == ["KEPTPAYER1234", None, "PAYER12345678"]


def test_joined_further_each_comes_out_by_origin_in_whatever_order(ctx, make, merchant, first, second, now):
    third = make.customer(merchant, email=SHARED, email_place=2, name="Z.")
    held = [make.subscription(customer=one) for one in (first, second, third)]
    into_first = join(ctx, first, second, now=now)
    into_third = join(ctx, third, first, now=now)
    assert set(owners(ctx, Subscription).values()) == {third.id}

    assert split(ctx, third, into_first, now=now) == second.id
    assert split(ctx, third, into_third, now=now) == first.id

    found = owners(ctx, Subscription)
    assert [found[one.id] for one in held] == [first.id, second.id, third.id]


def test_joined_further_the_outer_split_gives_the_inner_joining_back(ctx, make, merchant, first, second, now):
    third = make.customer(merchant, email=SHARED, email_place=2, name="Z.")
    held = [make.subscription(customer=one) for one in (first, second, third)]
    into_first = join(ctx, first, second, now=now)
    assert split(ctx, third, join(ctx, third, first, now=now), now=now) == first.id
    assert split(ctx, first, into_first, now=now) == second.id
    found = owners(ctx, Subscription)
    assert [found[one.id] for one in held] == [first.id, second.id, third.id]


def test_split_twice_is_split_once(ctx, first, second, now):
    joining_id = join(ctx, first, second, now=now)
    assert split(ctx, first, joining_id, now=now) == second.id
    assert split(ctx, first, joining_id, now=now) is None
    assert len(told(ctx, "customers_split")) == 1


def test_erased_since_there_is_nothing_to_split(ctx, first, second, now):
    joining_id = join(ctx, first, second, now=now)
    with ctx.db.begin() as session:
        session.delete(session.get_one(Customer, first.id))
    with ctx.db.read() as session:
        assert session.scalars(select(CustomerJoining)).all() == []
    with pytest.raises(NoResultFound):
        split(ctx, first, joining_id, now=now)


def test_nobody_splits_another_merchant_s_or_under_another_customer(ctx, make, merchant, first, second, now):
    joining_id = join(ctx, first, second, now=now)
    stranger = make.customer(make.merchant())
    with pytest.raises(NoResultFound):
        customer_splitting.split(ctx, stranger.merchant_id, first.id, joining_id, by=BY, now=now)
    assert split(ctx, stranger, joining_id, now=now) is None
    assert split(ctx, make.customer(merchant), joining_id, now=now) is None


def test_an_archive_that_was_made_of_both_is_nobodys_any_more(ctx, make, merchant, first, second, now):
    """Else who is split off could be read by the one they were taken for, for a week."""
    make.subscription(merchant=merchant, customer=second)
    joining_id = join(ctx, first, second, now=now)
    export = data_exports.ask(ctx, merchant.id, first.id, language="en", now=now)
    data_exports.make(ctx, export.id, now=now)
    split(ctx, first, joining_id, now=now)
    with pytest.raises(NoResultFound):
        data_exports.content_of(ctx, merchant.id, first.id)
    data_exports.make(ctx, data_exports.ask(ctx, merchant.id, first.id, language="en", now=now).id, now=now)
    _export, content = data_exports.content_of(ctx, merchant.id, first.id)
    assert content


def test_an_archive_of_before_they_were_joined_stays(ctx, merchant, first, second, now):
    export = data_exports.ask(ctx, merchant.id, first.id, language="en", now=now)
    data_exports.make(ctx, export.id, now=now)
    joining_id = join(ctx, first, second, now=now + timedelta(minutes=1))
    split(ctx, first, joining_id, now=now + timedelta(minutes=2))
    kept, _content = data_exports.content_of(ctx, merchant.id, first.id)
    assert kept.id == export.id

"""An account's people when the account itself changes: joined, split, erased, another address, a day that comes."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.ends.end_requests import Channel
from portal.domain.errors import Denial, NotAllowed
from portal.domain.people.account_members import MemberRole
from portal.domain.policies import Actor
from portal.models import AccountMember, Customer, CustomerJoining, LoginSession, Mail
from portal.queries.account import own_data
from portal.queries.people.people import Kind
from portal.services.own_data import erasing
from portal.services.people import (
    account_invitations,
    account_members,
    customer_addresses,
    customer_joining,
    customer_splitting,
)
from portal.services.people.account_invitations import Wish
from portal.services.people.acting import by_customer
from portal.services.people.sessions import Visitor, open_for
from tests.waiting_mails import said
from tests.web.account_people import ANNA, link_in, member_of

SHARED = "claire@client.test"
STAFF = By(actor=Actor.STAFF, actor_id=uuid.uuid4(), channel=Channel.STAFF, name="Léa")
OWNER, READER = MemberRole.OWNER, MemberRole.READER


@pytest.fixture
def merchant(make):
    return make.merchant(locale="en")


@pytest.fixture
def kept(make, merchant):
    return make.customer(merchant, email=SHARED)


@pytest.fixture
def other(make, merchant, kept):
    return make.customer(merchant, email=SHARED, email_place=1)


def people(ctx, customer_id):
    """Address and role of who is in an account or invited to it."""
    with ctx.db.read() as session:
        there = AccountMember.customer_id == customer_id, AccountMember.removed_at.is_(None)
        rows = session.scalars(select(AccountMember).where(*there)).all()
    return {(row.email, row.role, row.accepted_at is not None) for row in rows}


def join(ctx, kept, other):
    assert customer_joining.join(ctx, kept.merchant_id, kept.id, other.id, by=STAFF, now=utc_now())
    with ctx.db.read() as session:
        return session.scalars(select(CustomerJoining.id)).one()


def invite(ctx, customer, email=ANNA, role=READER):
    """Invite by the service, and return the link of the mail."""
    wish = Wish(email=email, name="", role=role, language="en")
    account_invitations.invite(ctx, customer.merchant_id, customer.id, wish, by=by_customer(customer.id), now=utc_now())
    with ctx.db.read() as session:
        mail = session.scalars(select(Mail).where(Mail.kind == "account_invitation").order_by(Mail.created_at)).all()[
            -1
        ]
    return link_in(said(ctx, mail).text).rpartition("/")[2]


def accept(ctx, customer, link):
    return account_invitations.accept(ctx, customer.merchant_id, link, name="", now=utc_now())


@pytest.mark.parametrize(
    ("mine", "theirs", "left"),
    [
        ((OWNER, True), (OWNER, True), (OWNER, True)),
        ((OWNER, True), (READER, True), (READER, True)),
        ((READER, True), (OWNER, True), (READER, True)),
        ((READER, False), (OWNER, True), (READER, True)),
        ((OWNER, True), (OWNER, False), (OWNER, True)),
        ((OWNER, False), (OWNER, False), (OWNER, False)),
    ],
)
def test_joined_nobody_is_in_it_twice_and_the_stricter_role_stands(ctx, kept, other, mine, theirs, left):
    member_of(ctx, kept, role=mine[0], accepted=mine[1])
    member_of(ctx, other, role=theirs[0], accepted=theirs[1])
    member_of(ctx, other, email="bert@client.test", role=OWNER)
    join(ctx, kept, other)
    assert people(ctx, kept.id) == {(ANNA, *left), ("bert@client.test", OWNER, True)}


def test_split_again_each_account_has_the_people_it_let_in(ctx, kept, other):
    member_of(ctx, kept)
    member_of(ctx, other, email="bert@client.test")
    joining_id = join(ctx, kept, other)
    member_of(ctx, kept, email="since@client.test")
    other_id = customer_splitting.split(ctx, kept.merchant_id, kept.id, joining_id, by=STAFF, now=utc_now())
    assert {email for email, *_ in people(ctx, kept.id)} == {ANNA, "since@client.test"}
    assert {email for email, *_ in people(ctx, other_id)} == {"bert@client.test"}


def test_an_invitation_to_an_account_that_was_joined_meanwhile_opens_the_joined_one(ctx, kept, other):
    link = invite(ctx, other)
    join(ctx, kept, other)
    assert accept(ctx, kept, link) == ANNA
    assert people(ctx, kept.id) == {(ANNA, READER, True)}


def test_an_invitation_to_an_account_that_is_erased_meanwhile_opens_nothing(ctx, kept):
    link = invite(ctx, kept)
    member_of(ctx, kept, email="bert@client.test")
    with ctx.db.begin() as session:
        erasing.erase(session, session.get_one(Customer, kept.id), now=utc_now())
    assert account_invitations.look(ctx, kept.merchant_id, link, now=utc_now()) is None
    assert accept(ctx, kept, link) is None
    with ctx.db.read() as session:
        assert session.scalars(select(AccountMember)).all() == []
        mails = session.scalars(select(Mail)).all()
    assert {(mail.recipient, mail.content, mail.subject) for mail in mails} == {("", None, "")}
    with pytest.raises(NotAllowed) as refused:
        invite(ctx, kept)
    assert refused.value.denial is Denial.ERASED


def test_an_erased_customers_address_can_be_invited_elsewhere_and_a_members_is_free_again(ctx, kept, other):
    member_of(ctx, other)
    with ctx.db.begin() as session:
        erasing.erase(session, session.get_one(Customer, other.id), now=utc_now())
    invite(ctx, kept)
    assert people(ctx, kept.id) == {(ANNA, READER, False)}


def test_whoever_becomes_the_address_on_file_is_no_member_beside_it(ctx, kept):
    member = member_of(ctx, kept, role=OWNER)
    with ctx.db.begin() as session:
        open_for(
            session, Kind.CUSTOMER, kept.merchant_id, kept.id, visitor=Visitor(), member_id=member.id, now=utc_now()
        )
        customer = session.get_one(Customer, kept.id, with_for_update=True)
        customer_addresses.change(ctx, session, customer, ANNA, by=STAFF, now=utc_now())
    assert people(ctx, kept.id) == set()
    with ctx.db.read() as session:
        assert all(session.scalars(select(LoginSession.revoked_at)).all())


def test_who_lost_the_role_or_was_removed_decides_nothing_more(ctx, kept):
    anna, bert = member_of(ctx, kept, role=OWNER), member_of(ctx, kept, email="bert@client.test", role=OWNER)
    who = {one.id: By(actor=Actor.CUSTOMER, actor_id=one.id, channel=Channel.PORTAL) for one in (anna, bert)}
    account_members.remove(ctx, kept.merchant_id, kept.id, bert.id, by=who[anna.id], now=utc_now())
    with pytest.raises(NotAllowed):
        account_members.remove(ctx, kept.merchant_id, kept.id, anna.id, by=who[bert.id], now=utc_now())
    account_members.change_role(ctx, kept.merchant_id, kept.id, anna.id, READER, by=STAFF, now=utc_now())
    with pytest.raises(NotAllowed):
        account_members.change_role(ctx, kept.merchant_id, kept.id, anna.id, OWNER, by=who[anna.id], now=utc_now())
    assert people(ctx, kept.id) == {(ANNA, READER, True)}


def test_nobody_acts_in_the_account_of_another_one(ctx, make, kept, other):
    member = member_of(ctx, other, role=OWNER)
    of_other = By(actor=Actor.CUSTOMER, actor_id=member.id, channel=Channel.PORTAL)
    with pytest.raises(NotAllowed):
        account_members.remove(ctx, kept.merchant_id, kept.id, member.id, by=of_other, now=utc_now())
    with pytest.raises(NoResultFound):
        account_members.remove(ctx, kept.merchant_id, kept.id, member.id, by=STAFF, now=utc_now())
    with pytest.raises(NoResultFound):
        account_members.remove(ctx, make.merchant().id, other.id, member.id, by=STAFF, now=utc_now())


def test_a_withdrawn_invitation_that_has_not_left_never_does(ctx, kept):
    link = invite(ctx, kept)
    with ctx.db.read() as session:
        (member,) = session.scalars(select(AccountMember)).all()
    account_members.remove(ctx, kept.merchant_id, kept.id, member.id, by=STAFF, now=utc_now())
    assert accept(ctx, kept, link) is None
    with ctx.db.read() as session:
        assert session.scalars(select(Mail.state)).one() == "superseded"


def test_what_ran_out_or_was_removed_is_forgotten_after_a_month(ctx, kept):
    member_of(ctx, kept)
    member_of(ctx, kept, email="never@client.test", accepted=False)
    member_of(ctx, kept, email="gone@client.test", removed_at=utc_now())
    assert account_members.purge(ctx, before=utc_now() - timedelta(days=1)) == 0
    assert account_members.purge(ctx, before=utc_now() + timedelta(days=4)) == 2
    assert people(ctx, kept.id) == {(ANNA, READER, True)}


def test_the_own_archive_names_whom_they_let_in_and_shows_nobody_elses_browser(ctx, kept):
    member = member_of(ctx, kept)
    with ctx.db.begin() as session:
        for member_id in (None, member.id):
            visitor = Visitor(browser="Lynx" if member_id else "Firefox")
            open_for(
                session, Kind.CUSTOMER, kept.merchant_id, kept.id, visitor=visitor, member_id=member_id, now=utc_now()
            )
    with ctx.db.read() as session:
        _names, rows = own_data.rows(session, "account_members", kept.id)
        _names, sessions = own_data.rows(session, "sessions", kept.id)
    assert [(row["email"], row["role"]) for row in rows] == [(ANNA, READER)]
    assert [row["browser"] for row in sessions] == ["Firefox"]

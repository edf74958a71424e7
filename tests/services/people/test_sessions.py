"""What ends a customer's sessions while another one is being opened ends that one too, or it is not opened."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from portal.domain.audit import By
from portal.domain.integrations.site_logins import Proof
from portal.domain.integrations.task_links import TaskKind
from portal.domain.policies import Actor
from portal.models import Customer, LoginSession
from portal.queries.people import customers
from portal.queries.people.people import Kind, Person
from portal.services import task_links
from portal.services.people import customer_addresses, sessions, spaces, task_visits
from portal.services.people.sessions import Visitor, open_for
from portal.services.people.spaces import BySite
from tests.services.imports.importing import until_somebody_waits

BY = By(actor=Actor.STAFF, channel="staff", name="Léa")
SHARED, NEW = "zoe@client.example", "zoe@neuf.example"


@pytest.fixture
def merchant(make):
    return make.merchant()


@pytest.fixture
def zoe(make, merchant):
    return make.customer(merchant, email=SHARED)


@pytest.fixture
def other(make, merchant, zoe):
    """Another account of the same address."""
    return make.customer(merchant, email=SHARED, email_place=1)


def logged_in(ctx, customer, now) -> Person:
    """Log a customer in, and return who that is to the pages."""
    with ctx.db.begin() as session:
        open_for(session, Kind.CUSTOMER, customer.merchant_id, customer.id, visitor=Visitor(), now=now)
    (row,) = rows_of(ctx, customer)
    return Person(
        kind=Kind.CUSTOMER, id=customer.id, merchant_id=customer.merchant_id, name="", email=SHARED, role=None,
        session_id=row.id, authenticated_at=now, last_seen_at=now, locale=None,
    )  # fmt: skip


def rows_of(ctx, customer):
    with ctx.db.read() as session:
        return session.scalars(select(LoginSession).where(LoginSession.customer_id == customer.id)).all()


def test_one_that_ended_meanwhile_opens_no_other_account(ctx, zoe, other, now):
    person = logged_in(ctx, zoe, now)
    with ctx.db.begin() as session:
        customer_addresses.end_log_ins(session, zoe.id, now=now)
    with pytest.raises(NoResultFound):
        sessions.switch(ctx, person, other.id, visitor=Visitor(), now=now)
    assert rows_of(ctx, other) == []


def moves(ctx, customer, now):
    """Give the customer another address, as the desk does."""
    with ctx.db.begin() as session:
        (held,) = customers.lock(session, customer.merchant_id, customer.id)
        customer_addresses.change(ctx, session, held, NEW, by=BY, now=now)


def test_who_begins_a_task_while_the_address_changes_is_out_again(ctx, merchant, zoe, now, monkeypatch):
    """The link is pressed, and its session not there for others yet, when all that the former address opened ends."""
    with ctx.db.begin() as session:
        link = task_links.make(session, merchant, session.get_one(Customer, zoe.id), TaskKind.ACCESS, now=now)
    changing = threading.Thread(target=moves, args=(ctx, zoe, now))

    def slowly(*given, **more):
        token = open_for(*given, **more)
        changing.start()
        until_somebody_waits(ctx)
        return token

    monkeypatch.setattr(task_visits, "open_for", slowly)
    assert task_visits.begin(ctx, merchant.id, link.path.rpartition("/")[2], visitor=Visitor(), now=now)
    changing.join(timeout=60)
    assert [row.revoked_at for row in rows_of(ctx, zoe)] == [now]


def test_the_former_address_does_not_come_in_by_the_site_while_it_changes(ctx, zoe, now):
    entered = []

    def come_in():
        with ctx.db.begin() as session:
            by_site = BySite(Proof.EMAIL, now)
            entered.append(spaces.enter(session, zoe.merchant_id, SHARED, visitor=Visitor(), by_site=by_site, now=now))

    while_it_changes(ctx, zoe, come_in, now=now)
    assert entered == [None]
    assert rows_of(ctx, zoe) == []


def test_the_former_address_does_not_come_in_from_another_account_while_it_changes(ctx, zoe, other, now):
    person, refused = logged_in(ctx, other, now), []

    def come_in():
        try:
            sessions.switch(ctx, person, zoe.id, visitor=Visitor(), now=now)
        except NoResultFound:
            refused.append(zoe.id)

    while_it_changes(ctx, zoe, come_in, now=now)
    assert refused == [zoe.id]
    assert rows_of(ctx, zoe) == []


def while_it_changes(ctx, customer, come_in, *, now):
    """Let somebody try to come in after the address has been changed, and before that is there for others."""
    coming = threading.Thread(target=come_in)
    with ctx.db.begin() as session:
        (held,) = customers.lock(session, customer.merchant_id, customer.id)
        customer_addresses.change(ctx, session, held, NEW, by=BY, now=now)
        coming.start()
        until_somebody_waits(ctx)
    coming.join(timeout=60)
    assert not coming.is_alive()

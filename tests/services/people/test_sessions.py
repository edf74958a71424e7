"""What ends a customer's sessions while another one is being opened ends that one too, or it is not opened."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from portal.models import LoginSession
from portal.queries.people.people import Kind, Person
from portal.services.people import customer_addresses, sessions
from portal.services.people.sessions import Visitor, open_for

SHARED = "zoe@client.example"


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

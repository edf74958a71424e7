"""Staff give access by hand, change it and withdraw it: what is open follows at once, and who did it can be read."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from portal.domain.access.grants import CannotGive, GrantProblem
from portal.domain.audit import Act, By
from portal.domain.policies import Actor
from portal.models import AuditEntry, Customer, Grant, Mail
from portal.queries.account import account_page
from portal.services import grants
from portal.services.grants import Gift
from tests.web.conftest import letters  # noqa: F401 - what was promised, opened

BY = By(actor=Actor.STAFF, channel="staff", name="Léa Martin")
WEEK = timedelta(days=7)


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", locale="en")


@pytest.fixture
def zoe(make, merchant):
    return make.customer(merchant, email="zoe@client.test", name="Zoé")


@pytest.fixture
def piano(make, merchant):
    return make.product(merchant, name="Piano", contents=(("Lesson 1", 0), ("Lesson 2", 30)))


@pytest.fixture
def gift(piano, now):
    return Gift(product_id=piano.id, since=now, until=now + WEEK, note="a gift", is_told=True)


def give(ctx, customer, gift, *, now):
    return grants.give(ctx, customer.merchant_id, customer.id, gift, by=BY, now=now)


def withdraw(ctx, customer, grant_id, *, now, is_told=False):
    grants.withdraw(ctx, customer.merchant_id, customer.id, grant_id, is_told=is_told, by=BY, now=now)


def change(ctx, customer, grant_id, gift, *, now):
    return grants.change(ctx, customer.merchant_id, customer.id, grant_id, gift, by=BY, now=now)


def stored(ctx, grant_id):
    with ctx.db.read() as session:
        return session.get_one(Grant, grant_id)


def entries(ctx):
    with ctx.db.read() as session:
        rows = session.execute(select(AuditEntry.act, AuditEntry.details).order_by(AuditEntry.number))
        return [tuple(row) for row in rows]


def gifts_of(ctx, customer):
    with ctx.db.read() as session:
        return account_page.of_customer(session, customer.merchant_id, customer.id).gifts


def test_given_it_stands_on_the_account_page_and_the_customer_is_told(ctx, zoe, piano, gift, now, letters):  # noqa: F811
    grant_id = give(ctx, zoe, gift, now=now)
    row = stored(ctx, grant_id)
    assert (row.actor_name, row.note, row.created_at) == ("Léa Martin", "a gift", now)
    assert [(one.name, one.since, one.until) for one in gifts_of(ctx, zoe)] == [("Piano", now, now + WEEK)]
    (letter,) = letters()
    assert letter.recipient == "zoe@client.test"
    assert "L’Atelier has given you access: Piano. It is open until" in letter.text
    assert "a gift" not in letter.text, "the note is the team's"
    ((act, details),) = entries(ctx)
    assert act == Act.GRANT_GIVEN
    assert details == {
        "grant": str(grant_id),
        "product": str(piano.id),
        "since": now.isoformat(),
        "until": (now + WEEK).isoformat(),
    }
    with ctx.db.read() as session:
        assert session.scalars(select(Mail.customer_id)).all() == [zoe.id]


@pytest.mark.parametrize("changes", [{"is_told": False}, {"email": None}])
def test_nobody_is_told_who_is_not_to_be_or_has_no_address(ctx, make, merchant, gift, now, letters, changes):  # noqa: F811
    customer = make.customer(merchant, email=changes.get("email", "zoe@client.test"))
    give(ctx, customer, replace(gift, is_told=changes.get("is_told", True)), now=now)
    assert letters() == []


def test_twice_at_a_time_is_refused_and_afterwards_is_not(ctx, make, merchant, zoe, gift, now):
    give(ctx, zoe, gift, now=now)
    for since, until in ((now + WEEK / 2, None), (now - WEEK, None), (now, now + WEEK)):
        with pytest.raises(CannotGive) as refused:
            give(ctx, zoe, replace(gift, since=since, until=until), now=now)
        assert refused.value.why is GrantProblem.OVERLAPS
    give(ctx, zoe, replace(gift, since=now + WEEK, until=None), now=now)
    other = make.product(merchant, name="Photo")
    give(ctx, zoe, replace(gift, product_id=other.id), now=now)


def test_changed_it_says_what_was_and_what_is_and_meets_itself_in_peace(ctx, zoe, gift, now, letters):  # noqa: F811
    grant_id = give(ctx, zoe, gift, now=now)
    later = now + timedelta(minutes=1)
    assert change(ctx, zoe, grant_id, replace(gift, until=now + WEEK * 2), now=later)
    assert stored(ctx, grant_id).until == now + WEEK * 2
    assert entries(ctx)[-1][1]["until"] == [(now + WEEK).isoformat(), (now + WEEK * 2).isoformat()]
    assert "since" not in entries(ctx)[-1][1]
    assert "has changed the access" in letters()[-1].text
    assert change(ctx, zoe, grant_id, replace(gift, until=now + WEEK * 2, note="longer"), now=now)
    assert len(letters()) == 2, "another note opens and closes nothing"
    assert not change(ctx, zoe, grant_id, replace(gift, until=now + WEEK * 2, note="longer"), now=now)
    with pytest.raises(CannotGive):
        change(ctx, zoe, grant_id, replace(gift, since=now - WEEK, until=now), now=now)


def test_withdrawn_it_is_shut_at_once_and_its_row_says_by_whom(ctx, zoe, gift, now, letters):  # noqa: F811
    grant_id = give(ctx, zoe, gift, now=now)
    later = now + timedelta(days=1)
    withdraw(ctx, zoe, grant_id, now=later, is_told=True)
    row = stored(ctx, grant_id)
    assert (row.until, row.withdrawn_at, row.withdrawn_by) == (later, later, "Léa Martin")
    assert "has withdrawn the access" in letters()[-1].text
    assert "stays open" not in letters()[-1].text
    assert entries(ctx)[-1][0] == Act.GRANT_WITHDRAWN
    for act in (lambda: withdraw(ctx, zoe, grant_id, now=later), lambda: change(ctx, zoe, grant_id, gift, now=later)):
        with pytest.raises(NoResultFound):
            act()
    give(ctx, zoe, replace(gift, since=later, until=None), now=later)


def test_withdrawn_before_it_began_it_never_opens(ctx, zoe, gift, now):
    grant_id = give(ctx, zoe, replace(gift, since=now + WEEK, until=None), now=now)
    withdraw(ctx, zoe, grant_id, now=now)
    row = stored(ctx, grant_id)
    assert row.until == row.since
    give(ctx, zoe, replace(gift, since=now, until=None), now=now)


def test_what_a_subscription_opens_besides_does_not_stop(ctx, make, zoe, piano, gift, now):
    make.subscription(customer=zoe, product=piano, started_at=now - timedelta(days=3), next_payment_at=now + WEEK)
    grant_id = give(ctx, zoe, gift, now=now)
    with ctx.db.read() as session:
        customer, row = session.get_one(Customer, zoe.id), session.get_one(Grant, grant_id)
        seen = grants.preview_withdrawal(ctx, session, customer, row, now=now)
    assert [window.title for window in seen.stops] == ["Lesson 2"], "the subscription opens it after thirty days"
    assert [window.title for window in seen.stays] == ["Lesson 1"]
    assert "stays open" in seen.letter.text


def test_another_merchant_s_product_customer_and_gift_are_not_there(ctx, make, zoe, gift, now):
    grant_id = give(ctx, zoe, gift, now=now)
    stranger = make.customer(make.merchant(), email="other@client.test")
    for act in (
        lambda: give(ctx, stranger, gift, now=now),
        lambda: withdraw(ctx, stranger, grant_id, now=now),
        lambda: change(ctx, stranger, grant_id, gift, now=now),
        lambda: withdraw(ctx, zoe, uuid.uuid4(), now=now),
    ):
        with pytest.raises(NoResultFound):
            act()


def test_what_is_shown_before_is_what_is_sent(ctx, zoe, gift, now, letters):  # noqa: F811
    with ctx.db.read() as session:
        seen = grants.preview(ctx, session, session.get_one(Customer, zoe.id), gift, now=now)
    assert [window.title for window in seen.opens] == ["Lesson 1", "Lesson 2"]
    give(ctx, zoe, gift, now=now)
    assert letters()[0].text == seen.letter.text

"""An erasure where it meets what others do at that moment: a shared address, an account taken over, a log-in."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.audit import Act, By
from portal.domain.ends.end_requests import RequestState
from portal.domain.errors import Denial, NotAllowed
from portal.domain.integrations.task_links import TaskKind
from portal.domain.money.settlements import SettlementState
from portal.domain.people.address_holds import HoldOutcome
from portal.domain.people.customer_erasures import ErasureState, Hold
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import AddressHold, AuditEntry, Customer, EndRequest, Mail, Settlement
from portal.queries.merchants import customer_erasures as stored
from portal.queries.people import account_visits, people
from portal.queries.people.people import Kind
from portal.secrets import token_hash
from portal.services.own_data import customer_erasures, data_exports
from portal.services.people import address_changes, address_holds, customer_profiles, task_offers
from portal.services.people.sessions import Visitor, open_for
from portal.services.people.task_offers import Offer
from tests.services.money.settling import DUE
from tests.services.own_data.wishing import LATER, again, carry_ends, erasure_of, row_of, wish

OWNER, THIEF = "zoe@client.test", "thief@elsewhere.test"
ANNE = By(actor=Actor.STAFF, channel="staff", name="Anne")
WEEK = timedelta(days=7)


@pytest.fixture
def merchant(make):
    return make.merchant(locale="en")


@pytest.fixture
def customer(make, merchant):
    return make.customer(merchant, name="Zoé Rousseau", email=OWNER)


@pytest.fixture
def stolen(ctx, make, customer, now):
    """Their address was changed an hour ago, and the former mailbox may contest that."""
    with ctx.db.begin() as session:
        row = session.merge(customer)
        row.email = THIEF
    hold = AddressHold(
        merchant_id=customer.merchant_id,
        customer_id=customer.id,
        created_at=now - timedelta(hours=1),
        former_email=OWNER,
        email=THIEF,
        link_hash=token_hash("hold"),
        expires_at=now + WEEK,
    )
    make.add(hold)
    return hold


def contested(ctx, hold, outcome, *, at):
    assert address_holds.hold(ctx, hold.merchant_id, "hold", now=at)
    assert address_holds.decide(ctx, hold.merchant_id, hold.id, outcome, by=ANNE, now=at)


def test_who_shares_the_address_of_one_who_is_erased_can_still_log_in(ctx, make, merchant, customer, left, now):
    other = make.customer(merchant, name="Their partner", email=OWNER, email_place=1)
    erasure = wish(ctx, customer, now)
    left(utc_now())
    assert again(ctx, erasure, now + LATER)
    with ctx.db.read() as session:
        assert people.customer_by_email(session, merchant.id, OWNER) == other.id


def test_what_a_stranger_asked_for_is_not_done_to_the_owner_who_is_back(ctx, customer, stolen, left, now):
    erasure = wish(ctx, customer, now)
    left(utc_now())
    contested(ctx, stolen, HoldOutcome.RESTORED, at=now + 2 * LATER)
    assert not again(ctx, erasure, now + 2 * LATER)
    assert not again(ctx, erasure, now + 3 * LATER)
    assert row_of(ctx, customer).email == OWNER
    assert erasure_of(ctx, customer).state is ErasureState.WITHDRAWN
    (said,) = [one for one in left(now + 4 * LATER) if erasure.reference in one.subject]
    assert said.to == OWNER
    assert "You have withdrawn" not in said.text
    with ctx.db.read() as session:
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.act == Act.ERASURE_WITHDRAWN))
    assert entry.actor is Actor.SYSTEM, "the customer did not take it back"


def test_the_ends_of_a_strangers_wish_that_were_not_sent_are_taken_back(ctx, make, customer, stolen, paypal, left, now):
    held = make.subscription(customer=customer)
    erasure = wish(ctx, customer, now)
    left(utc_now())
    contested(ctx, stolen, HoldOutcome.RESTORED, at=now + LATER)
    assert not again(ctx, erasure, now + LATER)
    carry_ends(ctx)
    assert make.reload(held).status is Status.ACTIVE
    assert paypal.subscriptions[held.provider_id].status == "ACTIVE"


def test_an_end_that_paypal_has_carried_out_stays_and_the_owner_is_not_erased(ctx, make, customer, stolen, left, now):
    held = make.subscription(customer=customer)
    erasure = wish(ctx, customer, now)
    carry_ends(ctx)
    left(utc_now())
    contested(ctx, stolen, HoldOutcome.RESTORED, at=now + LATER)
    assert not again(ctx, erasure, now + LATER)
    assert erasure_of(ctx, customer).state is ErasureState.WITHDRAWN
    assert make.reload(held).status is Status.CANCELLED
    with ctx.db.read() as session:
        (request,) = session.scalars(select(EndRequest))
    assert request.state is not RequestState.WITHDRAWN


def test_what_was_asked_for_before_the_address_was_changed_stands(ctx, customer, stolen, left, now):
    erasure = wish(ctx, customer, now - timedelta(hours=2))
    left(utc_now())
    contested(ctx, stolen, HoldOutcome.RESTORED, at=now + LATER)
    left(now + LATER)
    assert again(ctx, erasure, now + LATER)


def test_what_the_team_was_told_of_a_contested_address_says_nobody_after_an_erasure(ctx, customer, stolen, left, now):
    contested(ctx, stolen, HoldOutcome.KEPT, at=now)
    erasure = wish(ctx, customer, now)
    left(utc_now())
    assert again(ctx, erasure, now + LATER)
    with ctx.db.read() as session:
        told = session.scalars(select(Mail).where(Mail.kind == "merchant_address_held")).all()
    assert told
    assert [(one.content, one.subject) for one in told] == [(None, "")] * len(told)


def test_a_log_in_at_the_very_moment_opens_nothing(ctx, merchant, customer, left, now):
    erasure = wish(ctx, customer, now)
    left(utc_now())
    assert again(ctx, erasure, now + LATER)
    with ctx.db.begin() as session:  # its code was right while the rows of the others went
        token = open_for(session, Kind.CUSTOMER, merchant.id, customer.id, visitor=Visitor(), now=now)
    with ctx.db.read() as session:
        visit = account_visits.at_account(
            session.connection(), merchant.slug, token_hash(token), now=now, seen_after=now - timedelta(hours=1)
        )
    assert visit.person is None


def test_it_can_be_asked_for_again_after_the_owner_is_back(ctx, customer, stolen, left, now):
    erasure = wish(ctx, customer, now)
    left(utc_now())
    contested(ctx, stolen, HoldOutcome.RESTORED, at=now + LATER)
    again(ctx, erasure, now + LATER)
    own = customer_erasures.ask(ctx, customer.merchant_id, customer.id, now=now + 2 * LATER)
    left(now + 2 * LATER)
    assert again(ctx, own, now + 4 * LATER)


def test_nothing_is_written_of_who_was_erased_while_a_page_was_on_its_way(ctx, merchant, customer, left, now):
    erasure = wish(ctx, customer, now)
    left(utc_now())
    assert again(ctx, erasure, now + LATER)
    who = merchant.id, customer.id
    late = (
        lambda: customer_profiles.save(ctx, *who, {"name": "Zoé Rousseau"}, now=now),
        lambda: address_changes.ask_own(ctx, *who, OWNER, now=now),
        lambda: data_exports.ask(ctx, *who, language="en", now=now),
        lambda: task_offers.make(ctx, *who, Offer(kind=TaskKind.PAYMENTS), by=ANNE, now=now),
    )
    for act in late:
        with pytest.raises(NotAllowed) as refused:
            act()
        assert refused.value.denial is Denial.ERASED
    assert (row_of(ctx, customer).name, row_of(ctx, customer).email) == ("", None)


@pytest.mark.parametrize(("age", "waits"), [(timedelta(days=2), True), (timedelta(days=4), False)], ids=str)
def test_a_settlement_that_nobody_can_read_any_more_is_not_waited_for_for_ever(ctx, make, customer, now, age, waits):
    """Its key was taken away after the call: after three days nothing more can come of it."""
    late = make.subscription(customer=customer, status=Status.PAST_DUE)
    make.add(
        Settlement(
            merchant_id=customer.merchant_id,
            subscription_id=late.id,
            amount=DUE.amount,
            currency=DUE.currency,
            state=SettlementState.NEEDS_MERCHANT,
            created_at=now - age,
            sent_at=now - age,
        )
    )
    with ctx.db.read() as session:
        found = stored.holds(session, session.get_one(Customer, customer.id), now=now)
    assert (Hold.SETTLEMENT in found) is waits

"""What time brings: everybody concerned is told once, however many there are and whoever's row is bad."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from portal.clock import utc_now
from portal.domain.ends.end_requests import Basis, Channel, RequestState, new_reference
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import EndRequest, LoginChallenge, Mail, Subscription, TimelineEntry, TimelineKind
from portal.services import aging, batches
from tests.services.carrying.carried import ask, carry, mails, row
from tests.waiting_mails import said

A_DAY = timedelta(hours=24)


@pytest.fixture(autouse=True)
def merchant(make):
    return make.merchant()


@pytest.fixture
def set_request(ctx):
    """Write columns of requests, as if time had passed for them."""

    def write(*requests, **columns):
        with ctx.db.begin() as session:
            ids = [request.id for request in requests]
            session.execute(update(EndRequest).where(EndRequest.id.in_(ids)).values(**columns))

    return write


@pytest.fixture
def ending(ctx, make, merchant, set_request):
    """An end confirmed five days ago whose access runs for two more days; the customer may lack an address."""

    def end(*, email: str | None = "claire@client.test"):
        customer = make.customer(merchant, email=email)
        soon = make.now() + timedelta(days=2)
        subscription = make.subscription(customer=customer, paid_until=soon, next_payment_at=soon)
        request = carry(ctx, ask(ctx, make, subscription))
        assert request.state is RequestState.CONFIRMED
        set_request(request, confirmed_at=utc_now() - timedelta(days=5))
        return request

    return end


@pytest.fixture
def again(make):
    """The portal's own request, which ended what PayPal had shown live again."""

    def end(request):
        own = EndRequest(
            merchant_id=request.merchant_id,
            subscription_id=request.subscription_id,
            reference=new_reference(),
            state=RequestState.CONFIRMED,
            outcome=request.outcome,
            actor=Actor.SYSTEM,
            channel=Channel.PROVIDER,
            shown={},
            created_at=request.created_at + timedelta(minutes=5),
            confirmed_at=utc_now() - timedelta(days=4),
            basis=Basis.READ_AFTER_CALL,
        )
        make.add(own)
        return own

    return end


@pytest.fixture
def unconfirmed(ctx, make, paypal):
    """A request that PayPal's silence keeps open."""

    def wait(**columns):
        paypal.rule("show", "500")
        subscription = make.subscription(**columns)
        request = carry(ctx, ask(ctx, make, subscription))
        assert request.state is RequestState.RETRYING
        return request

    return wait


def test_everybody_hears_that_access_ends_however_many_stand_before_them(ctx, ending, monkeypatch):
    monkeypatch.setattr(batches, "BATCH", 2)
    for number in range(3):
        ending(email=None)  # nobody can write to them, so they stay in the way
        ending(email=f"c{number}@client.test")
    aging.tell_access_ends_soon(ctx, now=utc_now())
    assert mails(ctx).count("access_ends_soon") == 3
    aging.tell_access_ends_soon(ctx, now=utc_now() + A_DAY)
    assert mails(ctx).count("access_ends_soon") == 3, "once"


@pytest.mark.parametrize("has_begun", [True, False])
def test_what_had_to_be_ended_twice_is_told_once(ctx, ending, again, set_request, has_begun):
    """Of one that began only after its end, the portal's own request is the first that can tell of access."""
    request = ending()
    own = again(request)
    if not has_begun:
        set_request(request, basis=Basis.NEVER_STARTED, state=RequestState.CLOSED, closed_at=request.confirmed_at)
    aging.tell_access_ends_soon(ctx, now=utc_now())
    aging.close_over(ctx, now=utc_now() + timedelta(days=3))
    assert {row(ctx, one.id).state for one in (request, own)} == {RequestState.CLOSED}
    told = mails(ctx)
    assert (told.count("access_ends_soon"), told.count("access_ended")) == (1, 1)


@pytest.mark.parametrize("number", [4, 5])
def test_everything_that_is_over_is_closed_in_one_run(ctx, ending, monkeypatch, number):
    monkeypatch.setattr(batches, "BATCH", 2)
    requests = [ending(email=f"c{place}@client.test") for place in range(number)]
    aging.close_over(ctx, now=utc_now() + timedelta(days=3))
    assert {row(ctx, request.id).state for request in requests} == {RequestState.CLOSED}
    assert mails(ctx).count("access_ended") == number


def test_a_bad_row_stops_neither_the_others_nor_what_follows_and_is_reported(ctx, make, unconfirmed, now):
    requests = [unconfirmed() for _ in range(3)]
    bad = min(requests, key=lambda request: request.id)  # the first of the walk
    with ctx.db.begin() as session:
        session.execute(  # no clock of Paris shows this moment: the year 10000
            text("UPDATE subscriptions SET next_payment_at = '9999-12-31 23:30+00' WHERE id = :id"),
            {"id": bad.subscription_id},
        )
        session.add(
            LoginChallenge(
                merchant_id=bad.merchant_id,
                email="old",
                code_hash="c",
                link_hash="l",
                expires_at=now - timedelta(days=31),
            )
        )
    with pytest.raises(aging.Unfinished):
        aging.run(ctx, now=utc_now() + A_DAY + timedelta(minutes=1))
    assert [row(ctx, request.id).overdue_told_at is None for request in requests].count(True) == 1
    assert row(ctx, bad.id).overdue_told_at is None
    assert mails(ctx).count("end_overdue") == 2
    with ctx.db.read() as session:
        assert session.query(LoginChallenge).count() == 0, "the last step was done too"


def test_a_run_in_which_nothing_fails_raises_nothing(ctx, unconfirmed):
    unconfirmed()
    aging.run(ctx, now=utc_now() + A_DAY + timedelta(minutes=1))
    assert mails(ctx).count("end_overdue") == 1


def test_an_end_for_a_later_date_is_late_only_a_day_after_that_date(ctx, unconfirmed, set_request):
    request = unconfirmed()
    due = utc_now() - timedelta(minutes=5)
    set_request(request, created_at=due - timedelta(days=90), due_at=due)
    aging.tell_overdue(ctx, now=due + A_DAY - timedelta(minutes=1))
    assert "end_overdue" not in mails(ctx)
    aging.tell_overdue(ctx, now=due + A_DAY)
    assert mails(ctx).count("end_overdue") == 1


def test_a_request_that_nobody_ever_took_up_is_told_of_too(ctx, make):
    request = ask(ctx, make, make.subscription())
    assert request.state is RequestState.RECORDED
    aging.tell_overdue(ctx, now=request.created_at + A_DAY)
    assert mails(ctx).count("end_overdue") == 1


@pytest.mark.parametrize(("asked_by", "is_told"), [(Actor.CUSTOMER, 1), (Actor.STAFF, 0)])
def test_whose_own_end_staff_replaced_is_told_that_paypal_is_silent(ctx, make, paypal, asked_by, is_told):
    subscription = make.subscription()
    in_fifty_days = (utc_now() + timedelta(days=50)).date()
    own = ask(ctx, make, subscription, actor=asked_by, wished_on=in_fifty_days)
    request = ask(ctx, make, subscription, actor=Actor.STAFF)
    assert row(ctx, own.id).state is RequestState.WITHDRAWN
    aging.tell_overdue(ctx, now=request.created_at + A_DAY)
    assert mails(ctx).count("end_overdue") == is_told
    if is_told:
        with ctx.db.read() as session:
            (mail,) = session.scalars(select(Mail).where(Mail.kind == "end_overdue")).all()
        told = said(ctx, mail).text
        assert f"à la place de votre demande {own.reference}" in told
        assert f"/requests/{request.reference}" in told


def test_an_end_that_waits_for_its_date_is_not_late(ctx, make, set_request):
    request = ask(ctx, make, make.subscription())
    set_request(request, due_at=utc_now() + timedelta(days=30))
    aging.tell_overdue(ctx, now=utc_now() + timedelta(days=29))
    assert "end_overdue" not in mails(ctx)


def test_an_end_of_one_that_never_began_is_closed(ctx, make):
    never = make.subscription(status=Status.PENDING, paid_until=None, last_payment_at=None)
    request = carry(ctx, ask(ctx, make, never))
    assert request.basis is Basis.NEVER_STARTED
    aging.close_over(ctx, now=utc_now() + timedelta(days=1))
    assert row(ctx, request.id).state is RequestState.CLOSED
    assert "access_ended" not in mails(ctx), "nothing was open"
    with ctx.db.read() as session:
        kinds = set(session.scalars(select(TimelineEntry.kind)))
    assert TimelineKind.CLOSED not in kinds


def test_an_end_whose_paid_time_is_unknown_waits_for_the_merchant(ctx, ending, set_request):
    request = ending()
    with ctx.db.begin() as session:
        session.execute(
            update(Subscription)
            .where(Subscription.id == request.subscription_id)
            .values(paid_until=None, access_until=None, ended_at=utc_now())
        )
    aging.close_over(ctx, now=utc_now() + timedelta(days=100))
    assert row(ctx, request.id).state is RequestState.CONFIRMED

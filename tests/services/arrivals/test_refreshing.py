"""A read that somebody asked for: what PayPal shows is written through the one door, every other answer has a name."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import NoResultFound

from portal.domain.subscriptions import Status
from portal.models import Payment, PayPalAccount, Subscription
from portal.services.arrivals.refreshing import Refreshed, refresh


@pytest.fixture
def merchant(make):
    return make.merchant()


@pytest.fixture
def subscription(make, merchant):
    return make.subscription(merchant=merchant)


@pytest.fixture
def read(ctx, now):
    return lambda row: refresh(ctx, row.merchant_id, row.id, now=now)


def payments_of(ctx, row) -> list[tuple[str, str, str]]:
    with ctx.db.read() as session:
        rows = session.scalars(select(Payment).where(Payment.subscription_id == row.id).order_by(Payment.paid_at))
        return [(str(one.state), f"{one.amount:.2f}", one.currency) for one in rows]


def test_the_first_read_brings_what_paypal_has_and_the_second_finds_nothing_new(read, subscription, paypal, ctx):
    paypal.happen(subscription.provider_id, "charge")
    assert read(subscription) is Refreshed.CHANGED
    assert ("completed", "29.90", "EUR") in payments_of(ctx, subscription)
    known = payments_of(ctx, subscription)
    assert read(subscription) is Refreshed.SAME
    assert payments_of(ctx, subscription) == known


def test_an_end_seen_at_paypal_goes_through_the_one_door(read, make, subscription, paypal, ctx):
    paypal.happen(subscription.provider_id, "buyer-cancels")
    assert read(subscription) is Refreshed.CHANGED
    assert make.reload(subscription).status is Status.CANCELLED
    (request,) = make.requests(subscription)
    assert str(request.channel) == "provider"
    assert read(subscription) is Refreshed.SAME
    assert len(make.requests(subscription)) == 1


@pytest.mark.parametrize(
    ("behaviour", "outcome", "suspects"),
    [
        ("401", Refreshed.KEY_REFUSED, True),
        ("403", Refreshed.MISSING_RIGHT, True),
        ("404", Refreshed.NOT_FOUND, False),
        ("500", Refreshed.NO_ANSWER, False),
        ("html-502", Refreshed.NO_ANSWER, False),
        ("429", Refreshed.TOO_MANY_CALLS, False),
    ],
)
def test_each_answer_of_paypals_has_its_own_outcome(
    read, make, subscription, paypal, ctx, behaviour, outcome, suspects
):
    paypal.rule("show", behaviour)
    assert read(subscription) is outcome
    assert make.reload(subscription).status is Status.ACTIVE
    with ctx.db.read() as session:
        tasks = session.connection().exec_driver_sql("SELECT task_name FROM procrastinate_jobs").scalars().all()
        calm = session.scalar(select(PayPalAccount.calm_until))
    assert ("paypal_keys.check" in tasks) is suspects
    assert (calm is not None) is (outcome is Refreshed.TOO_MANY_CALLS)


def test_without_a_key_that_opens_its_world_nothing_is_asked(read, make, subscription, paypal, ctx):
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(environment="live"))
    assert read(subscription) is Refreshed.OTHER_ENVIRONMENT
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(environment="sandbox", secret=b"sealed with a key that is gone"))
    assert read(subscription) is Refreshed.KEY_UNREADABLE
    with ctx.db.begin() as session:
        session.execute(PayPalAccount.__table__.delete())
    assert read(subscription) is Refreshed.NO_KEY
    assert len(paypal.calls) == 0


def test_a_classic_one_is_read_with_the_classic_key(read, make, merchant, paypal):
    make.classic_key(merchant)
    profile = make.profile(merchant=merchant)
    assert read(profile) in (Refreshed.SAME, Refreshed.CHANGED)
    assert paypal.count("nvp_get") == 1
    assert paypal.count("show") == 0
    paypal.happen(profile.provider_id, "buyer-cancels")
    assert read(profile) is Refreshed.CHANGED
    assert make.reload(profile).status is Status.CANCELLED


def test_nobody_reads_another_merchants(ctx, make, subscription, now, paypal):
    other = make.merchant()
    with pytest.raises(NoResultFound):
        refresh(ctx, other.id, subscription.id, now=now)
    with ctx.db.read() as session:
        assert session.scalar(select(Subscription.provider_id).where(Subscription.id == subscription.id))
    assert len(paypal.calls) == 0


def test_an_id_that_cannot_be_paypals_is_refused_before_any_call(read, make, merchant, paypal):
    assert read(make.subscription(merchant=merchant, provider_id="I-é")) is Refreshed.NOT_FOUND
    assert len(paypal.calls) == 0

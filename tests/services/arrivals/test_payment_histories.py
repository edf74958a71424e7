"""What was paid before the portal was connected: read once for each subscription, resumed wherever it stopped."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.demo.simulator.records import stamp
from portal.models import Payment, PayPalAccount, Subscription
from portal.queries.money import histories
from portal.services.arrivals import payment_histories
from tests.services.money.late_money import alarms

FAST = 1000.0


@pytest.fixture
def merchant(make):
    return make.merchant()


@pytest.fixture
def old(ctx, make, merchant, paypal):
    """A subscription of two years, paid each month, of which the portal knows no payment yet."""

    def begin(months=24):
        row = make.subscription(merchant=merchant)
        started = utc_now().replace(microsecond=0) - timedelta(days=30 * months + 2)
        there = paypal.subscriptions[row.provider_id]
        there.payments.clear()
        for number in range(months):
            paypal.happen(row.provider_id, "charge")
            there.payments[-1].time = stamp(started + timedelta(days=30 * number))
        with ctx.db.begin() as session:
            values = {"started_at": started, "history_due_at": utc_now()}
            session.execute(update(Subscription).where(Subscription.id == row.id).values(**values))
        return row

    return begin


def _killed(*_args, **_more):
    raise SystemExit


def read(ctx) -> int:
    return payment_histories.run(ctx, seconds=20, calls_a_second=FAST)


def paid(ctx, row) -> int:
    with ctx.db.read() as session:
        return len(session.scalars(select(Payment.id).where(Payment.subscription_id == row.id)).all())


def due_at(ctx, row):
    with ctx.db.read() as session:
        return session.scalars(select(Subscription.history_due_at).where(Subscription.id == row.id)).one()


def test_every_payment_since_the_start_is_written_once(ctx, old):
    row = old(months=24)
    assert read(ctx) == 1
    assert paid(ctx, row) == 24
    assert due_at(ctx, row) is None
    assert read(ctx) == 0
    assert alarms(ctx) == []


def test_read_twice_nothing_doubles(ctx, old):
    row = old(months=5)
    read(ctx)
    with ctx.db.begin() as session:
        session.execute(update(Subscription).values(history_due_at=utc_now()))
    read(ctx)
    assert paid(ctx, row) == 5


def test_a_paypal_that_does_not_answer_is_asked_again_later(ctx, old, paypal):
    row = old(months=3)
    paypal.rule("any", "500")
    assert read(ctx) == 0
    assert due_at(ctx, row) > utc_now() + timedelta(minutes=20)
    assert paid(ctx, row) == 0


def test_one_that_paypal_does_not_know_is_not_asked_for_ever(ctx, old, paypal):
    row = old(months=3)
    del paypal.subscriptions[row.provider_id]
    assert read(ctx) == 0
    assert due_at(ctx, row) is None


def test_without_a_key_it_waits(ctx, old, make):
    row = old(months=2)
    with ctx.db.begin() as session:
        for account in session.scalars(select(PayPalAccount)):
            session.delete(account)
    assert read(ctx) == 0
    assert due_at(ctx, row) > utc_now() + timedelta(hours=5)


def test_what_a_killed_process_left_comes_again_after_its_lease(ctx, old, monkeypatch):
    row = old(months=2)
    monkeypatch.setattr(payment_histories, "_write", _killed)
    with pytest.raises(SystemExit):
        read(ctx)
    monkeypatch.undo()
    assert utc_now() < due_at(ctx, row) <= utc_now() + payment_histories.LEASE
    with ctx.db.begin() as session:
        session.execute(update(Subscription).values(history_due_at=utc_now()))
    assert read(ctx) == 1
    assert paid(ctx, row) == 2


def test_how_far_it_is_is_counted(ctx, old, merchant):
    for months in (1, 1, 1):
        old(months=months)
    with ctx.db.read() as session:
        assert histories.progress(session, merchant.id) == (0, 3)
    payment_histories.run(ctx, seconds=0.0001, calls_a_second=2)
    with ctx.db.read() as session:
        assert histories.progress(session, merchant.id) == (1, 3)
    read(ctx)
    with ctx.db.read() as session:
        assert histories.progress(session, merchant.id) is None


def test_a_key_that_paypal_refuses_is_not_tried_for_each_of_them(ctx, old, paypal):
    rows = [old(months=1) for _ in range(4)]
    before = paypal.count("token")
    paypal.rule("token", "401")
    assert read(ctx) == 0
    assert all(due_at(ctx, row) > utc_now() + timedelta(hours=5) for row in rows)
    assert paypal.count("token") - before <= 2


def test_one_that_paypal_cannot_answer_keeps_no_other_waiting(ctx, old, paypal):
    broken, fine = old(months=1), old(months=2)
    paypal.rule("transactions", "500", only=broken.provider_id)
    read(ctx)
    assert (paid(ctx, broken), paid(ctx, fine)) == (0, 2)

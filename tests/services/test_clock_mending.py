"""What a process with a wrong clock has written ends within an hour once the clock is right (deciding test 21)."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text

from portal.clock import utc_now
from portal.domain.ends.end_requests import RequestState
from portal.domain.ends.pauses import PauseKind, PauseState
from portal.domain.money.money import Money
from portal.domain.money.refunds import RefundState
from portal.domain.money.settlements import SettlementState
from portal.domain.subscriptions import Status
from portal.models import (
    EndRequest,
    Mail,
    MailState,
    Merchant,
    PauseRequest,
    PayPalAccount,
    Refund,
    Settlement,
    Subscription,
)
from portal.services import clock_mending
from portal.services.arrivals import refreshing
from portal.services.carrying import (
    answers,
    end_carrying,
    engine,
    pause_carrying,
    refund_carrying,
    settlement_carrying,
)
from portal.services.carrying.end_carrying import ENDS
from portal.services.carrying.pause_carrying import PAUSES
from portal.services.carrying.refund_carrying import REFUNDS
from portal.services.carrying.settlement_carrying import SETTLEMENTS
from portal.services.ends import end_requests
from portal.services.money import refunds, settlements
from portal.services.money.refunds import By
from portal.services.notices import leaving
from portal.services.pauses import pauses
from tests.services.carrying.carried import wish_of
from tests.services.comparisons.comparing import compare
from tests.services.money.late_money import alarms, charged, show, stopped
from tests.services.pauses import pausing

AHEAD = [timedelta(hours=1), timedelta(days=1), timedelta(days=365)]
SHIFTS = [*AHEAD, timedelta(hours=-1), timedelta(days=-1)]
HOUR = timedelta(hours=1)


@pytest.fixture
def subscription(make):
    make.merchant()
    return make.subscription()


def one(ctx, entity):
    with ctx.db.read() as session:
        return session.scalars(select(entity)).one()


def within_the_hour(ctx, step):
    """Mend, and let the worker's minutes of one hour pass by the right clock."""
    clock_mending.mend(ctx)
    now = utc_now()
    for minutes in (0, 3, 6, 15, 30, 59):
        step(now + timedelta(minutes=minutes))


def asked(ctx, make, subscription, shift, **more):
    return end_requests.record(ctx, wish_of(subscription, **more), now=utc_now() + shift).request_id


@pytest.fixture
def carry(ctx, monkeypatch):
    """Try as a worker does at that moment."""

    def at_that_moment(kind, at):
        carrying = {
            EndRequest: end_carrying,
            PauseRequest: pause_carrying,
            Refund: refund_carrying,
            Settlement: settlement_carrying,
        }
        for module in (answers, engine, *carrying.values()):
            monkeypatch.setattr(module, "utc_now", lambda: at)
        row = one(ctx, kind)
        carrying[kind].carry_out(ctx, row.merchant_id, row.id)

    return at_that_moment


@pytest.mark.parametrize("shift", SHIFTS, ids=str)
@pytest.mark.parametrize("dies", ["recorded", "calling"])
def test_21_an_end_recorded_or_claimed_by_a_wrong_clock_is_confirmed(
    ctx, make, paypal, subscription, carry, shift, dies
):
    request_id = asked(ctx, make, subscription, shift)
    if dies == "calling":  # and the process is gone
        engine.claim(ENDS, ctx, subscription.merchant_id, request_id, now=utc_now() + shift, insist=True)

    def step(at):
        if engine.sweep(ENDS, ctx, now=at):
            carry(EndRequest, at)

    within_the_hour(ctx, step)
    assert one(ctx, EndRequest).state is RequestState.CONFIRMED
    assert make.reload(subscription).status is Status.CANCELLED
    assert paypal.count("cancel") == 1


@pytest.mark.parametrize("shift", AHEAD, ids=str)
def test_21_a_try_that_a_wrong_clock_put_off_is_due(ctx, make, paypal, subscription, carry, shift):
    asked(ctx, make, subscription, timedelta(0))
    paypal.rule("show", "500", times=1)
    carry(EndRequest, utc_now() + shift)
    assert one(ctx, EndRequest).next_try_at > utc_now() + shift

    def step(at):
        engine.sweep(ENDS, ctx, now=at)
        carry(EndRequest, at)

    within_the_hour(ctx, step)
    assert one(ctx, EndRequest).state is RequestState.CONFIRMED


@pytest.mark.parametrize("shift", SHIFTS, ids=str)
def test_21_a_pause_and_a_refund_claimed_by_a_wrong_clock_end(ctx, make, paypal, carry, shift):
    merchant = make.merchant()
    ended = stopped(ctx, make, paypal, merchant=merchant)
    show(ctx, ended, charged(paypal, ended))
    by, wrong = By(id=uuid.uuid4(), name="Anne"), utc_now() + shift
    asked_at = min(wrong, utc_now() + timedelta(days=100))  # a payment of half a year ago is refunded by nobody
    refund_id = refunds.record(ctx, merchant.id, alarms(ctx)[0].payment_id, by, now=asked_at)
    engine.claim(REFUNDS, ctx, merchant.id, refund_id, now=wrong, insist=True)
    resting = make.subscription(merchant=merchant, product=make.product(merchant, pause_offered=True))
    paused = pausing.ask(ctx, resting, staff=True, days=None).id
    engine.claim(PAUSES, ctx, merchant.id, paused, now=wrong, insist=True)

    def step(at):
        engine.sweep(REFUNDS, ctx, now=at)
        engine.sweep(PAUSES, ctx, now=at)
        carry(Refund, at)
        carry(PauseRequest, at)

    within_the_hour(ctx, step)
    assert (one(ctx, Refund).state, one(ctx, PauseRequest).state) == (RefundState.DONE, PauseState.DONE)
    assert (paypal.count("refund"), paypal.count("suspend")) == (1, 1)


@pytest.mark.parametrize("shift", AHEAD, ids=str)
def test_21_a_settlement_claimed_by_a_wrong_clock_ends(ctx, make, paypal, carry, shift):
    late = make.subscription(
        merchant=make.merchant(), status=Status.PAST_DUE, outstanding=Decimal("29.90"), failed_payments=1
    )
    due, wrong = Money(Decimal("29.90"), "EUR"), utc_now() + shift
    asked = settlements.record(ctx, late.merchant_id, late.customer_id, late.id, shown=due, now=wrong)
    engine.claim(SETTLEMENTS, ctx, late.merchant_id, asked.settlement_id, now=wrong, insist=True)

    def step(at):
        engine.sweep(SETTLEMENTS, ctx, now=at)
        carry(Settlement, at)

    within_the_hour(ctx, step)
    assert (one(ctx, Settlement).state, paypal.count("capture")) == (SettlementState.DONE, 1)


@pytest.mark.parametrize("shift", SHIFTS, ids=str)
def test_21_no_promised_day_becomes_due_by_it(ctx, make, paypal, subscription, carry, shift):
    """A planned end, a planned resume: the mending leaves their day where it is, and nothing is sent to PayPal."""
    wished = (utc_now() + timedelta(days=100)).date()
    asked(ctx, make, subscription, timedelta(0), wished_on=wished)
    resting = make.subscription(status=Status.PAUSED, next_payment_at=None)
    pauses.record(ctx, pausing.wish_of(resting, PauseKind.RESUME, staff=True), now=utc_now())
    with ctx.db.begin() as session:
        for kind in (EndRequest, PauseRequest):
            session.scalars(select(kind)).one().created_at = utc_now() + shift
    planned, resumes = one(ctx, EndRequest).due_at, one(ctx, PauseRequest).due_at

    def step(at):
        engine.sweep(ENDS, ctx, now=at)
        engine.sweep(PAUSES, ctx, now=at)
        carry(EndRequest, at)
        carry(PauseRequest, at)

    within_the_hour(ctx, step)
    end, resume = one(ctx, EndRequest), one(ctx, PauseRequest)
    assert (end.due_at, end.state, end.attempts) == (planned, RequestState.RECORDED, 0)
    assert (resume.due_at, resume.state, resume.attempts) == (resumes, PauseState.RECORDED, 0)
    assert paypal.count("cancel") == paypal.count("activate") == 0
    with ctx.db.read() as session:
        jobs = "SELECT min(scheduled_at) FROM procrastinate_jobs WHERE task_name ~ '^(end_req|pauses).*carry_out'"
        assert session.scalar(text(jobs)) == min(planned, resumes)


@pytest.mark.parametrize("shift", AHEAD, ids=str)
def test_21_a_read_that_lies_ahead_is_settled_by_a_new_one(ctx, make, paypal, subscription, shift):
    """« Contended » for ever, and a comparison of everything that finds nothing: a machine ahead had read it."""
    with ctx.db.begin() as session:
        session.get_one(Subscription, subscription.id).provider_read_at = utc_now() + shift
    paypal.happen(subscription.provider_id, "buyer-cancels")
    said = refreshing.refresh(ctx, subscription.merchant_id, subscription.id, now=utc_now())
    assert said is refreshing.Refreshed.CHANGED
    after = make.reload(subscription)
    assert after.status is Status.CANCELLED
    assert after.provider_read_at <= utc_now()


@pytest.mark.parametrize("shift", AHEAD, ids=str)
def test_21_a_comparison_reads_what_was_read_ahead(ctx, make, paypal, subscription, shift):
    with ctx.db.begin() as session:
        session.get_one(Subscription, subscription.id).provider_read_at = utc_now() + shift
    paypal.happen(subscription.provider_id, "buyer-cancels")
    with ctx.db.read() as session:
        merchant = session.get_one(Merchant, subscription.merchant_id)
    run = compare(ctx, merchant, everything=True)
    assert run.differed == 1
    assert make.reload(subscription).status is Status.CANCELLED


@pytest.mark.parametrize("shift", [timedelta(days=1), timedelta(days=365)], ids=str)
def test_21_a_mail_a_key_and_a_job_put_off_by_a_wrong_clock_are_free(ctx, make, subscription, mailer, shift):
    asked(ctx, make, subscription, shift)
    with ctx.db.begin() as session:
        session.scalars(select(PayPalAccount)).one().calm_until = utc_now() + shift + timedelta(minutes=1)
        late = {"at": utc_now() + shift + timedelta(hours=1)}
        session.execute(text("UPDATE procrastinate_jobs SET scheduled_at = :at WHERE task_name = 'mails.send'"), late)
    clock_mending.mend(ctx)
    with ctx.db.read() as session:
        for mail in session.scalars(select(Mail)):
            assert leaving.send(ctx, mail.id, now=utc_now() + timedelta(seconds=1)) is MailState.SENT
        assert session.scalars(select(PayPalAccount)).one().calm_until <= utc_now()
        jobs = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'mails.send' AND scheduled_at > now()"
        assert session.scalar(text(jobs)) == 0


def test_what_lies_ahead_by_right_is_left(ctx, make, subscription, databases_clock):
    """The ladder's own longest wait, a claim of this second, a mail that waits its minute: nothing is touched."""
    request_id = asked(ctx, make, subscription, timedelta(0))
    engine.claim(ENDS, ctx, subscription.merchant_id, request_id, now=utc_now(), insist=True)
    with ctx.db.begin() as session:
        request = session.get_one(EndRequest, request_id)
        request.attempts, request.next_try_at = 6, utc_now() + timedelta(hours=6, minutes=36)
    assert clock_mending.mend(ctx) == 0


def test_every_moment_of_open_rows_is_named_or_promised():
    """Who adds a claim, a try or a read to what waits says here what becomes of it when a clock was wrong."""
    named = {(moment.class_, moment.key) for _which, moment, _by in clock_mending.RULES}
    waiting = {moment.class_ for _which, moment, _by in clock_mending.RULES}
    watched = ("claimed_at", "next_try_at", "accepted_at", "touched_at", "given_at", "read_at", "calm_until", "send_at")
    for model in waiting:
        for column in model.__table__.columns:
            assert column.key not in watched or (model, column.key) in named, f"{model.__name__}.{column.key}"
    assert not {key for _model, key in named} & {"due_at", "resume_at", "owed_until"}

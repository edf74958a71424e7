"""Deciding test 15 from PayPal's own messages to the desk's button: one alarm, one mail each, one refund, one end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update

from portal.clock import utc_now
from portal.demo.simulator.records import moment, stamp
from portal.domain.ends.end_requests import Basis, RequestState
from portal.domain.money.late_payments import LateState
from portal.domain.money.refunds import RefundState
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import EventState, Subscription, TimelineKind
from portal.queries.money import refunds as stored
from portal.services.carrying import refund_carrying
from portal.services.messages import drains, ipn_intake, webhook_endpoints
from tests.fakes.webhooks import event
from tests.services.carrying.carried import ask, carry, entries, mails
from tests.services.messages.ipn_desk import work
from tests.services.messages.webhook_desk import WebhookDesk, changed, refund, sale
from tests.services.money.late_money import alarms, charged, payment_of, stopped, tell, watch

ACTIVATED, COMPLETED, REFUNDED = "BILLING.SUBSCRIPTION.ACTIVATED", "PAYMENT.SALE.COMPLETED", "PAYMENT.SALE.REFUNDED"


@pytest.fixture
def desk(ctx, paypal, merchant):
    return WebhookDesk(ctx, paypal, merchant)


def at_once(desk):
    """Let two workers handle the messages one by one at the same time; what one had to put off comes again."""
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as workers:
        patch.setattr(drains, "MESSAGES", 1)
        list(workers.map(lambda _row: drains.drain(desk.ctx, desk.merchant.id, now=utc_now()), desk.rows()))
    desk.work(later=timedelta(minutes=10))
    assert {row.state for row in desk.rows()} == {EventState.DONE}


def charged_the_day_after(desk, paypal, ended):
    """PayPal takes a payment, tells of it twice and once more in the same bytes, and a late word comes with it."""
    paid = charged(paypal, ended)
    resource = {**sale(paid.id, ended.provider_id, total=paid.amount), "create_time": paid.time}
    first = desk.sign(event(COMPLETED, resource, at=moment(paid.time)))
    for delivery in (
        desk.sign(event(ACTIVATED, changed(ended.provider_id), at=ended.started_at)),
        first,
        first,
        desk.sign(event(COMPLETED, resource, at=moment(paid.time))),
    ):
        desk.take_in(delivery)
    at_once(desk)
    return paid


def told_once(ctx, ended):
    for _ in range(2):
        tell(ctx)
    (late,) = alarms(ctx)
    assert entries(ctx, ended, TimelineKind.LATE_PAYMENT) == 1
    assert (mails(ctx).count("late_payment"), mails(ctx).count("merchant_late_payments")) == (1, 1)
    return late


def settled_once(ctx, ended):
    (late,) = alarms(ctx)
    assert late.state is LateState.REFUNDED
    assert entries(ctx, ended, TimelineKind.REFUNDED) == 1
    assert mails(ctx).count("late_payment_refunded") == 1


def test_15_from_the_messages_over_the_desks_button_to_the_money_back(ctx, make, paypal, merchant, desk, manager):
    ended = stopped(ctx, make, paypal, merchant=merchant)
    paid = charged_the_day_after(desk, paypal, ended)
    late = told_once(ctx, ended)
    watch(ctx)
    assert [row.actor for row in make.requests(ended)] == [Actor.CUSTOMER], "PayPal shows it as over"

    paypal.happen(ended.provider_id, "refunds-wait")
    page = manager.get("/admin/").follow("Claire Dupont – Cours de piano")
    page = page.follow("Refund €29.90").submit(press="Refund €29.90")
    assert alarms(ctx)[0].state is LateState.OPEN, "asked for is not given back"
    assert "late_payment_refunded" not in mails(ctx)

    paypal.happen(ended.provider_id, "finish-refunds")
    for _ in range(2):
        desk.send(event(REFUNDED, refund(paid.id, paid.amount)))
    at_once(desk)
    with ctx.db.read() as session:
        (asked,) = stored.of_payment(session, late.payment_id)
    for _ in range(2):
        refund_carrying.carry_out(ctx, merchant.id, asked.id, insist=True)
    settled_once(ctx, ended)
    with ctx.db.read() as session:
        assert [one.state for one in stored.of_payment(session, late.payment_id)] == [RefundState.DONE]
    assert len(paypal.subscriptions[ended.provider_id].refunds) == 1
    settled = manager.get(page.path).text
    assert "Refunded" in settled
    assert "expects it back" not in settled
    assert "Unknown" not in settled, "PayPal said no word about a refund that went well"


def test_15_one_that_paypal_shows_live_again_is_ended_a_second_time(ctx, make, paypal, merchant, desk):
    ended = stopped(ctx, make, paypal, merchant=merchant)
    row = paypal.subscriptions[ended.provider_id]
    row.status, row.status_update_time = "ACTIVE", stamp(utc_now())
    row.next_billing_time = stamp(utc_now() + timedelta(days=20))
    charged_the_day_after(desk, paypal, ended)
    told_once(ctx, ended)
    watch(ctx)
    _own, again = make.requests(ended)
    assert again.actor is Actor.SYSTEM
    for _ in range(2):
        again = carry(ctx, again)
    assert (again.state, again.basis) == (RequestState.CONFIRMED, Basis.READ_AFTER_CALL)
    assert paypal.cancelled.count(ended.provider_id) == 2
    assert make.reload(ended).status is Status.CANCELLED


def test_15_a_classic_message_raises_it_and_another_settles_it(ctx, make, paypal, merchant):
    make.classic_key(merchant)
    ended = stopped_profile(ctx, make, paypal, merchant)
    paypal.happen(ended.provider_id, "charge")
    bring(ctx, merchant, paypal, ended)
    told_once(ctx, ended)
    assert make.requests(ended)[-1].actor is Actor.CUSTOMER
    paypal.happen(ended.provider_id, "refund")
    bring(ctx, merchant, paypal, ended)
    settled_once(ctx, ended)


def test_19_classic_messages_of_a_part_reversal_and_its_cancelling_are_sums(ctx, make, paypal, merchant):
    make.classic_key(merchant)
    ended = stopped_profile(ctx, make, paypal, merchant)
    for happening in ("charge", "reverse-part"):
        paypal.happen(ended.provider_id, happening)
    bring(ctx, merchant, paypal, ended)
    (late,) = alarms(ctx)
    half = payment_of(ctx, late)
    assert (late.state, half.went_back, half.left) == (LateState.OPEN, half.amount / 2, half.amount / 2)
    paypal.happen(ended.provider_id, "cancel-reversal")
    bring(ctx, merchant, paypal, ended)
    (late,) = alarms(ctx)
    assert (late.state, payment_of(ctx, late).left) == (LateState.OPEN, half.amount)
    assert "late_payment_refunded" not in mails(ctx)


def stopped_profile(ctx, make, paypal, merchant):
    profile = make.profile(merchant=merchant)
    carry(ctx, ask(ctx, make, profile))
    day_ago = utc_now().replace(microsecond=0) - timedelta(days=1)
    with ctx.db.begin() as session:
        session.execute(update(Subscription).values(stopped_at_provider_at=day_ago, provider_status_at=day_ago))
    return make.reload(profile)


def bring(ctx, merchant, paypal, profile):
    """Bring in every message of the profile so far, in reverse, and each twice."""
    with ctx.db.begin() as session:
        token = webhook_endpoints.endpoint_of(session, merchant.id, "sandbox").token
    for body in reversed(paypal.ipn_messages(profile.provider_id) * 2):
        ipn_intake.take_in(ctx, token, body, now=utc_now())
    for minutes in (0, 10):  # a refund before its sale waits
        work(ctx, now=utc_now() + timedelta(minutes=minutes))

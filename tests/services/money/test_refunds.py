"""Refunds against PayPal's possible answers: given back once, said only when a read shows it, never forgotten."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text, update

from portal import queue
from portal.clock import utc_now
from portal.domain.ends.end_requests import Channel, Trouble
from portal.domain.ends.pauses import PauseKind, PauseState
from portal.domain.money.late_payments import LateState
from portal.domain.money.refunds import MOVES, OPEN, CannotRefund, NoRefund, RefundState
from portal.domain.policies import Actor, Role
from portal.models import PauseRequest, PaymentState, PayPalAccount, Refund, TimelineEntry, TimelineKind
from portal.providers.ports import GatewayRefused, Refusal
from portal.queries import inbox
from portal.services.carrying import engine, refund_carrying
from portal.services.carrying.refund_carrying import REFUNDS
from portal.services.keys import paypal_keys
from portal.services.money import late_payments, refunds
from portal.services.pauses import pauses
from portal.services.pauses.pauses import PauseWish
from tests.services.carrying.carried import Killed, entries, mails
from tests.services.money.late_money import (
    ANNE,
    alarms,
    charged,
    click,
    payment_of,
    refund,
    show,
    stopped,
    tell,
    told,
    try_it,
)


@pytest.fixture
def ended(ctx, make, paypal):
    make.merchant()
    return stopped(ctx, make, paypal)


@pytest.fixture
def late(ctx, paypal, ended):
    show(ctx, ended, charged(paypal, ended))
    return alarms(ctx)[0]


def once(ctx, paypal, ended):
    """Exactly one refund at PayPal, one timeline entry, one mail, a closed alarm."""
    row = paypal.subscriptions[ended.provider_id]
    assert row.payments[-1].status == "REFUNDED"
    assert len(row.refunds) <= 1
    (late,) = alarms(ctx)
    assert (late.state, payment_of(ctx, late).state) == (LateState.REFUNDED, PaymentState.REFUNDED)
    assert entries(ctx, ended, TimelineKind.REFUNDED) == 1
    assert mails(ctx).count("late_payment_refunded") == 1


def test_the_diagram_never_goes_back_and_ends_only_when_settled():
    assert {state for state, following in MOVES.items() if not following} == {RefundState.DONE, RefundState.FAILED}
    assert all(RefundState.RECORDED not in following for following in MOVES.values())
    assert all(RefundState.DONE in MOVES[state] for state in OPEN), "a read may show it as given back at any time"
    assert all(RefundState.FAILED in MOVES[state] for state in OPEN), "PayPal may take the money back at any time"


def test_a_refund_is_done_when_a_read_shows_it(ctx, paypal, ended, late):
    done = try_it(ctx, late, click(ctx, late))
    assert (done.state, done.trouble, done.actor_name) == (RefundState.DONE, None, "Anne")
    assert done.provider_id == paypal.subscriptions[ended.provider_id].refunds[0]["id"]
    assert done.debug_id
    assert paypal.count("refund") == 1
    assert entries(ctx, ended, TimelineKind.REFUND_REQUESTED) == 1
    once(ctx, paypal, ended)
    show(ctx, ended, paypal.subscriptions[ended.provider_id].payments[-1])
    once(ctx, paypal, ended)


@pytest.mark.parametrize(("happening", "state"), [("finish-refunds", "done"), ("fail-refunds", "failed")])
def test_what_paypal_calls_pending_is_followed_to_its_end(ctx, paypal, ended, late, happening, state):
    paypal.happen(ended.provider_id, "refunds-wait")
    refund_id = click(ctx, late)
    waiting = try_it(ctx, late, refund_id)
    assert (waiting.state, bool(waiting.next_try_at)) == (RefundState.PENDING, True)
    assert try_it(ctx, late, refund_id).state is RefundState.PENDING
    assert "late_payment_refunded" not in mails(ctx)
    paypal.happen(ended.provider_id, happening)
    assert try_it(ctx, late, refund_id).state == state
    assert paypal.count("refund") == 1
    if state == "done":
        once(ctx, paypal, ended)
        return
    assert alarms(ctx)[0].state is LateState.OPEN
    assert entries(ctx, ended, TimelineKind.REFUND_FAILED) == 1
    tell(ctx)
    assert mails(ctx).count("merchant_late_payments") == 1, "the merchant is told of it again"
    assert click(ctx, late) != refund_id, "another one may be asked for"


@pytest.mark.parametrize(
    ("operation", "behaviour", "state", "trouble"),
    [
        ("transactions", "500", "retrying", Trouble.UNAVAILABLE),
        ("refund", "500", "retrying", Trouble.UNAVAILABLE),
        ("refund", "timeout", "retrying", Trouble.UNAVAILABLE),
        ("refund", "html-502", "retrying", Trouble.UNAVAILABLE),
        ("refund", "empty-200", "retrying", Trouble.UNAVAILABLE),
        ("refund", "array-200", "retrying", Trouble.UNAVAILABLE),
        ("refund", "429", "retrying", Trouble.RATE_LIMITED),
        ("refund", "401", "needs_merchant", Trouble.BAD_CREDENTIALS),
        ("refund", "403", "needs_merchant", Trouble.FORBIDDEN),
        ("refund", "404", "needs_merchant", Trouble.NOT_FOUND),
        ("refund", "422-account-closed", "needs_merchant", Trouble.ACCOUNT_CLOSED),
        ("refund", "400", "needs_merchant", Trouble.REFUSED),
    ],
)
def test_each_of_paypals_answers_has_its_way_and_none_is_given_back(
    ctx, paypal, ended, late, operation, behaviour, state, trouble
):
    paypal.rule(operation, behaviour, seconds=1)
    refund_id = click(ctx, late)
    tried = try_it(ctx, late, refund_id)
    assert (tried.state, tried.trouble) == (state, trouble)
    assert tried.next_try_at > utc_now(), "somebody will try again"
    assert alarms(ctx)[0].state is LateState.OPEN
    assert "late_payment_refunded" not in mails(ctx)
    paypal.clear_rules()
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(calm_until=None))
    assert try_it(ctx, late, refund_id).state is RefundState.DONE
    once(ctx, paypal, ended)


@pytest.mark.parametrize("shows", [True, False])
def test_a_silence_after_paypal_gave_back_gives_back_once(ctx, paypal, ended, late, shows):
    """Whether or not the list of transactions shows it in time: the same id goes out again."""
    paypal.rule("refund", "silent", times=1, seconds=1)
    if not shows:
        paypal.happen(ended.provider_id, "refunds-wait")
    refund_id = click(ctx, late)
    assert try_it(ctx, late, refund_id).state is RefundState.RETRYING
    if not shows:
        assert try_it(ctx, late, refund_id).state is RefundState.PENDING
        assert paypal.count("refund") == 2
        assert len(paypal.subscriptions[ended.provider_id].refunds) == 1
        paypal.happen(ended.provider_id, "finish-refunds")
    assert try_it(ctx, late, refund_id).state is RefundState.DONE
    once(ctx, paypal, ended)


def test_a_201_that_cannot_be_read_back_is_pending_until_it_can(ctx, paypal, ended, late):
    paypal.rule("show_refund", "500", times=1)
    refund_id = click(ctx, late)
    assert try_it(ctx, late, refund_id).state is RefundState.PENDING
    assert "late_payment_refunded" not in mails(ctx)
    assert try_it(ctx, late, refund_id).state is RefundState.DONE
    once(ctx, paypal, ended)


def test_given_back_by_hand_between_our_read_and_our_call_is_seen_by_a_read(ctx, paypal, ended, late, monkeypatch):
    real = refund_carrying.note_call

    def by_hand(*args, **more):
        paypal.happen(ended.provider_id, "refund")
        return real(*args, **more)

    monkeypatch.setattr(refund_carrying, "note_call", by_hand)
    done = try_it(ctx, late, click(ctx, late))
    assert done.state is RefundState.DONE
    assert paypal.subscriptions[ended.provider_id].refunds == []
    once(ctx, paypal, ended)


def test_given_back_by_hand_before_is_not_sent_again(ctx, paypal, ended, late):
    refund_id = click(ctx, late)
    paypal.happen(ended.provider_id, "refund")
    assert try_it(ctx, late, refund_id).state is RefundState.DONE
    assert paypal.count("refund") == 0
    once(ctx, paypal, ended)


def test_already_refunded_is_believed_only_from_a_read(ctx, paypal, ended, late, monkeypatch):
    real = refund_carrying.rest_gateway

    class Lying:
        def __init__(self, gateway):
            self.list_payments, self.show_refund = gateway.list_payments, gateway.show_refund

        def refund_sale(self, *args, **more):
            raise GatewayRefused(Refusal.OTHER, http_status=422, issue="TRANSACTION_ALREADY_REFUNDED", debug_id="d1")

    monkeypatch.setattr(refund_carrying, "rest_gateway", lambda *args, **more: Lying(real(*args, **more)))
    tried = try_it(ctx, late, click(ctx, late))
    assert (tried.state, tried.trouble, tried.debug_id) == (RefundState.NEEDS_MERCHANT, Trouble.REFUSED, "d1")
    assert alarms(ctx)[0].state is LateState.OPEN


@pytest.mark.parametrize("tried", [True, False])
def test_what_paypal_took_back_nobody_here_has_given_back(ctx, paypal, ended, late, tried):
    paypal.rule("refund", "403")
    refund_id = click(ctx, late)
    if tried:
        assert try_it(ctx, late, refund_id).state is RefundState.NEEDS_MERCHANT
    paid = paypal.subscriptions[ended.provider_id].payments[-1]
    show(ctx, ended, paid, told=told(paid, "reversal", paid.amount))
    assert refund(ctx, refund_id).state is RefundState.FAILED
    assert alarms(ctx)[0].state is LateState.REFUNDED, "the customer has it all the same"
    assert who_sent_back(ctx, ended) == [""]
    assert entries(ctx, ended, TimelineKind.REFUND_FAILED) == 1


def test_a_refund_that_was_done_before_signs_no_dispute(ctx, paypal, ended, late):
    refund_id = refunds.record(ctx, late.merchant_id, late.payment_id, ANNE, amount=Decimal("10.00"), now=utc_now())
    assert try_it(ctx, late, refund_id).state is RefundState.DONE
    paid = paypal.subscriptions[ended.provider_id].payments[-1]
    rest = Decimal(paid.amount) - 10
    for size, name in (("1.00", "first"), (str(rest - 1), "second")):
        show(ctx, ended, paid, told=told(paid, "reversal", size, name=name))
    assert alarms(ctx)[0].state is LateState.REFUNDED
    assert who_sent_back(ctx, ended) == ["Anne", "", ""]


def test_what_a_dispute_left_and_staff_gave_back_is_their_refund_whose_message_comes_first(ctx, ended, late, paypal):
    paid = paypal.subscriptions[ended.provider_id].payments[-1]
    show(ctx, ended, paid, told=told(paid, "reversal", "4.00"))
    rest = Decimal(paid.amount) - 4
    refund_id = refunds.record(ctx, late.merchant_id, late.payment_id, ANNE, amount=rest, now=utc_now())
    show(ctx, ended, paid, told=told(paid, "refund", str(rest)))
    assert refund(ctx, refund_id).state is RefundState.DONE
    assert who_sent_back(ctx, ended) == ["", "Anne"]


def who_sent_back(ctx, subscription):
    """The name under which each sum is said to have gone back, the oldest first; PayPal has none."""
    with ctx.db.read() as session:
        told_of = TimelineEntry.subscription_id == subscription.id, TimelineEntry.kind == TimelineKind.REFUNDED
        rows = session.scalars(select(TimelineEntry).where(*told_of).order_by(TimelineEntry.at, TimelineEntry.id)).all()
    assert all((row.actor is Actor.STAFF) is bool(row.actor_name) for row in rows)
    return [row.actor_name for row in rows]


def test_only_what_is_left_is_given_back(ctx, paypal, ended, late):
    paypal.happen(ended.provider_id, "refund-part")
    paid = paypal.subscriptions[ended.provider_id].payments[-1]
    with ctx.db.begin() as session:
        session.execute(text("UPDATE payments SET refunded = 14.95, state = 'partially_refunded'"))
    show(ctx, ended, paid)
    done = try_it(ctx, late, click(ctx, late))
    assert (str(done.amount.normalize()), done.state) == ("14.95", RefundState.DONE)
    assert paypal.subscriptions[ended.provider_id].refunds[0]["amount"] == "14.95"
    (late,) = alarms(ctx)
    assert (late.state, payment_of(ctx, late).state) == (LateState.REFUNDED, PaymentState.REFUNDED)
    assert entries(ctx, ended, TimelineKind.REFUNDED) == 2, "each of the two sums is a fact"
    assert mails(ctx).count("late_payment_refunded") == 1


def test_six_clicks_at_once_and_five_workers_give_back_once(ctx, paypal, ended, late):
    ids, failures = [], []

    def pressed():
        try:
            ids.append(click(ctx, late))
        except Exception as error:
            failures.append(error)

    together(pressed, 6)
    assert failures == []
    assert len(set(ids)) == 1
    together(lambda: refund_carrying.carry_out(ctx, late.merchant_id, ids[0]), 5)
    assert paypal.count("refund") == 1
    once(ctx, paypal, ended)
    with pytest.raises(CannotRefund) as refused:
        click(ctx, late)
    assert refused.value.why is NoRefund.NOTHING_LEFT


def together(act, times):
    threads = [threading.Thread(target=act) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("point", ["claimed", "read", "noted", "called", "read_back"])
def test_16_a_process_killed_at_any_point_gives_back_once_and_tells_once(
    ctx, make, paypal, ended, late, point, monkeypatch
):
    refund_id = click(ctx, late)
    die_at(monkeypatch, point)
    with pytest.raises(Killed):
        refund_carrying.carry_out(ctx, late.merchant_id, refund_id)
    monkeypatch.undo()
    refund_carrying.carry_out(ctx, late.merchant_id, refund_id)
    assert refund(ctx, refund_id).state is RefundState.CALLING, "the dead process's claim still stands"
    with ctx.db.begin() as session:  # … until its time has run out, and the sweep finds it
        session.execute(text("DELETE FROM procrastinate_jobs"))
        session.execute(
            update(Refund).values(
                claimed_at=utc_now() - timedelta(minutes=9), next_try_at=utc_now() - timedelta(minutes=9)
            )
        )
    assert engine.sweep(REFUNDS, ctx, now=utc_now()) == 1
    with ctx.db.read() as session:
        assert (
            session.execute(
                select(text("count(*)"))
                .select_from(text("procrastinate_jobs"))
                .where(text("task_name='refunds.carry_out'"))
            ).scalar_one()
            == 1
        )
    refund_carrying.carry_out(ctx, late.merchant_id, refund_id)
    assert refund(ctx, refund_id).state is RefundState.DONE
    once(ctx, paypal, ended)


def die_at(monkeypatch, point):
    """Kill the process at a named point: the gateway's calls are the points between our transactions."""
    real = refund_carrying.rest_gateway

    class Dying:
        def __init__(self, gateway):
            self.gateway = gateway

        def list_payments(self, *args, **more):
            if point == "claimed":
                raise Killed
            shown = self.gateway.list_payments(*args, **more)
            if point == "read":
                raise Killed
            return shown

        def refund_sale(self, *args, **more):
            if point == "noted":
                raise Killed
            taken = self.gateway.refund_sale(*args, **more)
            if point == "called":
                raise Killed
            return taken

        def show_refund(self, refund_id):
            raise Killed

    monkeypatch.setattr(refund_carrying, "rest_gateway", lambda *args, **more: Dying(real(*args, **more)))


def test_a_classic_sale_has_no_button_and_closes_when_its_refund_shows(ctx, make, paypal):
    merchant = make.merchant()
    make.classic_key(merchant)
    profile = make.profile(merchant=merchant)
    from tests.services.carrying.carried import ask, carry

    carry(ctx, ask(ctx, make, profile))
    profile = make.reload(profile)
    assert profile.next_watch_at is None
    paid = charged(paypal, profile, after=timedelta(hours=3))
    show(ctx, profile, paid)
    (late,) = alarms(ctx)
    with pytest.raises(CannotRefund) as refused:
        click(ctx, late)
    assert refused.value.why is NoRefund.CLASSIC
    paypal.happen(profile.provider_id, "refund")
    show(ctx, profile, paid)
    assert alarms(ctx)[0].state is LateState.REFUNDED


def test_an_explanation_waits_for_an_open_refund(ctx, paypal, ended, late):
    paypal.rule("refund", "500")
    try_it(ctx, late, click(ctx, late))
    with pytest.raises(late_payments.NotOpen):
        late_payments.explain(ctx, late.merchant_id, late.id, reason="dû", by="Anne", now=utc_now())


def test_a_mended_key_sets_waiting_refunds_and_pauses_going_at_once(ctx, make, paypal, ended, late):
    paypal.rule("refund", "401")
    refund_id = click(ctx, late)
    assert try_it(ctx, late, refund_id).state is RefundState.NEEDS_MERCHANT
    live = make.subscription()
    wish = PauseWish(
        merchant_id=live.merchant_id,
        subscription_id=live.id,
        kind=PauseKind.PAUSE,
        actor=Actor.STAFF,
        role=Role.SUPPORT,
        channel=Channel.STAFF,
    )
    pause_id = pauses.record(ctx, wish, now=utc_now()).request_id
    later = utc_now() + timedelta(hours=6)
    with ctx.db.begin() as session:
        session.execute(update(Refund).values(next_try_at=later))
        session.execute(update(PauseRequest).values(state=PauseState.NEEDS_MERCHANT, next_try_at=later))
        session.execute(text("DELETE FROM procrastinate_jobs"))
    paypal.clear_rules()
    paypal_keys.check_stored(ctx, late.merchant_id, now=utc_now())
    with ctx.db.read() as session:
        found = session.execute(text("SELECT task_name, args, scheduled_at FROM procrastinate_jobs")).all()
    soon = {
        (task, args.get("refund_id") or args.get("request_id"))
        for task, args, at in found
        if at is None or at <= utc_now()
    }
    assert soon >= {("refunds.carry_out", str(refund_id)), (queue.CARRY_OUT_PAUSE, str(pause_id))}
    refund_carrying.carry_out(ctx, late.merchant_id, refund_id)
    once(ctx, paypal, ended)


def test_what_paypal_refuses_for_good_can_be_settled_otherwise(ctx, paypal, late):
    """A merchant who pays back by bank transfer is not asked for ever, and PayPal is not tried for ever."""
    paypal.rule("refund", "400")
    refund_id = click(ctx, late)
    assert try_it(ctx, late, refund_id).state is RefundState.NEEDS_MERCHANT
    late_payments.explain(ctx, late.merchant_id, late.id, reason="par virement", by="Anne", now=utc_now())
    assert alarms(ctx)[0].state is LateState.EXPLAINED
    paypal.clear_rules()
    calls = paypal.count("refund")
    assert try_it(ctx, late, refund_id).state is RefundState.FAILED
    assert paypal.count("refund") == calls


def test_a_refund_of_a_payment_that_was_kept_needs_the_merchant_once_paypal_refuses_it(ctx, paypal, late):
    """As a gesture, weeks after it was said why the payment was owed: no alarm is open that would show it."""

    def needing():
        with ctx.db.read() as session:
            found = inbox.page(session, late.merchant_id, now=utc_now(), kinds={inbox.Kind.REFUND})
            return [item.id for item in found.items], inbox.count(session, late.merchant_id, now=utc_now())

    late_payments.explain(ctx, late.merchant_id, late.id, reason="owed for May", by="Anne", now=utc_now())
    paypal.rule("refund", "400")
    _none, before = needing()
    refund_id = click(ctx, late)
    assert try_it(ctx, late, refund_id).state is RefundState.NEEDS_MERCHANT
    assert needing() == ([refund_id], before + 1)

"""What is outstanding, taken because its customer clicked: once, told only by a read, never forgotten."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import NoResultFound

from portal.clock import utc_now
from portal.domain.end_requests import Trouble
from portal.domain.money import Money
from portal.domain.settlements import CannotSettle, NoSettlement, SettlementRefusal, SettlementState
from portal.domain.subscriptions import Status
from portal.models import Payment, PayPalAccount, Settlement, Subscription, TimelineKind
from portal.providers.ports import PaymentReading
from portal.queries import subscriptions
from portal.services.arrivals import refreshing
from portal.services.carrying import engine, settlement_carrying
from portal.services.carrying.answers import Patience
from portal.services.carrying.settlement_carrying import SETTLEMENTS
from portal.services.money import payments, settlements
from portal.services.money.payments import Told
from tests.services.carrying.carried import Killed, ask, carry, entries, mails
from tests.services.messages.webhook_desk import WebhookDesk, sale

DUE = Money(Decimal("29.90"), "EUR")
DONE, FAILED = SettlementState.DONE, SettlementState.FAILED


@pytest.fixture
def merchant(make):
    return make.merchant()


@pytest.fixture
def late(make, merchant):
    """One whose last payment PayPal could not take: 29,90 EUR are outstanding."""
    return make.subscription(
        merchant=merchant,
        status=Status.PAST_DUE,
        outstanding=DUE.amount,
        failed_payments=1,
        paid_until=make.now() - timedelta(days=2),
        last_payment_at=make.now() - timedelta(days=33),
    )


def click(ctx, late, *, shown=DUE):
    """Ask as the page does, without a try yet; return the settlement's id."""
    asked = settlements.record(ctx, late.merchant_id, late.customer_id, late.id, shown=shown, now=utc_now())
    return asked.settlement_id


def settlement(ctx, settlement_id) -> Settlement:
    with ctx.db.read() as session:
        return session.get_one(Settlement, settlement_id)


def try_it(ctx, late, settlement_id, *, patience=5) -> Settlement:
    """Try as if the planned time had come."""
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(calm_until=None))
    settlement_carrying.carry_out(ctx, late.merchant_id, settlement_id, patience=Patience(answer=patience), insist=True)
    return settlement(ctx, settlement_id)


def aged(ctx, settlement_id, by):
    """Let the click, and what has left since, be older."""
    earlier = text(
        "UPDATE settlements SET created_at = created_at - :by, sent_at = sent_at - :by, accepted_at = accepted_at - :by"
        " WHERE id = :id"
    )
    with ctx.db.begin() as session:
        session.execute(earlier, {"by": by, "id": settlement_id})


def captured(paypal, late):
    """What PayPal took by our calls."""
    row = paypal.subscriptions[late.provider_id]
    return [paid for paid in row.payments if paid.id in row.captures.values() and paid.status == "COMPLETED"]


def once(ctx, make, paypal, late, settlement_id):
    """Exactly one payment at PayPal, one entry, one mail, a subscription that goes on."""
    found, (paid,) = settlement(ctx, settlement_id), captured(paypal, late)
    assert (found.state, found.trouble, found.next_try_at) == (DONE, None, None)
    assert found.provider_id in ("", paid.id)
    assert make.reload(late).status is Status.ACTIVE
    assert make.reload(late).outstanding == 0
    assert entries(ctx, late, TimelineKind.SETTLEMENT_REQUESTED) == 1
    assert entries(ctx, late, TimelineKind.SETTLED) == 1
    assert mails(ctx).count("payment_settled") == 1
    assert "settlement_failed" not in mails(ctx)


def nothing_taken(ctx, make, paypal, late, settlement_id, why):
    found = settlement(ctx, settlement_id)
    assert (found.state, found.failed_for, found.next_try_at) == (FAILED, why, None)
    assert captured(paypal, late) == []
    assert entries(ctx, late, TimelineKind.SETTLEMENT_FAILED) == 1
    assert entries(ctx, late, TimelineKind.SETTLED) == 0
    assert "payment_settled" not in mails(ctx)


def together(act, times):
    threads = [threading.Thread(target=act) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_it_is_done_when_a_read_shows_it(ctx, make, paypal, late):
    settlement_id = click(ctx, late)
    done = try_it(ctx, late, settlement_id)
    assert done.provider_id == captured(paypal, late)[0].id
    assert paypal.count("capture") == 1
    once(ctx, make, paypal, late, settlement_id)
    refreshing.refresh(ctx, late.merchant_id, late.id, now=utc_now())
    once(ctx, make, paypal, late, settlement_id)


@pytest.mark.parametrize(
    ("operation", "behaviour", "trouble"),
    [
        ("show", "500", Trouble.UNAVAILABLE),
        ("transactions", "500", Trouble.UNAVAILABLE),
        ("capture", "500", Trouble.UNAVAILABLE),
        ("capture", "503", Trouble.UNAVAILABLE),
        ("capture", "timeout", Trouble.UNAVAILABLE),
        ("capture", "html-502", Trouble.UNAVAILABLE),
        ("capture", "empty-200", Trouble.UNAVAILABLE),
        ("capture", "409", Trouble.UNAVAILABLE),
        ("capture", "429", Trouble.RATE_LIMITED),
        ("capture", "422-zero-outstanding", Trouble.STILL_LIVE),
    ],
)
def test_what_is_no_clear_answer_is_tried_again_under_the_same_id(
    ctx, make, paypal, late, operation, behaviour, trouble
):
    paypal.rule(operation, behaviour, times=1, seconds=2)
    settlement_id = click(ctx, late)
    tried = try_it(ctx, late, settlement_id, patience=1)
    assert (tried.state, tried.trouble) == (SettlementState.RETRYING, trouble)
    assert tried.next_try_at > utc_now(), "somebody will try again"
    assert not {"payment_settled", "settlement_failed"} & set(mails(ctx))
    assert try_it(ctx, late, settlement_id).state is DONE
    once(ctx, make, paypal, late, settlement_id)


def test_a_silence_after_paypal_took_it_takes_it_once(ctx, make, paypal, late):
    paypal.rule("capture", "silent", times=1, seconds=2)
    settlement_id = click(ctx, late)
    assert try_it(ctx, late, settlement_id, patience=1).state is SettlementState.RETRYING
    assert len(captured(paypal, late)) == 1
    assert "payment_settled" not in mails(ctx)
    assert try_it(ctx, late, settlement_id).state is DONE
    assert paypal.count("capture") == 1, "a read has shown it"
    once(ctx, make, paypal, late, settlement_id)


def test_a_silence_that_no_read_explains_yet_sends_the_same_id_again(ctx, make, paypal, late):
    row = paypal.subscriptions[late.provider_id]
    paypal.rule("capture", "silent", times=1, seconds=2)
    settlement_id = click(ctx, late)
    try_it(ctx, late, settlement_id, patience=1)
    (paid,) = captured(paypal, late)
    at = paid.time
    row.outstanding, row.failed_payments, paid.time = "29.90", 1, "2020-01-01T00:00:00Z"  # PayPal's reads lag
    assert try_it(ctx, late, settlement_id).state is SettlementState.VERIFYING
    assert "payment_settled" not in mails(ctx)
    row.outstanding, row.failed_payments, paid.time = "0", 0, at
    assert try_it(ctx, late, settlement_id).state is DONE
    assert paypal.count("capture") == 2
    assert row.captures == {str(settlement_id): paid.id}
    once(ctx, make, paypal, late, settlement_id)


def test_a_202_is_not_paid_and_is_only_read_from_then_on(ctx, make, paypal, late):
    paypal.rule("capture", "202", times=1)
    settlement_id = click(ctx, late)
    waiting = try_it(ctx, late, settlement_id)
    assert (waiting.state, waiting.trouble) == (SettlementState.VERIFYING, Trouble.STILL_LIVE)
    aged(ctx, settlement_id, timedelta(hours=2))
    assert try_it(ctx, late, settlement_id).state is SettlementState.RETRYING
    assert paypal.count("capture") == 1
    assert "payment_settled" not in mails(ctx)
    aged(ctx, settlement_id, timedelta(days=1))
    assert try_it(ctx, late, settlement_id).state is SettlementState.NEEDS_MERCHANT
    aged(ctx, settlement_id, timedelta(days=2))
    try_it(ctx, late, settlement_id)
    assert paypal.count("capture") == 1
    nothing_taken(ctx, make, paypal, late, settlement_id, SettlementRefusal.NOT_TAKEN)
    assert mails(ctx).count("settlement_failed") == 1
    assert click(ctx, late) != settlement_id, "another one may be asked for"


def test_what_paypal_calls_pending_is_followed_to_its_end(ctx, make, paypal, late):
    paypal.happen(late.provider_id, "captures-wait")
    settlement_id = click(ctx, late)
    assert try_it(ctx, late, settlement_id).state is SettlementState.VERIFYING
    aged(ctx, settlement_id, timedelta(days=4))
    assert try_it(ctx, late, settlement_id).is_open, "PayPal says that it is on its way"
    paypal.happen(late.provider_id, "finish-captures")
    assert try_it(ctx, late, settlement_id).state is DONE
    assert paypal.count("capture") == 1
    once(ctx, make, paypal, late, settlement_id)


def test_a_declined_card_is_told_and_the_subscription_stays_as_it_is(ctx, make, paypal, late):
    paypal.happen(late.provider_id, "captures-fail")
    settlement_id = click(ctx, late)
    try_it(ctx, late, settlement_id)
    nothing_taken(ctx, make, paypal, late, settlement_id, SettlementRefusal.DECLINED)
    assert make.reload(late).status is Status.PAST_DUE
    assert mails(ctx).count("settlement_failed") == 1


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        ("422-payer-locked", SettlementRefusal.PAYER_ACCOUNT),
        ("422-account-closed", SettlementRefusal.ACCOUNT_CLOSED),
        ("422-status-invalid", SettlementRefusal.STATUS),
        ("422-amount-greater", SettlementRefusal.SUM_CHANGED),
        ("422-currency-mismatch", SettlementRefusal.SUM_CHANGED),
        ("400", SettlementRefusal.REFUSED),
        ("401", SettlementRefusal.NO_LINK),
        ("403", SettlementRefusal.NO_LINK),
        ("404", SettlementRefusal.NO_LINK),
    ],
)
def test_a_refusal_is_the_end_of_it_with_its_reason(ctx, make, paypal, late, behaviour, why):
    paypal.rule("capture", behaviour)
    settlement_id = click(ctx, late)
    try_it(ctx, late, settlement_id)
    nothing_taken(ctx, make, paypal, late, settlement_id, why)
    assert mails(ctx).count("settlement_failed") == 1
    try_it(ctx, late, settlement_id)
    assert mails(ctx).count("settlement_failed") == 1


@pytest.mark.parametrize("behaviour", ["422-amount-greater", "401", "404"])
def test_a_refusal_after_a_silence_is_no_proof_that_nothing_was_taken(ctx, make, paypal, late, behaviour):
    paypal.rule("capture", "timeout", times=1, seconds=2)
    paypal.rule("capture", behaviour, times=2)  # a refused token is renewed once
    settlement_id = click(ctx, late)
    try_it(ctx, late, settlement_id, patience=1)
    assert try_it(ctx, late, settlement_id).is_open
    assert "settlement_failed" not in mails(ctx)
    paypal.clear_rules()
    assert try_it(ctx, late, settlement_id).state is DONE
    once(ctx, make, paypal, late, settlement_id)


def test_another_sum_at_paypal_takes_nothing(ctx, make, paypal, late):
    settlement_id = click(ctx, late)
    paypal.subscriptions[late.provider_id].outstanding = "59.80"
    try_it(ctx, late, settlement_id)
    assert paypal.count("capture") == 0
    nothing_taken(ctx, make, paypal, late, settlement_id, SettlementRefusal.SUM_CHANGED)
    assert make.reload(late).outstanding == Decimal("59.80"), "the page shows the new sum"
    with pytest.raises(CannotSettle) as refused:
        click(ctx, late)
    assert refused.value.why is NoSettlement.OTHER_SUM


def test_what_was_paid_at_paypal_meanwhile_is_seen_and_not_taken_again(ctx, make, paypal, late):
    settlement_id = click(ctx, late)
    paypal.happen(late.provider_id, "charge")
    paypal.happen(late.provider_id, "fix-payments")
    done = try_it(ctx, late, settlement_id)
    assert (done.state, paypal.count("capture")) == (DONE, 0)
    assert make.reload(late).status is Status.ACTIVE
    assert mails(ctx).count("payment_settled") == 1


def test_paypals_message_of_the_payment_may_come_before_our_answer(ctx, make, paypal, late, monkeypatch):
    """The webhook's read goes through the same doors while our call is under way."""
    real = settlement_carrying.rest_gateway

    class Slow:
        def __init__(self, gateway):
            self.show_subscription, self.list_payments = gateway.show_subscription, gateway.list_payments
            self.gateway = gateway

        def capture_outstanding(self, *args, **more):
            taken = self.gateway.capture_outstanding(*args, **more)
            reading = PaymentReading(
                provider_id=taken.provider_id, status=taken.status, amount=taken.amount, at=taken.at
            )
            with ctx.db.begin() as session:
                locked = subscriptions.lock(session, late.merchant_id, late.id)
                payments.take_over(ctx, session, locked, [reading], Told(sale_ids=()), now=utc_now())
            refreshing.refresh(ctx, late.merchant_id, late.id, now=utc_now())
            return taken

    monkeypatch.setattr(settlement_carrying, "rest_gateway", lambda *args, **more: Slow(real(*args, **more)))
    settlement_id = click(ctx, late)
    try_it(ctx, late, settlement_id)
    assert settlement(ctx, settlement_id).provider_id == captured(paypal, late)[0].id
    once(ctx, make, paypal, late, settlement_id)


def test_paypals_message_comes_where_its_answer_was_lost(ctx, make, paypal, merchant, late):
    desk = WebhookDesk(ctx, paypal, merchant)
    paypal.rule("capture", "silent", times=1, seconds=2)
    settlement_id = click(ctx, late)
    try_it(ctx, late, settlement_id, patience=1)
    (paid,) = captured(paypal, late)
    for _ in range(2):
        desk.tell("PAYMENT.SALE.COMPLETED", sale(paid.id, late.provider_id))
    desk.work()
    once(ctx, make, paypal, late, settlement_id)
    try_it(ctx, late, settlement_id)
    assert paypal.count("capture") == 1
    once(ctx, make, paypal, late, settlement_id)


def test_whoever_reads_it_first_closes_it(ctx, make, paypal, late):
    """A read for another reason, while PayPal had only accepted the call."""
    paypal.rule("capture", "202", times=1)
    settlement_id = click(ctx, late)
    try_it(ctx, late, settlement_id)
    row = paypal.subscriptions[late.provider_id]
    row.outstanding, row.failed_payments = "0", 0
    refreshing.refresh(ctx, late.merchant_id, late.id, now=utc_now())
    assert settlement(ctx, settlement_id).state is DONE
    assert entries(ctx, late, TimelineKind.SETTLED) == 1


def test_a_message_of_the_payment_alone_closes_it(ctx, make, paypal, late):
    """Its sale is shown before the subscription's own figures are."""
    paypal.happen(late.provider_id, "captures-wait")
    settlement_id = click(ctx, late)
    pending = try_it(ctx, late, settlement_id)
    reading = PaymentReading(provider_id=pending.provider_id, status="COMPLETED", amount=DUE, at=utc_now())
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, late.merchant_id, late.id)
        payments.take_over(ctx, session, locked, [reading], Told(sale_ids=()), now=utc_now())
    assert settlement(ctx, settlement_id).state is DONE


def test_six_clicks_in_two_tabs_and_five_workers_take_once(ctx, make, paypal, late):
    ids, failures = [], []

    def pressed():
        try:
            ids.append(click(ctx, late))
        except Exception as error:
            failures.append(error)

    together(pressed, 6)
    assert failures == []
    assert len(set(ids)) == 1
    together(lambda: settlement_carrying.carry_out(ctx, late.merchant_id, ids[0]), 5)
    assert paypal.count("capture") == 1
    once(ctx, make, paypal, late, ids[0])
    with pytest.raises(CannotSettle) as refused:
        click(ctx, late)
    assert refused.value.why is NoSettlement.NOT_LATE


@pytest.mark.parametrize("point", ["claimed", "read", "noted", "called", "read_back"])
def test_a_worker_killed_at_any_point_takes_once_and_tells_once(ctx, make, paypal, late, point, monkeypatch):
    settlement_id = click(ctx, late)
    die_at(monkeypatch, point)
    with pytest.raises(Killed):
        settlement_carrying.carry_out(ctx, late.merchant_id, settlement_id)
    monkeypatch.undo()
    settlement_carrying.carry_out(ctx, late.merchant_id, settlement_id)
    assert settlement(ctx, settlement_id).state is SettlementState.CALLING, "the dead process's claim still stands"
    with ctx.db.begin() as session:  # … until its time has run out, and the sweep finds it
        session.execute(text("DELETE FROM procrastinate_jobs"))
        gone = utc_now() - timedelta(minutes=9)
        session.execute(update(Settlement).values(claimed_at=gone, next_try_at=gone))
    assert engine.sweep(SETTLEMENTS, ctx, now=utc_now()) == 1
    with ctx.db.read() as session:
        jobs = session.execute(text("SELECT task_name FROM procrastinate_jobs")).scalars().all()
    assert jobs == ["settlements.carry_out"]
    settlement_carrying.carry_out(ctx, late.merchant_id, settlement_id)
    once(ctx, make, paypal, late, settlement_id)


def die_at(monkeypatch, point):
    """Kill the process at a named point: the gateway's calls are the points between our transactions."""
    real = settlement_carrying.rest_gateway

    class Dying:
        def __init__(self, gateway):
            self.gateway, self.is_called = gateway, False

        def show_subscription(self, *args, **more):
            if point == "claimed":
                raise Killed
            return self.gateway.show_subscription(*args, **more)

        def list_payments(self, *args, **more):
            shown = self.gateway.list_payments(*args, **more)
            if point == "read" or self.is_called:
                raise Killed
            return shown

        def capture_outstanding(self, *args, **more):
            if point == "noted":
                raise Killed
            taken = self.gateway.capture_outstanding(*args, **more)
            if point == "called":
                raise Killed
            self.is_called = True
            return taken

    monkeypatch.setattr(settlement_carrying, "rest_gateway", lambda *args, **more: Dying(real(*args, **more)))


def test_a_payment_of_before_is_none_of_it(ctx, make, paypal, late):
    """One of the same sum on the same day: PayPal's own try of an earlier month, settled by then."""
    paypal.rule("capture", "timeout", times=1, seconds=2)
    row = paypal.subscriptions[late.provider_id]
    paypal.happen(late.provider_id, "charge")
    row.payments[-1].amount, row.last_payment = "29.90", None
    settlement_id = click(ctx, late)
    assert try_it(ctx, late, settlement_id, patience=1).state is SettlementState.RETRYING
    with ctx.db.read() as session:
        assert session.scalars(select(Payment).where(Payment.provider_id == row.payments[-1].id)).one()
    assert try_it(ctx, late, settlement_id).state is DONE
    assert paypal.count("capture") == 2


def test_whoever_asks_for_an_end_is_asked_for_no_money(ctx, make, paypal, late):
    settlement_id = click(ctx, late)
    paypal.rule("cancel", "500")
    request = ask(ctx, make, late)
    try_it(ctx, late, settlement_id)
    assert paypal.count("capture") == 0
    nothing_taken(ctx, make, paypal, late, settlement_id, SettlementRefusal.ENDING)
    assert "settlement_failed" not in mails(ctx), "the end's own mails tell"
    with pytest.raises(CannotSettle) as refused:
        click(ctx, late)
    assert refused.value.why is NoSettlement.ENDING
    paypal.clear_rules()
    carry(ctx, request)
    assert make.reload(late).status is Status.CANCELLED


def test_an_end_that_came_at_paypal_meanwhile(ctx, make, paypal, late):
    settlement_id = click(ctx, late)
    paypal.happen(late.provider_id, "buyer-cancels")
    try_it(ctx, late, settlement_id)
    assert paypal.count("capture") == 0
    nothing_taken(ctx, make, paypal, late, settlement_id, SettlementRefusal.ENDING)


def test_a_day_without_an_answer_to_any_read_sends_nothing_any_more(ctx, make, paypal, late):
    paypal.rule("show", "500")
    settlement_id = click(ctx, late)
    assert try_it(ctx, late, settlement_id).is_open
    aged(ctx, settlement_id, timedelta(days=1))
    try_it(ctx, late, settlement_id)
    nothing_taken(ctx, make, paypal, late, settlement_id, SettlementRefusal.NO_ANSWER)


def test_a_suspended_one_is_paid_and_says_what_paypal_shows(ctx, make, paypal, late):
    paypal.subscriptions[late.provider_id].status = "SUSPENDED"
    with ctx.db.begin() as session:
        session.execute(update(Subscription).values(provider_status="SUSPENDED"))
    settlement_id = click(ctx, late)
    assert try_it(ctx, late, settlement_id).state is DONE
    assert make.reload(late).status is not Status.ACTIVE, "PayPal has not started it again"


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"status": Status.ACTIVE}, NoSettlement.NOT_LATE),
        ({"outstanding": Decimal(0)}, NoSettlement.NOTHING_OUTSTANDING),
        ({"outstanding": None}, NoSettlement.NOTHING_OUTSTANDING),
        ({"outstanding": Decimal("59.80")}, NoSettlement.OTHER_SUM),
        ({"environment": "live"}, NoSettlement.NO_KEY),
    ],
)
def test_it_is_asked_for_only_where_paypal_would_take_it(ctx, late, columns, why):
    with ctx.db.begin() as session:
        session.execute(update(Subscription).where(Subscription.id == late.id).values(**columns))
    with pytest.raises(CannotSettle) as refused:
        click(ctx, late)
    assert refused.value.why is why


def test_neither_a_classic_one_nor_a_strangers(ctx, make, merchant, late):
    make.classic_key(merchant)
    profile = make.profile(merchant=merchant, status=Status.PAST_DUE, outstanding=DUE.amount)
    with pytest.raises(CannotSettle) as refused:
        click(ctx, profile)
    assert refused.value.why is NoSettlement.CLASSIC
    with pytest.raises(NoResultFound):
        settlements.record(ctx, merchant.id, profile.customer_id, late.id, shown=DUE, now=utc_now())

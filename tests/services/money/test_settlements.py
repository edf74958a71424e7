"""What is outstanding, taken because its customer clicked: once, told only by a read, never forgotten."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import NoResultFound

from portal.clock import utc_now
from portal.domain.ends.end_requests import Trouble
from portal.domain.money.settlements import CannotSettle, NoSettlement, SettlementRefusal, SettlementState
from portal.domain.subscriptions import Status
from portal.models import Payment, Subscription
from portal.services.arrivals import refreshing
from portal.services.money import settlements
from tests.services.carrying.carried import ask, carry, mails
from tests.services.inbox.notified import by_form
from tests.services.money.settling import (
    DONE,
    DUE,
    aged,
    captured,
    click,
    late_at,
    nothing_taken,
    once,
    try_it,
)


@pytest.fixture
def merchant(make):
    return make.merchant()


@pytest.fixture
def late(make, merchant):
    return late_at(make, merchant)


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


def test_a_notice_that_comes_before_the_call_stops_it(ctx, make, paypal, late):
    settlement_id = click(ctx, late)
    by_form(ctx, late, now=utc_now())
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

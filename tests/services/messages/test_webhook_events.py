"""What a message leads to: PayPal is read; the message itself is never the truth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select, text, update

from portal.clock import utc_now
from portal.domain.subscriptions import Status
from portal.models import EventState, Mail, Payment, PayPalAccount, PayPalEvent, Plan, Subscription, TimelineEntry
from portal.queries import subscriptions
from portal.services.arrivals.import_rows import Origin
from portal.services.arrivals.rereading import reread
from portal.services.ends import endings
from portal.services.messages import events, webhook_sales
from portal.services.paypal.gateways import rest_gateway
from tests.fakes.webhooks import event
from tests.services.messages.webhook_desk import WebhookDesk, changed, refund, sale

ACTIVATED, CANCELLED = "BILLING.SUBSCRIPTION.ACTIVATED", "BILLING.SUBSCRIPTION.CANCELLED"
COMPLETED, REFUNDED = "PAYMENT.SALE.COMPLETED", "PAYMENT.SALE.REFUNDED"


@pytest.fixture
def desk(ctx, paypal, make):
    return WebhookDesk(ctx, paypal, make.merchant())


@pytest.fixture
def subscription(desk, make):
    return make.subscription(merchant=desk.merchant)


def outcome(row):
    return row.state, row.error


def all_subscriptions(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(Subscription)).all()


def paid(paypal, subscription, index=-1):
    """The simulator's payment."""
    return paypal.subscriptions[subscription.provider_id].payments[index]


# Subscriptions


def test_an_event_is_a_hint_and_what_paypal_shows_is_written(desk, make, paypal, subscription):
    row = desk.tell(CANCELLED, changed(subscription.provider_id, status="CANCELLED"))
    assert outcome(row) == (EventState.DONE, "")
    assert make.reload(subscription).status is Status.ACTIVE, "PayPal shows it active, whatever the message says"
    paypal.happen(subscription.provider_id, "buyer-cancels")
    desk.tell(ACTIVATED, changed(subscription.provider_id, status="ACTIVE"))
    assert make.reload(subscription).status is Status.CANCELLED


@pytest.mark.parametrize("word", ["RE-ACTIVATED", "RENEWED", "PAYMENT.FAILED", "SOMETHING.NEW"])
def test_types_are_told_by_their_prefix(desk, make, paypal, subscription, word):
    paypal.happen(subscription.provider_id, "buyer-cancels")
    assert outcome(desk.tell("BILLING.SUBSCRIPTION." + word, changed(subscription.provider_id)))[0] is EventState.DONE
    assert make.reload(subscription).status is Status.CANCELLED


@pytest.mark.law("R-FR-15", "R-SE-5")
def test_an_end_told_three_times_is_one_entry_and_one_mail(ctx, desk, paypal, subscription):
    paypal.happen(subscription.provider_id, "buyer-cancels")
    for _ in range(3):
        desk.tell(CANCELLED, changed(subscription.provider_id))
    with ctx.db.read() as session:
        entries = session.scalars(select(TimelineEntry.kind).where(TimelineEntry.kind == "ended")).all()
        mails = session.scalars(select(Mail.kind).where(Mail.kind == "end_confirmed")).all()
    assert (len(entries), len(mails)) == (1, 1)


def test_a_subscription_nobody_knew_comes_in_with_its_plan(ctx, desk, paypal):
    paypal.add_plan("Club des flûtes", amount="12.50")
    seen = paypal.add_subscription(email="ana@client.test")
    assert outcome(desk.tell(ACTIVATED, changed(seen.id)))[0] is EventState.DONE
    [row] = all_subscriptions(ctx)
    assert (row.provider_id, row.status, row.amount, row.merchant_id) == (
        seen.id,
        Status.ACTIVE,
        Decimal("12.5000"),
        desk.merchant.id,
    )


def test_one_that_paypal_does_not_show_leads_to_nothing(ctx, desk, subscription, paypal):
    assert outcome(desk.tell(ACTIVATED, changed("I-NOBODYKNOWS"))) == (EventState.WAITING, "not_at_paypal")
    desk.work(later=timedelta(minutes=59))
    assert desk.rows()[0].state is EventState.WAITING
    desk.work(later=timedelta(hours=2))
    assert outcome(desk.rows()[0]) == (EventState.IGNORED, "not_at_paypal")
    assert [row.status for row in all_subscriptions(ctx)] == [Status.ACTIVE]


def test_a_new_one_that_shows_a_moment_after_its_message_comes_in(ctx, desk, paypal):
    seen = paypal.add_subscription()
    paypal.rule("show", "404", 1)
    assert outcome(desk.tell(ACTIVATED, changed(seen.id))) == (EventState.WAITING, "not_at_paypal")
    desk.work(later=timedelta(minutes=2))
    assert desk.rows()[0].state is EventState.DONE
    assert [row.provider_id for row in all_subscriptions(ctx)] == [seen.id]


@pytest.mark.parametrize("kind", [CANCELLED, COMPLETED])
def test_one_that_goes_on_here_and_is_gone_at_paypal_shows_as_failed(desk, make, paypal, subscription, kind):
    paypal.forget(subscription.provider_id)
    about = changed(subscription.provider_id) if kind == CANCELLED else sale("SALE0001", subscription.provider_id)
    assert outcome(desk.tell(kind, about)) == (EventState.WAITING, "not_at_paypal")
    desk.work(later=timedelta(days=2))
    assert desk.rows()[0].state is EventState.WAITING
    desk.work(later=timedelta(days=3, hours=7))
    assert outcome(desk.rows()[0]) == (EventState.FAILED, "not_at_paypal")
    assert make.reload(subscription).status is Status.ACTIVE


def test_one_that_is_over_here_and_gone_at_paypal_leaves_nothing_to_do(desk, paypal, subscription):
    paypal.happen(subscription.provider_id, "buyer-cancels")
    desk.tell(CANCELLED, changed(subscription.provider_id))
    paypal.forget(subscription.provider_id)
    desk.tell(CANCELLED, changed(subscription.provider_id))
    desk.work(later=timedelta(hours=2))
    assert outcome(desk.rows()[-1]) == (EventState.IGNORED, "not_at_paypal")


def test_one_of_a_plan_that_paypal_does_not_show_comes_in_all_the_same(ctx, desk, paypal):
    seen = paypal.add_subscription(plan_id="P-NOSUCHPLAN")
    assert outcome(desk.tell(ACTIVATED, changed(seen.id)))[0] is EventState.DONE
    [row] = all_subscriptions(ctx)
    assert (row.provider_id, row.amount) == (seen.id, None)


def test_one_without_any_plan_waits_and_is_given_up(ctx, desk, paypal):
    seen = paypal.add_subscription(extra={"plan_id": None})
    assert outcome(desk.tell(ACTIVATED, changed(seen.id))) == (EventState.WAITING, "not_written")
    assert all_subscriptions(ctx) == []


@pytest.mark.parametrize("price", [("1e2", "EUR"), ("12", "EURO"), ("12", ""), ("NaN", "EUR")])
def test_an_odd_price_is_unknown_and_stops_nothing(ctx, desk, paypal, price):
    cycle = {
        "tenure_type": "REGULAR",
        "sequence": 1,
        "frequency": {"interval_unit": "MONTH", "interval_count": 1},
        "pricing_scheme": {"fixed_price": {"value": price[0], "currency_code": price[1]}},
    }
    seen = paypal.add_subscription(extra={"plan": {"billing_cycles": [cycle]}, "plan_overridden": True})
    assert outcome(desk.tell(ACTIVATED, changed(seen.id)))[0] is EventState.DONE
    [row] = all_subscriptions(ctx)
    assert (row.status, row.amount, row.currency) == (Status.ACTIVE, None, None)


def test_a_known_one_follows_paypal_to_another_plan(ctx, desk, make, paypal, subscription):
    other = paypal.add_plan("Club plus", amount="49.00")
    paypal.subscriptions[subscription.provider_id].plan_id = other.id
    desk.tell("BILLING.SUBSCRIPTION.UPDATED", changed(subscription.provider_id))
    after = make.reload(subscription)
    assert (after.plan.provider_id, after.amount) == (other.id, Decimal("49.0000"))


def test_an_event_of_the_other_environment_is_ignored(ctx, desk, paypal, subscription):
    with ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(environment="live"))
    row = desk.tell(CANCELLED, changed(subscription.provider_id))
    assert outcome(row) == (EventState.IGNORED, "other_environment")
    assert paypal.count("show") == 0


@pytest.mark.parametrize("kind", ["CATALOG.PRODUCT.CREATED", "BILLING.PLAN.UPDATED", "CHECKOUT.ORDER.APPROVED", "X"])
def test_other_types_are_kept_and_lead_to_nothing(desk, paypal, kind):
    assert outcome(desk.tell(kind, {"id": "PROD-1"})) == (EventState.IGNORED, "type")
    assert paypal.count("any") == paypal.count("token") == 0


def test_no_transaction_is_open_while_paypal_is_asked(ctx, desk, paypal, subscription):
    """The simulator's answer is given only if PostgreSQL shows nobody in a transaction."""
    open_ones = []
    real_show = paypal.now

    def now():
        with ctx.db.read() as session:
            open_ones.append(
                session.scalar(text("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"))
            )
        return real_show()

    paypal.now = now
    desk.tell(COMPLETED, sale(paid(paypal, subscription).id, subscription.provider_id))
    assert open_ones
    assert set(open_ones) == {0}


def test_an_answer_older_than_what_was_written_meanwhile_is_asked_for_again(ctx, desk, make, paypal, subscription):
    """While our read is on its way another worker writes a later one; PayPal's status time is the same in both."""
    origin = Origin(desk.merchant.id, "sandbox")

    class Slow:
        """A gateway whose first answer is overtaken."""

        def __init__(self, real):
            self.real, self.reads, self.show_plan = real, 0, real.show_plan

        def show_subscription(self, provider_id):
            reading = self.real.show_subscription(provider_id)
            self.reads += 1
            if self.reads == 1:
                paypal.subscriptions[provider_id].failed_payments = 2
                later = self.real.show_subscription(provider_id)
                with ctx.db.begin() as session:
                    locked = subscriptions.lock(session, desk.merchant.id, subscription.id)
                    endings.record_reading(ctx, session, locked, later, now=utc_now())
            return reading

    slow = Slow(rest_gateway(ctx, desk.merchant.id))
    reread(ctx, origin, slow, subscription.provider_id)
    after = make.reload(subscription)
    assert (slow.reads, after.failed_payments, after.status) == (2, 2, Status.PAST_DUE)


# Payments


def test_a_sale_is_written_as_paypal_shows_it(ctx, desk, paypal, subscription):
    payment = paid(paypal, subscription)
    lie = sale(payment.id, subscription.provider_id, total="9999.00", currency="USD")
    desk.tell(COMPLETED, {**lie, "create_time": payment.time})
    with ctx.db.read() as session:
        row = session.scalars(select(Payment).where(Payment.provider_id == payment.id)).one()
    assert (row.state, row.amount, row.currency) == ("completed", Decimal(payment.amount), payment.currency)
    assert row.subscription_id == subscription.id
    assert row.paid_at == datetime.fromisoformat(payment.time)


def test_a_sale_of_an_unknown_subscription_brings_the_subscription_too(ctx, desk, paypal):
    seen = paypal.add_subscription()
    desk.tell(COMPLETED, {**sale(seen.payments[-1].id, seen.id), "create_time": seen.payments[-1].time})
    assert [row.provider_id for row in all_subscriptions(ctx)] == [seen.id]
    assert desk.payments()[seen.payments[-1].id] == ("completed", "0")


def test_a_sale_told_twice_is_one_row(ctx, desk, paypal, subscription):
    payment = paid(paypal, subscription)
    for _ in range(3):
        desk.tell(COMPLETED, {**sale(payment.id, subscription.provider_id), "create_time": payment.time})
    with ctx.db.read() as session:
        assert session.scalar(select(func.count()).where(Payment.provider_id == payment.id)) == 1


def test_a_sale_that_paypal_does_not_show_yet_is_tried_again(desk, paypal, subscription):
    row = desk.tell(COMPLETED, sale("51702746VX892953R", subscription.provider_id))
    assert outcome(row) == (EventState.WAITING, "sale_not_shown")
    paypal.happen(subscription.provider_id, "charge")
    paid(paypal, subscription).id = "51702746VX892953R"
    desk.work(later=timedelta(minutes=2))
    assert desk.rows()[0].state is EventState.DONE
    assert desk.payments()["51702746VX892953R"] == ("completed", "0")


def test_a_one_off_sale_is_no_business_of_ours(desk, paypal):
    assert outcome(desk.tell(COMPLETED, sale("51702746VX892953R", None))) == (EventState.IGNORED, "one_off_sale")
    assert paypal.count("show") == 0


def test_a_refund_before_its_sale_waits_for_it(desk, paypal, subscription):
    paypal.happen(subscription.provider_id, "charge")
    payment = paid(paypal, subscription)
    paypal.happen(subscription.provider_id, "refund")
    desk.send(event(REFUNDED, refund(payment.id, payment.amount)))
    desk.work()
    assert outcome(desk.rows()[0]) == (EventState.WAITING, "sale_unknown")
    desk.tell(COMPLETED, sale(payment.id, subscription.provider_id))
    desk.work(later=timedelta(minutes=2))
    assert [row.state for row in desk.rows()] == [EventState.DONE] * 2
    assert desk.payments()[payment.id] == ("refunded", payment.amount.rstrip("0"))


def test_a_refund_of_a_sale_nobody_knows_is_let_go_after_a_day(desk):
    row = desk.tell(REFUNDED, refund("51702746VX892953R"))
    assert outcome(row) == (EventState.WAITING, "sale_unknown")
    desk.work(later=timedelta(days=1, minutes=1))
    assert outcome(desk.rows()[0]) == (EventState.IGNORED, "sale_unknown")


def charged(desk, paypal, subscription):
    """A payment of now, known here and at PayPal."""
    paypal.happen(subscription.provider_id, "charge")
    payment = paid(paypal, subscription)
    desk.tell(COMPLETED, {**sale(payment.id, subscription.provider_id), "create_time": payment.time})
    return payment


def test_a_part_refund_says_how_much_as_paypals_transactions_do_not(desk, paypal, subscription):
    payment = charged(desk, paypal, subscription)
    payment.status = "PARTIALLY_REFUNDED"
    desk.tell(REFUNDED, refund(payment.id, "10.00"))
    assert desk.payments()[payment.id] == ("partially_refunded", "10")
    desk.tell(REFUNDED, refund(payment.id, "15.5"))
    desk.tell(REFUNDED, refund(payment.id, "10.00"))
    assert desk.payments()[payment.id] == ("partially_refunded", "15.5"), "an older refund that comes late"


@pytest.mark.parametrize(
    "said",
    [("1e2", "EUR"), ("-5.00", "EUR"), ("0.0", "EUR"), ("29.91", "EUR"), ("10.00", "USD"), (10, "EUR"), ("", "")],
)
def test_money_that_cannot_be_is_not_taken_from_a_message(desk, paypal, subscription, said):
    payment = charged(desk, paypal, subscription)
    payment.status = "PARTIALLY_REFUNDED"
    row = desk.tell(REFUNDED, refund(payment.id, *said))
    assert row.state is EventState.DONE, "what PayPal's transactions say of it is written"
    assert desk.payments()[payment.id] == ("partially_refunded", "0")


def test_a_refund_that_neither_paypal_nor_the_message_shows_is_tried_again(desk, paypal, subscription):
    payment = charged(desk, paypal, subscription)
    row = desk.tell(REFUNDED, {"id": "R-1", "sale_id": payment.id})
    assert outcome(row) == (EventState.WAITING, "refund_not_shown")
    payment.status = "REFUNDED"
    desk.work(later=timedelta(minutes=2))
    assert desk.payments()[payment.id] == ("refunded", "29.9")


@pytest.mark.parametrize("name", ["sale_id", "id"])
def test_a_reversal_names_its_sale_in_either_way(desk, paypal, subscription, name):
    payment = charged(desk, paypal, subscription)
    body = {"id": "0AB12345CD678901E", name: payment.id, "amount": {"total": "-29.90", "currency": "EUR"}}
    assert desk.tell("PAYMENT.SALE.REVERSED", body).state is EventState.DONE
    assert desk.payments()[payment.id] == ("reversed", "29.9")
    desk.tell(COMPLETED, {**sale(payment.id, subscription.provider_id), "create_time": payment.time})
    assert desk.payments()[payment.id] == ("reversed", "29.9"), "no word of PayPal's transactions gives it back"


@pytest.mark.parametrize("shown", ["COMPLETED", "PARTIALLY_REFUNDED"])  # which of them PayPal shows is not known
def test_a_reversal_takes_its_own_sum_and_refunds_are_added_once(desk, paypal, subscription, shown):
    payment = charged(desk, paypal, subscription)
    payment.status = shown
    first = {"id": "0AB12345CD678901E", "sale_id": payment.id, "amount": {"total": "-10.00", "currency": "EUR"}}
    for _ in range(2):
        desk.tell("PAYMENT.SALE.REVERSED", first)
    assert desk.payments()[payment.id] == ("partially_refunded", "10")
    given = {"id": "8WB44836YW0021013", "sale_id": payment.id, "amount": {"total": "5.00", "currency": "EUR"}}
    in_all = {"total_refunded_amount": {"value": "15.00", "currency": "EUR"}}  # whether it holds reversals is not known
    desk.tell(REFUNDED, given | in_all)
    assert desk.payments()[payment.id] == ("partially_refunded", "15")
    desk.tell(
        "PAYMENT.SALE.REVERSED", {**first, "id": "0AB12345CD678902E", "amount": {"total": "-14.90", "currency": "EUR"}}
    )
    assert desk.payments()[payment.id] == ("reversed", "29.9")


@pytest.mark.parametrize(
    "amount",
    [
        {"total": "-10.00"},
        {"total": "-10.00", "currency": "USD"},
        {"total": "-29.91", "currency": "EUR"},
        "-10.00",
        None,
    ],
)
def test_a_reversal_that_says_no_sum_of_this_payment_claims_none(desk, paypal, subscription, amount):
    payment = charged(desk, paypal, subscription)
    body = {"id": "0AB12345CD678901E", "sale_id": payment.id, "amount": amount}
    assert desk.tell("PAYMENT.SALE.REVERSED", body).state is EventState.DONE
    assert desk.payments()[payment.id] == ("partially_refunded", "0")


@pytest.mark.parametrize(("word", "state"), [("PENDING", "pending"), ("DECLINED", "denied"), ("FAILED", "denied")])
def test_pending_and_denied_payments_are_rows_too(desk, paypal, subscription, word, state):
    paypal.happen(subscription.provider_id, "charge")
    payment = paid(paypal, subscription)
    payment.status = word
    desk.tell("PAYMENT.SALE.PENDING", {**sale(payment.id, subscription.provider_id), "create_time": payment.time})
    assert desk.payments()[payment.id] == (state, "0")


@pytest.mark.parametrize("amount", ["-29.90", "0.00"])
def test_a_negative_transaction_is_no_payment_and_one_of_nothing_is(desk, paypal, subscription, amount):
    paypal.happen(subscription.provider_id, "charge")
    payment = paid(paypal, subscription)
    payment.amount = amount
    row = desk.tell(COMPLETED, {**sale(payment.id, subscription.provider_id), "create_time": payment.time})
    if amount == "0.00":
        assert desk.payments()[payment.id] == ("completed", "0")
    else:
        assert outcome(row) == (EventState.WAITING, "sale_not_shown")
        assert payment.id not in desk.payments()


def test_a_word_for_a_transaction_that_nobody_has_seen_is_not_guessed(desk, paypal, subscription):
    paypal.happen(subscription.provider_id, "charge")
    paid(paypal, subscription).status = "HELD"
    row = desk.tell(COMPLETED, sale(paid(paypal, subscription).id, subscription.provider_id))
    assert outcome(row) == (EventState.WAITING, "sale_not_shown")


def test_a_replayed_sale_whose_text_was_purged_still_reads_paypal(ctx, desk, paypal, subscription):
    payment = charged(desk, paypal, subscription)
    with ctx.db.begin() as session:
        session.execute(update(PayPalEvent).values(body=None))
        session.execute(text("DELETE FROM payments"))
        events.replay(session, session.scalars(select(PayPalEvent)).one(), utc_now())
    desk.work()
    assert desk.rows()[0].state is EventState.DONE
    assert desk.payments()[payment.id] == ("completed", "0")


def test_a_replayed_refund_whose_text_was_purged_says_so(ctx, desk):
    row = desk.tell(REFUNDED, refund("51702746VX892953R"))
    with ctx.db.begin() as session:
        session.execute(update(PayPalEvent).values(body=None))
        events.replay(session, session.get_one(PayPalEvent, row.id), utc_now())
    desk.work()
    assert outcome(desk.rows()[0]) == (EventState.IGNORED, "body_purged")


def test_the_window_never_asks_paypal_for_what_has_not_happened(ctx, desk, subscription):
    """PayPal may not like an end in the future."""
    moment = datetime(2026, 11, 22, 10, tzinfo=UTC)
    row = PayPalEvent(
        merchant_id=desk.merchant.id,
        environment="sandbox",
        event_type=COMPLETED,
        subject=subscription.provider_id,
        body=None,
        happened_at=moment,
        received_at=moment,
    )
    soon = webhook_sales.find(ctx, row, now=moment + timedelta(minutes=1))
    assert soon.span == (moment - timedelta(days=2), moment + timedelta(hours=1, minutes=1))
    later = webhook_sales.find(ctx, row, now=moment + timedelta(days=30))
    assert later.span[1] == moment + timedelta(days=2)


def test_plans_are_not_doubled_by_two_messages(ctx, desk, paypal):
    paypal.add_plan("Club")
    for _ in range(2):
        desk.tell(ACTIVATED, changed(paypal.add_subscription().id))
    with ctx.db.read() as session:
        assert session.scalar(select(func.count(Plan.id))) == 1

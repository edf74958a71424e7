"""IPNs from the door to the row: none is believed before PayPal vouches for it, and then it is read (FACTS.md 3.2)."""

from __future__ import annotations

import itertools
from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlencode

import pytest
from sqlalchemy import func, select, text

from portal.clock import utc_now
from portal.domain.subscriptions import Status
from portal.models import (
    Customer,
    EventSource,
    EventState,
    Payment,
    PaymentState,
    PayPalAccount,
    PayPalEvent,
    Plan,
    Product,
    Provider,
    Subscription,
)
from portal.services.messages import event_retention, events, ipn_intake, webhook_endpoints
from portal.services.messages.events import Stored
from portal.services.messages.ipn_events import receivers_of
from tests.fakes.makers import RECEIVER


@pytest.fixture
def merchant(make):
    merchant = make.merchant(key=False)
    make.classic_key(merchant)
    return merchant


@pytest.fixture
def deliver(ctx, merchant):
    """Bring messages to the merchant's address and let their jobs run; returns the stored events, oldest first."""

    def bring(*bodies: bytes, handle: bool = True, to=None, environment: str = "sandbox") -> list[PayPalEvent]:
        with ctx.db.begin() as session:
            token = webhook_endpoints.endpoint_of(session, (to or merchant).id, environment).token
        for body in bodies:
            assert ipn_intake.take_in(ctx, token, body, now=utc_now()) is not None
        if handle:
            work(ctx)
        return stored(ctx)

    return bring


def work(ctx, *, now=None) -> None:
    """Handle what waits, due or not, as its jobs would."""
    for event in stored(ctx):
        due = max(now or utc_now(), event.next_try_at or utc_now())
        events.handle(ctx, event.id, now=due)


def stored(ctx) -> list[PayPalEvent]:
    with ctx.db.read() as session:
        return list(session.scalars(select(PayPalEvent).order_by(PayPalEvent.received_at, PayPalEvent.id)))


def rows(ctx, model):
    with ctx.db.read() as session:
        return list(session.scalars(select(model)))


def one(ctx, provider_id) -> Subscription:
    with ctx.db.read() as session:
        return session.scalars(select(Subscription).where(Subscription.provider_id == provider_id)).one()


def outcomes(found: list[PayPalEvent]) -> list[tuple[EventState, str]]:
    return [(event.state, event.error) for event in found]


def said(provider_id: str, **more: str) -> bytes:
    """A message as PayPal writes it, from the fields that matter."""
    fields = {
        "txn_type": "recurring_payment",
        "recurring_payment_id": provider_id,
        "receiver_email": RECEIVER,
        "payer_email": "claire@example.com",
        "ipn_track_id": "abc123",
        "test_ipn": "1",
        "charset": "windows-1252",
    }
    return urlencode({key: value for key, value in (fields | more).items() if value}, encoding="windows-1252").encode()


def paid(provider_id: str, txn_id: str, status: str = "Completed", gross: str = "29.90", **more: str) -> bytes:
    fields = {"txn_id": txn_id, "payment_status": status, "mc_gross": gross, "mc_currency": "EUR"}
    return said(provider_id, **(fields | {"payment_date": "03:00:00 Nov 18, 2026 PST"} | more))


def test_a_sign_up_brings_the_subscription_with_its_customer_and_its_first_payment(ctx, deliver, paypal, merchant):
    profile = paypal.add_profile(name="Club des amis", given_name="Zoë", surname="Ŝmidt", kind="button", announce=True)
    found = deliver(*paypal.ipn_messages(profile.id))
    assert {event.event_type for event in found} >= {"subscr_signup", "subscr_payment"}
    assert {(event.state, event.subject) for event in found} == {(EventState.DONE, profile.id)}
    subscription = one(ctx, profile.id)
    assert (subscription.provider, subscription.status) == (Provider.PAYPAL_CLASSIC, Status.ACTIVE)
    assert (subscription.amount, subscription.currency, subscription.interval_unit) == (
        Decimal("29.90"),
        "EUR",
        "MONTH",
    )
    (customer,) = rows(ctx, Customer)
    assert (customer.email, customer.payer_id) == ("claire@example.com", profile.payer_id)
    assert [product.name for product in rows(ctx, Product)] == ["Club des amis"]
    (payment,) = rows(ctx, Payment)
    assert (payment.state, payment.amount, payment.currency) == (PaymentState.COMPLETED, Decimal("29.90"), "EUR")
    assert payment.subscription_id == subscription.id


def test_a_payer_whom_the_api_leaves_out_is_known_from_the_message(ctx, deliver, paypal):
    profile = paypal.add_profile(given_name=None, surname=None, email=None)
    body = said(profile.id, first_name="Zoë", last_name="Smîth", payer_email="Zoe@Client.test")
    assert b"Zo%EB" in body
    paypal.add_ipn(body)
    deliver(body)
    (customer,) = rows(ctx, Customer)
    assert (customer.name, customer.email) == ("Zoë Smîth", "zoe@client.test")


def test_what_paypal_did_not_send_is_refused_and_its_body_dropped(ctx, deliver, paypal):
    profile = paypal.add_profile()
    genuine = said(profile.id)
    paypal.add_ipn(genuine)
    (event,) = deliver(genuine + b"&custom=1")
    assert (event.state, event.error, event.body) == (EventState.REFUSED, "not_paypal", None)
    assert rows(ctx, Subscription) == []
    assert paypal.count("nvp_get") == 0


def test_a_message_for_another_receiver_changes_nothing(ctx, deliver, paypal):
    profile = paypal.add_profile()
    for body in (
        paid(profile.id, "TXN00000001", receiver_email="thief@example.com"),
        paid(profile.id, "TXN00000002", receiver_email="", business="", receiver_id=""),
    ):
        paypal.add_ipn(body)
        event = deliver(body)[-1]
        assert (event.state, event.error) == (EventState.REFUSED, "other_receiver")
    assert rows(ctx, Payment) == rows(ctx, Subscription) == []
    assert paypal.count("nvp_get") == 0


@pytest.mark.parametrize(
    "named",
    [
        {"receiver_email": RECEIVER.upper()},
        {"receiver_email": "", "business": RECEIVER},
        {"receiver_email": "shop@elsewhere.test", "receiver_id": "abcdefgh12345"},
    ],
)
def test_who_is_paid_may_be_named_in_three_ways_and_any_case(ctx, deliver, paypal, merchant, named):
    with ctx.db.begin() as session:
        session.scalars(select(PayPalAccount)).one().receivers = [RECEIVER, "ABCDEFGH12345"]
    profile = paypal.add_profile()
    body = said(profile.id, **named)
    paypal.add_ipn(body)
    assert outcomes(deliver(body)) == [(EventState.DONE, "")]


@pytest.mark.parametrize(
    ("user", "address"),
    [
        ("seller_api1.example.com", "seller@example.com"),
        ("Big.Shop_api2.example.co.uk", "big.shop@example.co.uk"),
        ("nobody", "nobody"),
    ],
)
def test_the_api_user_names_the_accounts_own_address(user, address):
    assert address in receivers_of(PayPalAccount(client_id=user, receivers=[]))


def test_a_double_is_stored_once(ctx, deliver, paypal):
    profile = paypal.add_profile()
    body = paid(profile.id, "TXN00000001")
    resent = body + b"&resend=true"  # as PayPal's history page sends it again
    paypal.add_ipn(body)
    paypal.add_ipn(resent)
    assert len(deliver(body, body, handle=False)) == 1
    assert len(deliver()) == 1
    assert len(deliver(body, resent)) == 1
    assert len(rows(ctx, Payment)) == 1


def test_a_false_message_that_came_first_does_not_keep_out_the_true_one(ctx, deliver, paypal):
    profile = paypal.add_profile()
    genuine = paid(profile.id, "TXN00000001")
    paypal.add_ipn(genuine)
    found = deliver(genuine.replace(b"29.90", b"99.00"), genuine)
    assert sorted(event.state for event in found) == [EventState.DONE, EventState.REFUSED]
    assert [payment.amount for payment in rows(ctx, Payment)] == [Decimal("29.90")]


@pytest.mark.parametrize(("environment", "test_ipn"), [("sandbox", ""), ("live", "1")])
def test_our_environment_decides_not_the_messages(ctx, deliver, paypal, environment, test_ipn):
    profile = paypal.add_profile()
    body = said(profile.id, test_ipn=test_ipn)
    paypal.add_ipn(body)
    (event,) = deliver(body, environment=environment)
    assert (event.state, event.error, event.environment) == (EventState.IGNORED, "other_environment", environment)
    assert paypal.count("ipn_postback") == 0


def test_either_id_field_serves_every_type(ctx, deliver, paypal):
    profile = paypal.add_profile()
    kinds = ("subscr_cancel", "recurring_payment_profile_cancel", "recurring_payment_suspended")
    for kind, field in itertools.product(kinds, ("subscr_id", "recurring_payment_id")):
        body = said("", **{"txn_type": kind, field: profile.id, "ipn_track_id": kind + field})
        paypal.add_ipn(body)
        assert deliver(body)[-1].state is EventState.DONE
    assert one(ctx, profile.id).status is Status.ACTIVE  # six messages said otherwise; PayPal's read did not


def test_a_cancel_at_paypal_ends_it_here_however_often_and_in_whatever_order_it_is_told(ctx, make, deliver, paypal):
    ours = make.profile(kind="button")
    for action in ("charge", "buyer-cancels"):
        paypal.happen(ours.provider_id, action)
    messages = paypal.ipn_messages(ours.provider_id)
    assert len(messages) == 2
    deliver(*reversed(messages), *messages)
    assert make.reload(ours).status is Status.CANCELLED
    assert [request.state for request in make.requests(ours)] == ["confirmed"]
    assert [payment.state for payment in rows(ctx, Payment)] == [PaymentState.COMPLETED]


def test_every_order_of_a_refunds_messages_ends_alike(ctx, make, deliver, paypal):
    profile = paypal.add_profile()
    for action in ("charge", "refund-part", "refund-part"):
        paypal.happen(profile.id, action)
    messages = paypal.ipn_messages(profile.id)
    assert len(messages) == 3
    seen = set()
    for order in itertools.permutations(messages):
        with ctx.db.begin() as session:
            session.execute(text("DELETE FROM payments"))
            session.execute(text("DELETE FROM paypal_events"))
        deliver(*order)
        work(ctx, now=utc_now() + timedelta(minutes=10))  # a refund before its sale waits
        (payment,) = rows(ctx, Payment)
        seen.add((payment.state, payment.amount, payment.refunded))
        assert {event.state for event in stored(ctx)} == {EventState.DONE}
    # Half of 29.90, and half of the other half.
    assert seen == {(PaymentState.PARTIALLY_REFUNDED, Decimal("29.9000"), sum_of_refunds(messages))}


def sum_of_refunds(messages: list[bytes]) -> Decimal:
    from urllib.parse import parse_qs

    gross = [Decimal(parse_qs(body.decode())["mc_gross"][0]) for body in messages]
    return -sum(amount for amount in gross if amount < 0)


def test_a_refund_handled_twice_counts_once(ctx, deliver, paypal):
    profile = paypal.add_profile()
    for action in ("charge", "refund-part"):
        paypal.happen(profile.id, action)
    deliver(*paypal.ipn_messages(profile.id))
    (before,) = rows(ctx, Payment)
    with ctx.db.begin() as session:
        for event in session.scalars(select(PayPalEvent)):
            events.replay(session, event, utc_now())
    work(ctx)
    (after,) = rows(ctx, Payment)
    assert (after.refunded, after.state) == (before.refunded, before.state)
    assert Decimal(0) < after.refunded < after.amount


def test_a_refund_that_names_only_its_sale_finds_its_subscription(ctx, deliver, paypal):
    profile = paypal.add_profile()
    sale = paid(profile.id, "SALE0000001")
    refund = said(
        "",
        txn_type="",
        txn_id="BACK0000001",
        parent_txn_id="SALE0000001",
        payment_status="Refunded",
        mc_gross="-29.90",
        mc_currency="EUR",
    )
    paypal.add_ipn(sale)
    paypal.add_ipn(refund)
    found = deliver(sale, refund)
    assert outcomes(found) == [(EventState.DONE, "")] * 2
    assert found[1].event_type == "refunded"
    (payment,) = rows(ctx, Payment)
    assert (payment.state, payment.refunded) == (PaymentState.REFUNDED, Decimal("29.90"))


def test_a_refund_of_a_sale_from_before_our_time_is_done_after_a_day(ctx, deliver, paypal):
    profile = paypal.add_profile()
    body = paid(profile.id, "BACK0000001", "Refunded", "-10.00", parent_txn_id="SALE0000000", txn_type="")
    paypal.add_ipn(body)
    (event,) = deliver(body)
    assert (event.state, event.error) == (EventState.WAITING, "sale_not_shown")
    work(ctx, now=utc_now() + timedelta(days=1, minutes=1))
    assert outcomes(stored(ctx)) == [(EventState.DONE, "sale_unknown")]
    assert rows(ctx, Payment) == []


def test_a_pending_payment_clears_and_a_late_word_does_not_turn_it_back(ctx, deliver, paypal):
    profile = paypal.add_profile()
    pending, cleared = paid(profile.id, "TXN00000001", "Pending"), paid(profile.id, "TXN00000001")
    for body in (pending, cleared):
        paypal.add_ipn(body)
    deliver(cleared, pending)
    assert [payment.state for payment in rows(ctx, Payment)] == [PaymentState.COMPLETED]


@pytest.mark.parametrize("gross", ["1e2", "-5.00", "NaN", "9" * 20, ""])
def test_money_that_is_none_makes_no_payment(ctx, deliver, paypal, gross):
    profile = paypal.add_profile()
    body = paid(profile.id, "TXN00000001", gross=gross)
    paypal.add_ipn(body)
    assert outcomes(deliver(body)) == [(EventState.DONE, "")]
    assert rows(ctx, Payment) == []
    assert one(ctx, profile.id).status is Status.ACTIVE


def test_what_is_about_no_subscription_is_kept_and_ignored(ctx, deliver, paypal):
    body = said("", txn_type="web_accept", txn_id="TXN00000001", payment_status="Completed")
    paypal.add_ipn(body)
    (event,) = deliver(body)
    assert (event.state, event.error, event.body) == (EventState.IGNORED, "no_subscription", body)


def test_an_old_profile_is_told_from_one_that_paypal_does_not_show(ctx, deliver, paypal):
    old, foreign = said("S-1AB23456CD789012E"), said("I-FOREIGN00001", ipn_track_id="other")
    for body in (old, foreign):
        paypal.add_ipn(body)
    deliver(old, foreign)
    assert {event.subject: (event.state, event.error) for event in stored(ctx)} == {
        "S-1AB23456CD789012E": (EventState.IGNORED, "old_profile"),
        "I-FOREIGN00001": (EventState.WAITING, "not_at_paypal"),
    }
    work(ctx, now=utc_now() + timedelta(hours=2))
    assert (EventState.IGNORED, "not_at_paypal") in outcomes(stored(ctx))


def test_without_a_classic_key_messages_wait_for_it(ctx, make, deliver, paypal):
    merchant = make.merchant(key=False)
    profile = paypal.add_profile()
    body = said(profile.id, receiver_email="seller@demo.example")
    paypal.add_ipn(body)
    assert outcomes(deliver(body, to=merchant)) == [(EventState.WAITING, "no_key")]
    make.classic_key(merchant, receivers=["seller@demo.example"])
    paypal.state.classic_accounts.clear()
    make.paypal.add_classic_account(*CLASSIC_KEY)
    paypal.subscriptions[profile.id].client_id = CLASSIC_KEY[0]
    work(ctx, now=utc_now() + timedelta(hours=1))
    assert outcomes(stored(ctx)) == [(EventState.DONE, "")]


CLASSIC_KEY = ("seller_api1.client.test", "secret-of-the-tests-classic", "secret-of-the-tests-signature")


def test_a_subscription_of_rest_is_left_to_its_webhooks(ctx, make, deliver, merchant, paypal):
    subscription = make.subscription(merchant=merchant)
    body = said(subscription.provider_id)
    paypal.add_ipn(body)
    assert outcomes(deliver(body)) == [(EventState.IGNORED, "rest_subscription")]


def test_of_what_paypal_did_not_send_nothing_is_kept_whatever_it_is_about(ctx, make, deliver, merchant, paypal):
    rest = make.subscription(merchant=merchant)
    for body in (said(rest.provider_id), said("", txn_type="web_accept"), said("I-AAAAAAAA1111", test_ipn="")):
        deliver(body)
    assert sorted(outcomes(stored(ctx))) == [
        (EventState.IGNORED, "other_environment"),
        (EventState.REFUSED, "not_paypal"),
        (EventState.REFUSED, "not_paypal"),
    ]
    assert [event.body for event in stored(ctx)] == [None] * 3


@pytest.mark.parametrize(
    ("operation", "behaviour"),
    [
        ("ipn_postback", "500"),
        ("ipn_postback", "html-502"),
        ("ipn_postback", "empty-200"),
        ("ipn_postback", "array-200"),
        ("nvp_get", "nvp-10001"),
        ("nvp_get", "nvp-no-ack"),
        ("nvp_get", "html-502"),
        ("nvp_get", "other-id"),
        ("nvp_get", "429"),
    ],
)
def test_what_cannot_be_asked_now_waits(ctx, deliver, paypal, operation, behaviour):
    profile = paypal.add_profile()
    body = said(profile.id)
    paypal.add_ipn(body)
    paypal.rule(operation, behaviour, 1)
    (event,) = deliver(body)
    assert event.state is EventState.WAITING
    assert rows(ctx, Subscription) == []
    with ctx.db.begin() as session:  # the calm of a 429 is over
        session.execute(text("UPDATE paypal_accounts SET calm_until = NULL"))
    work(ctx)
    assert outcomes(stored(ctx)) == [(EventState.DONE, "")]


@pytest.mark.parametrize("behaviour", ["401", "403"])
def test_a_refused_key_is_tested_soon_and_the_message_waits(ctx, deliver, paypal, behaviour):
    profile = paypal.add_profile()
    body = said(profile.id)
    paypal.add_ipn(body)
    paypal.rule("nvp_get", behaviour, 1)
    (event,) = deliver(body)
    assert event.state is EventState.WAITING
    with ctx.db.read() as session:
        asked = text("SELECT args ->> 'provider' FROM procrastinate_jobs WHERE task_name = 'paypal_keys.check'")
        assert session.scalars(asked).all() == ["paypal_classic"]


def test_a_missed_life_is_caught_up_by_its_last_message(ctx, make, deliver, paypal):
    ours = make.profile()
    for action in ("charge", "fail-payments", "suspend-for-failures", "buyer-cancels"):
        paypal.happen(ours.provider_id, action)
    deliver(paypal.ipn_messages(ours.provider_id)[-1])
    assert make.reload(ours).status is Status.CANCELLED


def test_a_hint_of_a_suspension_is_read_as_what_it_is(ctx, make, deliver, paypal):
    ours = make.profile()
    paypal.happen(ours.provider_id, "suspend-for-failures")
    messages = paypal.ipn_messages(ours.provider_id)
    assert b"profile_status=Suspended" in messages[-1]
    deliver(*messages)
    assert make.reload(ours).status is Status.PAST_DUE


def test_intake_knows_only_addresses_we_gave(ctx):
    assert ipn_intake.take_in(ctx, "x" * 43, b"txn_type=web_accept", now=utc_now()) is None
    assert stored(ctx) == []


def test_two_merchants_do_not_see_each_others_messages(ctx, make, deliver, merchant):
    other = make.merchant(key=False)
    body = said("I-AAAAAAAA1111")
    deliver(body, handle=False)
    deliver(body, to=other, handle=False)
    assert {event.merchant_id for event in stored(ctx)} == {merchant.id, other.id}
    assert {event.source for event in stored(ctx)} == {EventSource.IPN}


def test_a_message_keeps_when_it_happened(ctx, deliver, now):
    (event,) = deliver(paid("I-AAAAAAAA1111", "TXN00000001"), handle=False)
    assert event.happened_at.isoformat() == "2026-11-18T11:00:00+00:00"
    with ctx.db.begin() as session:
        token = webhook_endpoints.endpoint_of(session, event.merchant_id, "sandbox").token
    assert ipn_intake.take_in(ctx, token, event.body, now=utc_now()) is Stored.KNOWN
    with ctx.db.read() as session:
        jobs = select(func.count()).select_from(text("procrastinate_jobs WHERE task_name = 'events.handle'"))
        assert session.scalar(jobs) == 1


def test_terms_make_plans_and_descriptions_make_products(ctx, deliver, paypal):
    terms = [("Club", "10.00"), ("Club", "10.00"), ("Club", "12.00"), ("Cours", "10.00")]
    profiles = [
        paypal.add_profile(name=name, amount=amount, email=f"c{n}@x.y") for n, (name, amount) in enumerate(terms)
    ]
    bodies = [said(profile.id, ipn_track_id=profile.id, payer_email="") for profile in profiles]
    for body in bodies:
        paypal.add_ipn(body)
    deliver(*bodies)
    assert len(rows(ctx, Plan)) == 3
    assert sorted(product.name for product in rows(ctx, Product)) == ["Club", "Cours"]


def test_a_refund_after_the_bodies_were_purged_is_added_to_the_one_before(ctx, deliver, paypal):
    profile = paypal.add_profile()
    sale = paid(profile.id, "SALE00000001")
    first, second = (
        paid(profile.id, f"REFUND00000{n}", "Refunded", gross, txn_type="", parent_txn_id="SALE00000001")
        for n, gross in enumerate(("-10.00", "-5.00"))
    )
    for body in (sale, first, second):
        paypal.add_ipn(body)
    deliver(sale, first)
    assert event_retention.purge(ctx, now=utc_now() + timedelta(days=31)) == 2
    deliver(second)
    (payment,) = rows(ctx, Payment)
    assert (payment.state, payment.refunded) == (PaymentState.PARTIALLY_REFUNDED, Decimal("15.00"))


def test_refunds_never_come_to_more_than_was_paid(ctx, deliver, paypal):
    profile = paypal.add_profile()
    bodies = [paid(profile.id, "SALE00000001")] + [
        paid(profile.id, f"REFUND00000{n}", "Refunded", "-29.00", txn_type="", parent_txn_id="SALE00000001")
        for n in range(2)
    ]
    for body in bodies:
        paypal.add_ipn(body)
    deliver(*bodies)
    (payment,) = rows(ctx, Payment)
    assert (payment.state, payment.refunded) == (PaymentState.REFUNDED, Decimal("29.90"))


def test_every_order_of_a_part_reversal_and_its_cancelling_ends_alike(ctx, deliver, paypal):
    """The cancelling names the sale, or (as some report) the reversal itself."""
    profile = paypal.add_profile()
    stories = [("Reversed", "-10.00"), ("Reversed", "-5.00"), ("Canceled_Reversal", "10.00")]
    for number, order in enumerate(itertools.permutations(range(3))):
        sale = f"SALE0000000{number}"
        moves = [
            paid(profile.id, f"BACK00000{number}{n}", word, gross, txn_type="", parent_txn_id=sale)
            for n, (word, gross) in enumerate(stories)
        ]
        bodies = [paid(profile.id, sale), *(moves[place] for place in order), moves[order[0]]]
        for body in bodies:
            paypal.add_ipn(body)
        assert {event.state for event in deliver(*bodies)} == {EventState.DONE}
    for payment in rows(ctx, Payment):
        assert (payment.state, payment.went_back, payment.left) == (
            PaymentState.PARTIALLY_REFUNDED,
            Decimal("5.00"),
            Decimal("24.90"),
        )


@pytest.mark.parametrize("parent", ["SALE00000001", "BACK00000001"])
def test_a_cancelled_reversal_gives_the_payment_back(ctx, deliver, paypal, parent):
    profile = paypal.add_profile()
    taken = paid(profile.id, "BACK00000001", "Reversed", "-29.90", txn_type="", parent_txn_id="SALE00000001")
    again = paid(profile.id, "BACK00000002", "Canceled_Reversal", "29.90", txn_type="", parent_txn_id=parent)
    for body in (sale := paid(profile.id, "SALE00000001"), taken, again):
        paypal.add_ipn(body)
    deliver(sale, taken)
    assert [payment.state for payment in rows(ctx, Payment)] == [PaymentState.REVERSED]
    assert {event.state for event in deliver(again, again)} == {EventState.DONE}
    assert [(payment.state, payment.left) for payment in rows(ctx, Payment)] == [
        (PaymentState.COMPLETED, Decimal("29.90"))
    ]


def test_an_old_failure_does_not_make_a_paying_profile_late(ctx, make, deliver, paypal):
    ours = make.profile()
    row = paypal.subscriptions[ours.provider_id]
    row.failed_in_all = 2
    paypal.happen(ours.provider_id, "charge")
    deliver(*paypal.ipn_messages(ours.provider_id))
    assert make.reload(ours).status is Status.ACTIVE
    row.outstanding = "29.90"
    body = said(ours.provider_id, ipn_track_id="late")
    paypal.add_ipn(body)
    deliver(body)
    assert (make.reload(ours).status, make.reload(ours).failed_payments) == (Status.PAST_DUE, 1)

"""IPNs from the door to the row: none is believed before PayPal vouches for it, and then it is read (FACTS.md 3.2)."""

from __future__ import annotations

import itertools
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.subscriptions import Status
from portal.models import (
    Customer,
    EventSource,
    EventState,
    Payment,
    PaymentState,
    PayPalAccount,
    Plan,
    Product,
    Provider,
    Subscription,
)
from portal.services.messages import ipn_intake, webhook_endpoints
from portal.services.messages.events import Stored
from portal.services.messages.ipn_events import receivers_of
from tests.fakes.makers import RECEIVER
from tests.services.messages.ipn_desk import one, outcomes, paid, rows, said, stored, work


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
    assert len(stored(ctx)) == 1


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

"""What other systems are told, and what not: once each, as it happened, and nothing that says who somebody is."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text, update

from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.ends.end_requests import Trouble
from portal.domain.ends.pauses import PauseKind
from portal.domain.integrations.outgoing_events import EventType
from portal.domain.money.money import Money
from portal.domain.money.payments import Move, MoveKind
from portal.domain.policies import Actor
from portal.domain.subscriptions import Action, Status
from portal.models import Customer, EventDelivery, Merchant, OutgoingEvent, Subscription
from portal.providers.ports import PaymentReading, PlanReading, Reading
from portal.queries import subscriptions
from portal.services.ends import end_requests, end_withdrawals, endings
from portal.services.imports import imports
from portal.services.money import payments
from portal.services.money.payments import Told
from portal.services.outgoing import event_payloads
from portal.services.own_data import erasing
from portal.services.people import customer_identity
from tests.services.carrying.carried import ask, carry, wish_of
from tests.services.money import test_given_back as given
from tests.services.pauses import pausing

OWED = Money(Decimal("29.90"), "EUR")
GONE = "http://127.0.0.1:9/hook"


@pytest.fixture
def subscription(make):
    make.merchant()
    return make.subscription()


@pytest.fixture
def told(make, endpoints, subscription):
    """An endpoint of the subscription's merchant, for everything; gives the types of what was written."""
    endpoints.make(type("Merchant", (), {"id": subscription.merchant_id}), GONE)
    return endpoints.types


def show(ctx, subscription, status, *, at=None, **facts):
    """Let PayPal show something, through the one door."""
    reading = Reading(provider_id=subscription.provider_id, status=status, status_at=at, **facts)
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, subscription.merchant_id, subscription.id)
        endings.record_reading(ctx, session, locked, reading, now=utc_now())


def pay(ctx, subscription, *, days_ago=0, sale="SALE1", status="COMPLETED", told=Told(sale_ids=())):  # noqa: B008
    paid = PaymentReading(
        provider_id=sale,
        status=status,
        amount=Money(Decimal("29.9"), "EUR"),
        at=utc_now() - timedelta(days=days_ago, minutes=1),
    )
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, subscription.merchant_id, subscription.id)
        payments.take_over(ctx, session, locked, [paid], told, now=utc_now())


def test_where_nobody_wants_to_know_nothing_is_written_and_no_question_is_asked_for_it(
    ctx, make, endpoints, statements, subscription
):
    with statements() as seen:
        ask(ctx, make, subscription)
    assert endpoints.events() == []
    about = [one for one in seen if "event_endpoints" in one or "outgoing_events" in one]
    assert all(" merchants" in one and "outgoing_events" not in one for one in about), "with the merchant’s own row"


def test_an_end_is_told_as_asked_as_taken_back_and_as_ended_when_paypal_says_so(ctx, make, subscription, told):
    request = ask(ctx, make, subscription)
    end_withdrawals.withdraw(ctx, subscription.merchant_id, subscription.customer_id, request.reference, now=utc_now())
    request = ask(ctx, make, subscription)
    assert told() == ["subscription.end_requested", "subscription.updated", "subscription.end_requested"]
    carry(ctx, request)
    carry(ctx, request)
    show(ctx, subscription, "CANCELLED", at=utc_now())
    assert told()[3:] == ["subscription.ended"]


def test_an_end_seen_at_paypal_is_told_once_with_paypals_time(ctx, endpoints, make, subscription, told):
    moment = utc_now().replace(microsecond=0) - timedelta(hours=5)
    show(ctx, subscription, "CANCELLED", at=moment)
    show(ctx, subscription, "CANCELLED", at=moment)
    (event,) = endpoints.events()
    assert (event.type, event.at, event.sequence) == (EventType.SUBSCRIPTION_ENDED, moment, 1)
    assert event.facts == {
        "customer": f"cus_{subscription.customer_id.hex}",
        "outcome": "cancelled",
        "access_until": event.facts["access_until"],
        "is_test": True,
    }
    end_requests.mark_abandoned(ctx, wish_of(subscription, Action.ABANDON, actor=Actor.STAFF), now=utc_now())
    assert told() == ["subscription.ended", "subscription.updated"]


@pytest.mark.parametrize(
    ("before", "word", "facts", "said"),
    [
        (
            Status.ACTIVE,
            "ACTIVE",
            {"failed_payments": 1, "outstanding": Money(Decimal("29.90"), "EUR")},
            "payment_failed",
        ),
        (Status.ACTIVE, "SUSPENDED", {}, "paused"),
        (Status.PAUSED, "ACTIVE", {}, "resumed"),
        (Status.PENDING, "ACTIVE", {}, "started"),
        (Status.PAST_DUE, "ACTIVE", {"outstanding": Money(Decimal(0), "EUR")}, "updated"),
    ],
)
def test_a_state_seen_at_paypal_is_told_by_what_it_means(ctx, make, endpoints, before, word, facts, said):
    merchant = make.merchant()
    subscription = make.subscription(merchant=merchant, status=before)
    endpoints.make(merchant, GONE)
    for _ in range(2):
        show(ctx, subscription, word, at=utc_now(), next_billing_at=utc_now() + timedelta(days=20), **facts)
    assert endpoints.types() == [f"subscription.{said}"]


def test_a_pause_and_a_resume_asked_for_here(ctx, make, subscription, told):
    with ctx.db.begin() as session:
        session.execute(text("UPDATE products SET pause_offered = true"))
    pausing.carry(ctx, pausing.ask(ctx, subscription))
    resume = pausing.ask(ctx, subscription, PauseKind.RESUME)
    pausing.due_now(ctx, resume)
    pausing.carry(ctx, resume)
    assert told() == ["subscription.paused", "subscription.resumed"]


def test_an_import_of_old_ones_is_no_news_and_a_sale_of_today_is(ctx, make, paypal, endpoints):
    merchant = make.merchant()
    endpoints.make(merchant, GONE)
    paypal.add_subscription(started_at=utc_now() - timedelta(days=400))
    fresh = paypal.add_subscription(started_at=utc_now() - timedelta(hours=1))
    imports.run_import(ctx, imports.start_or_resume(ctx, merchant.id).id)
    (event,) = [one for one in endpoints.events() if one.type is EventType.SUBSCRIPTION_STARTED]
    with ctx.db.read() as session:
        assert session.get_one(Subscription, event.subject_id).provider_id == fresh.id


def test_a_payment_is_told_once_and_what_went_back_of_it_as_often_as_it_grows(
    ctx, paypal, endpoints, subscription, told
):
    payment = given.taken(ctx, paypal, subscription)
    pay(ctx, subscription, sale=payment.provider_id)
    assert told() == ["payment.completed"]
    for part in ("10.00", "5.00"):
        asked = given.ask(ctx, payment, part)
        given.carry(ctx, payment, asked)
        given.carry(ctx, payment, asked)
    events = endpoints.events()
    assert [one.type.value for one in events] == ["payment.completed", "payment.refunded", "payment.refunded"]
    assert [one.facts.get("refunded") for one in events] == [
        None,
        {"value": "10.00", "currency": "EUR"},
        {"value": "15.00", "currency": "EUR"},
    ]
    assert {one.subject_id for one in events} == {payment.id}
    assert [one.sequence for one in events] == [1, 2, 3]


def test_the_same_sum_that_goes_back_again_is_told_again(ctx, endpoints, subscription, told):
    """A dispute takes it, PayPal gives it to the merchant again, and the merchant refunds it after all."""
    pay(ctx, subscription)
    for kind in (MoveKind.REVERSAL, MoveKind.REVERSAL_CANCELLED, MoveKind.REFUND):
        move = Move(kind=kind, id=f"PAYPAL-{kind}", amount=Money(Decimal("29.90"), "EUR"))
        for _ in range(2):  # and doubled
            pay(ctx, subscription, told=Told(sale_ids=("SALE1",), move=move))
    back = [one.facts["refunded"]["value"] for one in endpoints.events() if one.type is EventType.PAYMENT_REFUNDED]
    assert back == ["29.90", "29.90"]


def test_a_payment_on_its_way_is_told_when_it_is_there(ctx, subscription, told):
    pay(ctx, subscription, status="PENDING")
    assert told() == []
    pay(ctx, subscription)
    assert told() == ["payment.completed"]


@pytest.mark.parametrize(("days_ago", "count"), [(1, 1), (40, 0)])
def test_what_was_paid_before_the_portal_knew_of_it_is_history(ctx, subscription, told, days_ago, count):
    with ctx.db.begin() as session:
        session.execute(update(Subscription).values(history_due_at=utc_now()))
    pay(ctx, subscription, days_ago=days_ago)
    assert told().count("payment.completed") == count


def test_once_its_history_is_read_a_payment_that_is_told_late_is_told(ctx, subscription, told):
    pay(ctx, subscription, days_ago=12)
    assert told() == ["payment.completed"]


def test_a_request_that_needs_the_merchant_is_told_under_its_own_id(ctx, make, paypal, endpoints, subscription, told):
    paypal.rule("cancel", "403")
    request = carry(ctx, ask(ctx, make, subscription))
    assert request.trouble is Trouble.FORBIDDEN
    event = endpoints.events()[-1]
    assert (event.type, event.subject_id) == (EventType.REQUEST_NEEDS_MERCHANT, request.id)
    assert event.facts["trouble"] == "forbidden"
    assert event.facts["subscription"] == f"sub_{subscription.id.hex}"


def test_what_was_rolled_back_was_never_told_and_leaves_no_gap(ctx, make, endpoints, subscription, told):
    reading = Reading(provider_id=subscription.provider_id, status="SUSPENDED", status_at=utc_now())
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, subscription.merchant_id, subscription.id)
        endings.record_reading(ctx, session, locked, reading, now=utc_now())
        session.rollback()
    show(ctx, subscription, "SUSPENDED", at=utc_now())
    assert [one.sequence for one in endpoints.events()] == [1]


def test_of_an_erased_customer_ids_are_told_and_nothing_that_says_who_they_were(ctx, make, endpoints, receiver):
    """What waits when they are erased leaves without them too: it is read when it is sent."""
    merchant = make.merchant()
    customer = make.customer(merchant, name="Zoé Martin", email="zoe.martin@client.test")
    made = endpoints.make(merchant, receiver.url, is_full=True)
    wish = customer_identity.Identity(name="Zoé M. Martin", locale="fr", contact_allowed=True, email=customer.email)
    customer_identity.save(ctx, merchant.id, customer.id, wish, by=By(), now=utc_now())
    assert endpoints.types() == ["customer.updated"]
    with ctx.db.begin() as session:
        erasing.erase(session, session.get_one(Customer, customer.id), now=utc_now())
    endpoints.drain(made)
    (got,) = receiver.got
    data = json.loads(got.body)["data"]
    assert data["id"] == f"cus_{customer.id.hex}"
    assert data["erased_at"] is not None
    assert b"Zo" not in got.body
    assert b"client.test" not in got.body
    with ctx.db.read() as session:
        kept = session.execute(text("SELECT row_to_json(e)::text FROM outgoing_events e")).scalars().all()
    assert not any("Martin" in one or "client.test" in one for one in kept)


def test_no_event_reads_an_object_of_another_merchant(ctx, make, endpoints, subscription, told):
    """An id that is not the merchant's own is told as an id, and no more."""
    other = make.subscription(merchant=make.merchant())
    ask(ctx, make, subscription)
    with ctx.db.begin() as session:
        session.execute(update(OutgoingEvent).values(subject_id=other.id))
    with ctx.db.read() as session:
        events = session.scalars(select(OutgoingEvent)).all()
        (body,) = event_payloads.bodies(session, events, is_full=True, now=utc_now()).values()
    assert "paypal_id" not in json.loads(body)["data"]


def test_a_merchant_without_the_others_endpoints_is_told_nothing_of_them(ctx, make, endpoints, subscription):
    other = make.merchant()
    endpoints.make(other, GONE)
    ask(ctx, make, subscription)
    with ctx.db.read() as session:
        assert session.scalars(select(EventDelivery)).all() == []
        assert session.scalars(select(Merchant.id)).all()


def test_states_of_payments_that_are_no_money_are_no_events(ctx, subscription, told):
    pay(ctx, subscription, status="DECLINED")
    assert told() == []


def test_another_price_is_told_once(ctx, make, subscription, told):
    offer = {"price": Money(Decimal("35.00"), "EUR"), "interval_unit": "MONTH"}
    plan = PlanReading(provider_id=subscription.plan.provider_id, name="Mensuel", status="ACTIVE", **offer)
    for _ in range(2):
        show(ctx, subscription, "ACTIVE", at=utc_now(), plan=plan, next_billing_at=subscription.next_payment_at)
    assert make.reload(subscription).amount == 35
    assert told() == ["subscription.updated"]

"""Classic subscriptions met for the first time, and again: customers, products and plans once each."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.money.money import Money
from portal.domain.subscriptions import Status
from portal.models import Customer, Plan, Product, Provider, Subscription
from portal.providers.ports import PlanReading, Reading
from portal.services.arrivals import classic_arrivals
from portal.services.arrivals.classic_arrivals import Outdated, plan_key
from portal.services.arrivals.event_outcomes import NotYet
from portal.services.arrivals.import_rows import Origin
from portal.services.paypal.gateways import classic_gateway

TERMS = PlanReading(
    provider_id="I-AAAAAAAA1111",
    name="Club",
    status="",
    price=Money(Decimal("29.90"), "EUR"),
    interval_unit="MONTH",
)


@pytest.fixture
def merchant(make):
    return make.classic_merchant()


@pytest.fixture
def origin(merchant):
    return Origin(merchant.id, "sandbox", Provider.PAYPAL_CLASSIC)


def shown(provider_id="I-AAAAAAAA1111", **more) -> Reading:
    """A profile as the classic API shows an ordinary one."""
    now = utc_now()
    fields = {
        "status": "ACTIVE",
        "started_at": now - timedelta(days=40),
        "next_billing_at": now + timedelta(days=20),
        "last_payment_at": now - timedelta(days=10),
        "payer_id": "PAYER00000001",
        "payer_email": "Claire@Client.test",
        "payer_name": "Claire Dupont",
        "plan": TERMS,
    }
    return Reading(provider_id=provider_id, **(fields | more))


def rows(ctx, model):
    with ctx.db.read() as session:
        return list(session.scalars(select(model)))


def test_a_first_meeting_writes_everything_and_a_second_one_doubles_nothing(ctx, origin):
    assert classic_arrivals.take_in(ctx, origin, shown()) is True
    assert classic_arrivals.take_in(ctx, origin, shown()) is False
    (subscription,), (customer,), (product,), (plan,) = (
        rows(ctx, model) for model in (Subscription, Customer, Product, Plan)
    )
    assert (subscription.provider, subscription.environment) == (Provider.PAYPAL_CLASSIC, "sandbox")
    assert (subscription.status, subscription.amount) == (Status.ACTIVE, Decimal("29.90"))
    assert (customer.email, customer.name) == ("claire@client.test", "Claire Dupont")
    assert (product.name, plan.name, plan.amount, plan.interval_unit) == ("Club", "Club", Decimal("29.90"), "MONTH")
    assert plan.provider_id.startswith("classic:")


def test_a_known_customer_gets_the_subscription(ctx, make, origin, merchant):
    by_payer = make.customer(merchant, payer_id="PAYER00000001", email=None)
    by_email = make.customer(merchant, email="ian@client.test")
    classic_arrivals.take_in(ctx, origin, shown())
    classic_arrivals.take_in(
        ctx, origin, shown("I-BBBBBBBB2222", payer_id="PAYER00000002", payer_email="ian@client.test")
    )
    owners = {row.provider_id: row.customer_id for row in rows(ctx, Subscription)}
    assert owners == {"I-AAAAAAAA1111": by_payer.id, "I-BBBBBBBB2222": by_email.id}
    assert len(rows(ctx, Customer)) == 2


def test_a_renamed_product_stays_the_one_of_its_description(ctx, origin):
    classic_arrivals.take_in(ctx, origin, shown())
    with ctx.db.begin() as session:
        session.scalars(select(Product)).one().name = "Le Club"
    dearer = replace(TERMS, price=Money(Decimal("39.00"), "EUR"))
    classic_arrivals.take_in(ctx, origin, shown("I-BBBBBBBB2222", plan=dearer))
    (product,) = rows(ctx, Product)
    assert product.name == "Le Club"
    assert {row.product_id for row in rows(ctx, Subscription)} == {product.id}
    assert len(rows(ctx, Plan)) == 2


def test_new_terms_bring_their_price_and_keep_the_product(ctx, origin):
    classic_arrivals.take_in(ctx, origin, shown())
    dearer = replace(TERMS, price=Money(Decimal("39.00"), "EUR"))
    classic_arrivals.take_in(ctx, origin, shown(plan=dearer))
    (subscription,) = rows(ctx, Subscription)
    assert subscription.amount == Decimal("39.00")
    assert len(rows(ctx, Product)) == 1


def test_without_a_description_there_is_one_product_for_all(ctx, origin, merchant):
    for provider_id in ("I-AAAAAAAA1111", "I-BBBBBBBB2222"):
        classic_arrivals.take_in(ctx, origin, shown(provider_id, plan=replace(TERMS, name="")))
    (product,) = rows(ctx, Product)
    assert product.name


def test_merchants_and_environments_are_apart(ctx, make, origin):
    other = make.merchant(key=False)
    for where in (
        origin,
        Origin(other.id, "sandbox", Provider.PAYPAL_CLASSIC),
        Origin(origin.merchant_id, "live", Provider.PAYPAL_CLASSIC),
    ):
        assert classic_arrivals.take_in(ctx, where, shown()) is True
    assert len(rows(ctx, Subscription)) == len(rows(ctx, Plan)) == len(rows(ctx, Product)) == 3
    assert len(rows(ctx, Customer)) == 2


def test_one_thought_to_be_of_rest_is_classic_from_now_on(ctx, make, origin, merchant):
    ours = make.subscription(merchant=merchant, provider_id="I-AAAAAAAA1111")
    assert ours.provider is Provider.PAYPAL_REST
    assert classic_arrivals.take_in(ctx, origin, shown()) is False
    assert make.reload(ours).provider is Provider.PAYPAL_CLASSIC


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("ACTIVE", Status.ACTIVE),
        ("PENDING", Status.PENDING),
        ("SUSPENDED", Status.PAUSED),
        ("CANCELLED", Status.CANCELLED),
        ("EXPIRED", Status.COMPLETED),
        ("SOMETHING", Status.PENDING),
    ],
)
def test_each_word_is_taken_over(ctx, origin, word, status):
    classic_arrivals.take_in(ctx, origin, shown(status=word))
    (subscription,) = rows(ctx, Subscription)
    assert (subscription.status, subscription.provider_status) == (status, word)


def test_an_answer_that_another_one_overtook_is_not_written(ctx, origin):
    asked_at = utc_now()
    classic_arrivals.take_in(ctx, origin, shown())
    with pytest.raises(Outdated):
        classic_arrivals.take_in(ctx, origin, shown(status="SUSPENDED"), asked_at=asked_at)
    assert rows(ctx, Subscription)[0].status is Status.ACTIVE


def test_an_overtaken_read_is_made_again_and_not_for_ever(ctx, make, origin, merchant, paypal):
    profile = paypal.add_profile()
    gateway = classic_gateway(ctx, merchant.id)
    overtaken = []

    def overtake(reading):
        if len(overtaken) < limit:
            overtaken.append(reading)
            classic_arrivals.take_in(ctx, origin, reading)
        return reading

    limit = 2
    assert classic_arrivals.reread(ctx, origin, gateway, profile.id, add=overtake) is False
    assert paypal.count("nvp_get") == 3
    overtaken.clear()
    limit = 100
    with pytest.raises(NotYet):
        classic_arrivals.reread(ctx, origin, gateway, profile.id, add=overtake)


def test_ten_at_once_make_one_of_each(ctx, origin):
    errors = []

    def arrive() -> None:
        try:
            classic_arrivals.take_in(ctx, origin, shown())
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=arrive) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [len(rows(ctx, model)) for model in (Subscription, Customer, Product, Plan)] == [1, 1, 1, 1]


def test_the_same_terms_have_the_same_key_however_they_are_written():
    same = replace(TERMS, price=Money(Decimal("29.9"), "EUR"), provider_id="I-BBBBBBBB2222")
    assert plan_key(same) == plan_key(TERMS)
    others = (
        replace(TERMS, name="Cours"),
        replace(TERMS, price=Money(Decimal("29.90"), "USD")),
        replace(TERMS, price=None),
        replace(TERMS, interval_unit="WEEK"),
        replace(TERMS, interval_count=2),
        replace(TERMS, total_cycles=12),
    )
    assert len({plan_key(one) for one in (TERMS, *others)}) == 7

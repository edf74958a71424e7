"""Another price at PayPal: told once, before it is paid, with both prices, and to nobody who is not to pay it."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.domain.money.money import Money
from portal.domain.subscriptions import Status
from portal.models import Mail, Subscription
from portal.providers.ports import PlanReading, Reading
from portal.queries import subscriptions
from portal.services.ends import endings
from portal.services.notices import outbox
from tests.services.carrying.carried import ask


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", locale="en", time_zone="UTC")


@pytest.fixture
def running(make, merchant, now):
    def running(**columns):
        customer = make.customer(merchant, email="zoe@client.test", name="Zoé")
        known = {"amount": Decimal("29.90"), "currency": "EUR"}
        due = now + timedelta(days=10)
        return make.subscription(
            merchant=merchant, customer=customer, **{**known, "next_payment_at": due, "started_at": now, **columns}
        )

    return running


@pytest.fixture
def show(ctx, now):
    """Let PayPal show a price; None: a read that names no plan."""

    def show(subscription, amount, *, currency="EUR", status="ACTIVE", quantity=1, later=timedelta(0)):
        price = Money(Decimal(amount), currency) if amount else None
        plan = PlanReading(
            provider_id="P-1",
            name="Plan",
            status="ACTIVE",
            price=price,
            interval_unit="MONTH",
            interval_count=1,
            total_cycles=0,
        )
        with ctx.db.begin() as session:
            locked = subscriptions.lock(session, subscription.merchant_id, subscription.id)
            reading = Reading(
                provider_id=subscription.provider_id,
                status=status,
                next_billing_at=subscription.next_payment_at,
                plan=plan if amount else None,
                quantity=quantity,
            )
            endings.record_reading(ctx, session, locked, reading, now=now + later)

    return show


@pytest.fixture
def told(ctx):
    def told():
        with ctx.db.read() as session:
            rows = session.scalars(select(Mail).where(Mail.kind == "price_changed").order_by(Mail.created_at)).all()
            return [json.loads(ctx.vault.open(row.content, purpose=outbox.CONTENT))["text"] for row in rows]

    return told


def test_a_new_price_is_told_once_with_the_old_one_the_day_and_the_way_out(ctx, running, show, told):
    subscription = running()
    show(subscription, "29.90")
    show(subscription, None)
    assert told() == []
    for _ in range(3):
        show(subscription, "34.00")
    (text,) = told()
    day = subscription.next_payment_at
    for words in ("€29.90", "€34.00", f"{day.day} {day:%B %Y}", "Hello Zoé,", "you can cancel before that day"):
        assert words in text
    assert f"/subscriptions/{subscription.id}" in text


def test_a_lower_price_is_told_too_and_each_further_change_once(running, show, told):
    subscription = running()
    for amount in ("34.00", "24.90", "34.0", "24.9"):  # reads that contradict each other
        show(subscription, amount)
    assert len(told()) == 2


@pytest.mark.parametrize(
    "columns",
    [{"amount": None, "currency": None}, {"status": Status.PENDING}, {"currency": "USD"}],
    ids=["met without a price", "never approved", "another currency"],
)
def test_where_nothing_is_known_or_nothing_runs_nobody_is_told(running, show, told, columns):
    show(running(**columns), "34.00", status="APPROVAL_PENDING" if "status" in columns else "ACTIVE")
    assert told() == []


def test_who_waits_for_an_end_is_not_told_what_they_would_pay(ctx, make, running, show, told):
    subscription = running()
    ask(ctx, make, subscription)
    show(subscription, "34.00")
    assert told() == []


def test_an_end_that_paypal_shows_beside_it_is_told_alone(running, show, told):
    show(running(), "34.00", status="CANCELLED")
    assert told() == []


def test_what_the_page_shows_is_what_was_told(ctx, running, show, told):
    subscription = running()
    show(subscription, "17.00", quantity=2)
    assert "€34.00" in told()[0]
    with ctx.db.read() as session:
        assert session.get_one(Subscription, subscription.id).amount == Decimal("34.00")

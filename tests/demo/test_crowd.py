"""The crowd of the large demo: what is written agrees with itself, with PayPal's simulator, and with every key."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import func, select, text

from portal.clock import utc_now
from portal.demo import crowd, large, seed
from portal.demo.crowd import filling, making
from portal.demo.crowd.offers import ATELIER, BENCH, STUDIO
from portal.demo.simulator import Simulator
from portal.demo.simulator.records import moment
from portal.domain.dates.end_dates import Planned, WaitReason
from portal.domain.policies import Actor
from portal.models import EndRequest, Merchant, Product, Subscription
from portal.queries import subscriptions
from portal.queries.aliases import with_list
from portal.services import figures
from portal.services.dates import end_schedules

COUNT = 1_500


def made_with_simulator(shop):
    now, simulator = utc_now(), Simulator(clock=utc_now)
    simulator.add_account()
    sold = [
        making.Sold(
            offer,
            uuid.uuid4(),
            uuid.uuid4(),
            simulator.add_plan(
                offer.product,
                plan_id=offer.plan_id,
                amount=offer.amount,
                currency=offer.currency,
                interval_unit=offer.unit,
                total_cycles=offer.cycles,
            ),
        )
        for offer in shop.offers
    ]
    maker, made = making.Maker(shop, random.Random(7), uuid.uuid4(), sold, now), making.Made()
    for number in range(COUNT):
        maker.add(made, number)
    simulator.add_known([dict(row) for row in made.living])
    return now, simulator, made


@pytest.fixture(scope="module", params=[ATELIER, STUDIO, BENCH], ids=["atelier", "studio", "bench"])
def world(request):
    return made_with_simulator(request.param)


def rows_of(made):
    return [dict(zip(filling.SUBSCRIPTIONS, row, strict=True)) for row in made.subscriptions]


def test_paypal_says_of_each_one_that_is_not_over_what_the_portal_has(world):
    _now, simulator, made = world
    living = [row for row in rows_of(made) if row["ended_at"] is None]
    assert len(living) == len(simulator.subscriptions) > COUNT / 2
    for row in living:
        at_paypal = simulator.subscriptions[row["provider_id"]]
        paid, following = at_paypal.last_payment, at_paypal.next_billing_time
        assert row["provider_status"] == at_paypal.status
        assert row["failed_payments"] == at_paypal.failed_payments
        assert row["last_payment_at"] == (paid and moment(paid["time"]))
        assert row["next_payment_at"] == (following and moment(following))


def test_their_dates_can_have_been(world):
    now, _simulator, made = world
    for row in rows_of(made):
        assert (row["status"] in making.ENDED) == (row["ended_at"] is not None) == (row["ended_by"] is not None)
        if row["ended_at"] is not None:
            assert now - timedelta(days=making.DAYS) <= row["ended_at"] <= now
            assert row["started_at"] <= row["ended_at"]
            assert row["paid_until"] is not None
        elif row["next_payment_at"] is not None:
            assert row["next_payment_at"] > now
    requests = [dict(zip(filling.REQUESTS, row, strict=True)) for row in made.end_requests]
    assert all(one["confirmed_at"] is None or one["created_at"] <= one["confirmed_at"] for one in requests)
    assert all(not one["reason_text"] or one["archived_at"] is None for one in requests)
    assert {one["state"] for one in requests} == {"needs_merchant", "recorded", "confirmed", "closed"}


def test_who_is_erased_has_left_no_words(monkeypatch):
    monkeypatch.setattr(making, "ERASED_ONE_OF", 2)
    _now, _simulator, made = made_with_simulator(ATELIER)
    erased = {row[0] for row in made.customers if row[-1] is not None}
    theirs = {row["id"] for row in rows_of(made) if row["customer_id"] in erased}
    ended = [dict(zip(filling.REQUESTS, row, strict=True)) for row in made.end_requests]
    said = [row["subscription_id"] in theirs for row in ended if row["reason_text"]]
    assert said
    assert not any(said)


def test_every_state_is_there_and_no_address_twice(world):
    _now, _simulator, made = world
    states = Counter(row["status"] for row in rows_of(made))
    assert set(states) >= {"active", "cancelled", "completed", "past_due", "paused", "pending"}
    addresses = [row[2] for row in made.customers if row[2]]
    assert len(addresses) == len(set(addresses)) > COUNT * 0.9
    assert all(address.isascii() for address in addresses)
    assert made.received_requests
    assert made.grants


KEYS = """
    SELECT conrelid::regclass::text, a.attname, confrelid::regclass::text, f.attname
    FROM pg_constraint
    JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = conkey[1]
    JOIN pg_attribute f ON f.attrelid = confrelid AND f.attnum = confkey[1]
    WHERE contype = 'f' AND conrelid::regclass::text = ANY(%s)
"""


def test_what_was_copied_without_looking_at_keys_has_them_all(ctx, database_url, make):
    merchant = make.merchant(name="L’Atelier")
    with psycopg.connect(database_url) as connection:
        before = connection.execute("SELECT count(*) FROM pg_indexes").fetchone()
        told = []
        crowd.fill(connection, merchant.id, 300, ATELIER, now=utc_now(), tell_paypal=told.extend)
        assert connection.execute("SELECT count(*) FROM pg_indexes").fetchone() == before
        for table, column, other, key in connection.execute(KEYS, (list(filling.COLUMNS),)).fetchall():
            lost = connection.execute(
                f"SELECT count(*) FROM {table} one WHERE {column} IS NOT NULL"  # noqa: S608
                f" AND NOT EXISTS (SELECT FROM {other} WHERE {key} = one.{column})"
            ).fetchone()
            assert lost == (0,), (table, column)
    with ctx.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Subscription)) == 300
        found = session.scalar(text("SELECT count(DISTINCT customer_id) FROM search_words"))
        assert found == session.scalar(text("SELECT count(*) FROM customers WHERE erased_at IS NULL"))
    assert 0 < len(told) < 300


@pytest.mark.parametrize("shop", [ATELIER, BENCH], ids=["atelier", "bench"])
def test_an_end_that_waits_for_its_day_waits_as_the_portal_would_have_it_wait(
    ctx, database_url, make, monkeypatch, shop
):
    monkeypatch.setattr(making, "PLANNED_ONE_OF", 1)
    merchant = make.merchant()
    now = utc_now()
    with psycopg.connect(database_url) as connection:
        crowd.fill(connection, merchant.id, 300, shop, now=now)
    of_one = EndRequest.subscription
    with ctx.db.read() as session:
        whole = with_list(subscriptions.whole(select(EndRequest), of_one), of_one, Subscription.payments)
        waiting = session.scalars(whole.where(EndRequest.due_at.is_not(None))).all()
        for request in waiting:
            zone = merchant.time_zone
            wished_at = end_schedules.beginning_of(request.wished_on, zone)
            planned = end_schedules.plan(
                request.subscription, Actor.CUSTOMER, time_zone=zone, wished_at=wished_at, now=now
            )
            assert planned is not None
            assert request.planned(now) == Planned(
                reason=WaitReason.WISH,
                owed_until=planned.owed_until,
                due_at=planned.due_at,
                awaited_at=planned.awaited_at,
            )
            assert request.next_try_at == request.due_at
    assert len(waiting) > 50


def test_both_merchants_have_their_part_once_with_figures_that_count_it(ctx, database_url, make, paypal):
    shops = {slug: make.merchant(slug=slug) for slug in ("atelier", "studio")}
    for merchant in shops.values():
        make.product(merchant)  # connected: nothing is to be imported
    figures.keep(ctx, now=utc_now())  # books that know of nothing yet
    for _start in range(2):
        large.fill(ctx, database_url, simulator=paypal.url, number=200)
        with ctx.db.read() as session:
            for slug, count in (("atelier", 190), ("studio", 10)):
                mine = {"m": shops[slug].id}
                assert session.scalar(text("SELECT count(*) FROM subscriptions WHERE merchant_id = :m"), mine) == count
                today = "SELECT sum(number) FROM daily_figures WHERE merchant_id = :m AND figure = 'state' AND day = "
                today += "(SELECT day FROM figure_books WHERE merchant_id = :m)"
                assert session.scalar(text(today), mine) == count
            living = session.scalar(text("SELECT count(*) FROM subscriptions WHERE ended_at IS NULL"))
    assert len(paypal.subscriptions) == living


def test_who_is_past_the_first_steps_has_figures(ctx, make):
    merchant = make.merchant(slug="studio")
    make.product(merchant)
    seed.take_first_steps(ctx, merchant.id)
    with ctx.db.read() as session:
        assert session.get_one(Merchant, merchant.id).first_customer_at is not None
        assert session.scalars(select(Product).where(Product.reviewed_at.is_(None))).first() is None
        assert session.scalar(text("SELECT count(*) FROM figure_books")) == 1

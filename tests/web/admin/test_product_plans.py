"""Moving a PayPal plan to another product: whom it touches is said first."""

from __future__ import annotations

import dataclasses
import uuid

import pytest

from portal.domain.subscriptions import Status
from portal.models import Plan, Subscription
from portal.queries.access import products
from portal.services.products import save, wish_of


@pytest.fixture
def merchant(make):
    return make.merchant(locale="en")


@pytest.fixture
def sold(ctx, make, merchant):
    """A product with one plan: one runs under it, one is over."""
    product = make.product(merchant, name="Piano", keep_after_cancellation=True)
    runs, over = make.subscription(product=product), make.subscription(product=product, status=Status.CANCELLED)
    with ctx.db.begin() as session:
        session.get_one(Subscription, over.id).plan_id = runs.plan_id
        session.flush()
        session.delete(session.get_one(Plan, over.plan_id))
    return make.reload(runs)


def plan_of(ctx, subscription):
    with ctx.db.read() as session:
        return session.get_one(Plan, subscription.plan_id)


def test_a_plan_is_moved_after_its_effect_was_shown(owner, ctx, make, merchant, sold):
    choir = make.product(merchant, name="Choir")
    page = owner.get(f"/admin/products/{choir.id}").follow("PayPal plans")
    assert "No plan sells this product." in page.text
    assert "€29.90 per month Piano" in page.text.replace("Product ", "")
    page = page.follow("Move it here")
    assert "1 subscription under way goes with the plan" in page.text
    assert "1 subscription that has ended, or whose end was requested, stays with the old product." in page.text
    line = page.select_one("tbody tr").get_text(" ", strip=True)
    assert line == (
        "When a subscription is cancelled, what stays afterwards "
        "What is already unlocked stays open for good. Everything closes."
    )
    assert plan_of(ctx, sold).product_id == sold.product_id
    page = page.submit(press="Move the plan")
    assert page.path == f"/admin/products/{choir.id}/plans"
    assert plan_of(ctx, sold).product_id == make.reload(sold).product_id == choir.id


def test_one_of_several_plans_gets_a_product_of_its_own(owner, ctx, make, sold):
    make.subscription(product=sold.product)
    page = owner.get(f"/admin/products/{sold.product_id}/plans").follow("Give it a product of its own")
    assert "nobody’s access changes" in page.text
    page = page.submit(press="Move the plan")
    assert page.h1 == "PayPal plans: Mensuel"


def test_the_product_that_gives_a_plan_leads_to_those_that_may_take_it(owner, ctx, make, merchant, sold):
    choir = make.product(merchant, name="Choir")
    page = owner.get(f"/admin/products/{sold.product_id}/plans").follow("Move it to another product…")
    assert page.h1.startswith("Where to move the plan")
    assert [link.get_text() for link in page.select("#products a")] == ["Choir"]
    assert page.select("#own") == [], "it is the only plan of its product"
    page = page.follow("Choir").submit(press="Move the plan")
    assert plan_of(ctx, sold).product_id == choir.id
    page = owner.get(f"/admin/products/{choir.id}/plans").follow("Move it to another product…")
    assert [link.get_text() for link in page.select("#products a")] == ["Piano"]


def test_a_plan_moved_meanwhile_is_shown_again(owner, enter, ctx, make, merchant, sold):
    choir, band = make.product(merchant, name="Choir"), make.product(merchant, name="Band")
    path = f"/admin/products/plans/{sold.plan_id}"
    mine = owner.get(f"{path}?to={choir.id}")
    enter(merchant).get(f"{path}?to={band.id}").submit(press="Move the plan")
    page = mine.submit(press="Move the plan", status=409)
    assert page.errors == ["Somebody moved this plan meanwhile. Check what is shown now, then confirm again."]
    assert "sells “Band” today" in page.text
    page.submit(press="Move the plan")
    assert plan_of(ctx, sold).product_id == choir.id


@pytest.mark.parametrize("saved", ["Piano", "Choir"])
def test_a_product_that_somebody_saved_meanwhile_is_shown_as_it_is_now(owner, ctx, make, merchant, sold, saved):
    choir = make.product(merchant, name="Choir")
    path = f"/admin/products/plans/{sold.plan_id}?to={choir.id}"
    mine = owner.get(path)
    with ctx.db.read() as session:
        found = products.of_merchant(session, merchant.id, choir.id if saved == "Choir" else sold.product_id)
    save(ctx, merchant.id, found.id, dataclasses.replace(wish_of(found), grace_days=77))
    assert "Days of access after a payment failed" not in mine.text
    page = mine.submit(press="Move the plan", status=409)
    assert page.errors == [
        "Somebody saved one of these two products meanwhile. Check what is shown now, then confirm again."
    ]
    assert "Days of access after a payment failed" in page.text
    assert plan_of(ctx, sold).product_id == sold.product_id
    page.submit(press="Move the plan")
    assert plan_of(ctx, sold).product_id == choir.id


def test_a_plan_that_is_there_already_is_not_moved(owner, sold):
    page = owner.get(f"/admin/products/plans/{sold.plan_id}?to={sold.product_id}")
    assert "This plan sells “Piano” already." in page.text
    assert not page.select("main form")


def test_another_merchants_plans_and_products_are_not_there(owner, make, sold):
    theirs = make.subscription(merchant=make.merchant())
    for plan, to in (
        (theirs.plan_id, sold.product_id),
        (sold.plan_id, theirs.product_id),
        (uuid.uuid4(), sold.product_id),
        (sold.plan_id, "nonsense"),
    ):
        owner.get(f"/admin/products/plans/{plan}?to={to}", status=404)
    owner.get(f"/admin/products/{theirs.product_id}/plans", status=404)
    assert str(theirs.plan_id) not in owner.get(f"/admin/products/{sold.product_id}/plans").body


def test_readers_look_and_move_nothing(reader, make, merchant, sold):
    choir = make.product(merchant, name="Choir")
    page = reader.get(f"/admin/products/{choir.id}/plans")
    assert "Mensuel" in page.text
    assert "Move it here" not in page.text
    reader.get(f"/admin/products/plans/{sold.plan_id}?to={choir.id}", status=403)

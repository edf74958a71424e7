"""Ids of the merchant's own at the desk: set on the record and the product's page, changed only on confirmation."""

from __future__ import annotations

import pytest

from portal.models import Customer, Product
from portal.services.people import customer_identity
from tests.web.admin.test_customer_identity import record, reload, rows
from tests.web.admin.test_searches import found


@pytest.fixture
def claire(make, merchant):
    return make.customer(merchant, name="Claire", email="claire@client.test")


def test_a_customer_is_given_one_and_found_by_exactly_that(support, claire, ctx, make, merchant):
    held = make.subscription(merchant=merchant, customer=claire, at_paypal=False)
    page = support.get(f"{record(claire)}/identity").submit(external_id=" user 4711/B ")
    assert page.notices == ["Saved."]
    assert rows(page, "identity")["ID in your systems"] == "user 4711/B"
    assert found(support, "user 4711/B", "customers") == {claire.id}
    assert found(support, "user 4711/B") == {held.id}
    for other in ("user 4711/b", "user", "4711/B", "user 4711"):
        assert found(support, other, "customers") == set()


def test_one_that_another_customer_has_is_refused_and_nothing_typed_is_lost(support, claire, make, merchant):
    make.customer(make.merchant(), name="Foreign", external_id="X1")
    make.customer(merchant, name="Zoe", external_id="A7")
    page = support.get(f"{record(claire)}/identity").submit(status=422, name="Claire B", external_id="A7")
    assert "Another of your customers has this ID." in page.text
    assert page.select_one("#name")["value"] == "Claire B"
    assert page.submit(external_id="X1").notices == ["Saved."]


def test_one_that_is_set_is_replaced_only_when_that_is_said(support, claire, ctx):
    support.get(f"{record(claire)}/identity").submit(external_id="A")
    page = support.get(f"{record(claire)}/identity")
    assert page.select_one("#replaces_id") is None
    page = page.submit(status=422, external_id="B")
    assert "This customer has the ID “A” already." in page.text
    assert reload(ctx, claire).external_id == "A"
    page.submit(external_id="B", replaces_id=True)
    assert reload(ctx, claire).external_id == "B"
    page = support.get(f"{record(claire)}/identity").submit(status=422, external_id="")
    page.submit(replaces_id=True)
    assert reload(ctx, claire).external_id is None


@pytest.mark.parametrize("typed", ["a\u200bb", "x" * 129])
def test_what_nobody_sees_and_what_is_too_long_is_refused(support, claire, typed):
    page = support.get(f"{record(claire)}/identity").submit(status=422, external_id=typed)
    assert "Write at most 128 visible characters." in page.text


def test_somebody_else_s_change_meanwhile_is_not_written_back(support, claire, ctx, now):
    page = support.get(f"{record(claire)}/identity")
    customer_identity.set_external_id(ctx, claire.merchant_id, claire.id, "M", by=customer_identity.By(), now=now)
    assert page.submit(name="Claire B").notices == ["Saved."]
    assert reload(ctx, claire).external_id == "M"


def test_who_joins_two_is_told_which_id_finds_nobody_any_more(support, make, merchant):
    kept = make.customer(merchant, email="zoe@client.test", external_id="A")
    other = make.customer(merchant, email="zoe@client.test", email_place=1, external_id="B")
    page = support.get(f"{record(kept)}/joining/{other.id}")
    assert "as “A” only: “B” finds nobody any more" in page.text
    page = support.get(f"{record(other)}/joining/{kept.id}")
    assert "as “B” only: “A” finds nobody any more" in page.text


def product_of(ctx, product):
    with ctx.db.read() as session:
        return session.get_one(Product, product.id)


def test_a_product_is_given_one_at_once_and_another_after_a_look(owner, make, merchant, ctx):
    product = make.product(merchant)
    make.product(merchant, name="Other", external_id="TAKEN")
    page = owner.get(f"/admin/products/{product.id}")
    page = page.submit(press="Save the product", status=422, external_id="TAKEN")
    assert "Another of your products has this ID." in page.text
    page = page.submit(press="Save the product", external_id="PIANO")
    assert product_of(ctx, product).external_id == "PIANO"
    page = page.submit(press="Save the product", external_id="PIANO-2")
    assert page.h1 == "Who these changes affect"
    assert "no longer find this product as “PIANO”" in page.text
    assert product_of(ctx, product).external_id == "PIANO"
    page.submit(press="Save the product")
    assert product_of(ctx, product).external_id == "PIANO-2"


def test_an_erased_one_shows_none(support, make, merchant, ctx, now):
    gone = make.customer(merchant, email=None, name="", erased_at=now)
    assert "ID in your systems" not in rows(support.get(record(gone)), "identity")
    with ctx.db.read() as session:
        assert session.get_one(Customer, gone.id).external_id is None

"""Products: what a customer keeps at each end, and who may decide it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.domain.policies import Override
from portal.models import Product
from portal.queries import products


@pytest.fixture
def merchant(make):
    return make.merchant(key=False, locale="en", self_cancellation=False)


def product_of(ctx, product):
    with ctx.db.read() as session:
        return products.of_merchant(session, product.merchant_id, product.id)


def test_only_owners_change_products(reader, support, make, merchant, ctx):
    product = make.product(merchant)
    for browser in (reader, support):
        page = browser.get(f"/admin/products/{product.id}")
        assert "Only a manager or an owner can change this" in page.text
        token = page.select_one('input[name="csrf_token"]')["value"]
        browser.post(page.path, {"csrf_token": token, "name": "Hacked", "grace_days": "1"}, status=403)
    assert product_of(ctx, product).name == product.name


def test_a_product_is_written_with_its_contents(owner, ctx, make, merchant):
    product = make.product(merchant, contents=(("Lesson 1", 0), ("Lesson 2", 7)))
    before = {content.title: content.id for content in product_of(ctx, product).contents}
    page = owner.get(f"/admin/products/{product.id}")
    page.submit(
        press="Save the product",
        **{
            "name": "Piano",
            "keep_after_cancellation": "yes",
            "grace_days": "3",
            "commitment_months": "6",
            "commitment_binds": True,
            "notice_days": "14",
            "self_cancellation": "off",
            "contents-0-title": "",
            "contents-1-unlock_after_days": "14",
            "contents-2-title": "Bonus",
        },
    )
    got = product_of(ctx, product)
    assert (got.name, got.keep_after_cancellation, got.keep_after_completion) == ("Piano", True, False)
    assert (got.grace_days, got.commitment_months, got.commitment_binds, got.notice_days) == (3, 6, True, 14)
    assert got.self_cancellation is Override.OFF
    assert [(content.title, content.unlock_after_days) for content in got.contents] == [("Lesson 2", 14), ("Bonus", 0)]
    assert got.contents[0].id == before["Lesson 2"]


def test_a_product_cannot_be_switched_on_before_the_key(owner, ctx, make, merchant):
    product = make.product(merchant)
    page = owner.submit(f"/admin/products/{product.id}", press="Save the product", self_cancellation="on", status=422)
    assert any("PayPal key" in line for line in page.errors)
    assert product_of(ctx, product).self_cancellation is Override.INHERIT


def test_the_effect_is_shown_before_anything_is_saved(owner, ctx, make, merchant):
    product = make.product(merchant, contents=(("Lesson 1", 0), ("Lesson 9", 90)))
    page = owner.get(f"/admin/products/{product.id}")
    assert "already unlocked: Lesson 1" not in page.text
    page = page.submit(press="Refresh the example", keep_after_cancellation="yes", name="Later")
    assert "What you see is not saved yet" in page.text
    assert "then what is already unlocked: Lesson 1 Abandoned" in page.text, "and not Lesson 9"
    assert product_of(ctx, product).name == product.name
    page = page.submit(press="Refresh the example", keep_after_cancellation="no", stops_at_once="yes")
    assert "access stops at once" in page.text


def test_more_lines_come_without_losing_what_was_typed(owner, make, merchant):
    product = make.product(merchant)
    page = owner.get(f"/admin/products/{product.id}")
    lines = len(page.select('input[name$="-title"]'))
    page = page.submit(press="More lines", **{f"contents-{n}-title": f"Part {n}" for n in range(lines)})
    titles = [field.get("value", "") for field in page.select('input[name$="-title"]')]
    assert titles[:lines] == [f"Part {n}" for n in range(lines)]
    assert len(titles) > lines


@pytest.mark.parametrize(
    ("field", "bad"),
    [("grace_days", "-1"), ("grace_days", "ten"), ("contents-0-unlock_after_days", "x"), ("name", " ")],
)
def test_numbers_and_names_are_checked(owner, ctx, make, merchant, field, bad):
    product = make.product(merchant, contents=(("Lesson 1", 0),))
    page = owner.submit(f"/admin/products/{product.id}", press="Save the product", status=422, **{field: bad})
    assert page.errors
    assert product_of(ctx, product).grace_days == 7


def test_products_of_an_import_are_listed_with_their_prices(owner, make, merchant, paypal, ctx):
    from portal.services.imports import imports

    make.key(merchant)
    paypal.add_subscription(plan_id=paypal.add_plan("Yen club", amount="1500", currency="JPY").id)
    imports.run_import(ctx, imports.start_or_resume(ctx, merchant.id).id)
    page = owner.get("/admin/products")
    assert "Yen club" in page.text
    assert "1,500" in page.text
    with ctx.db.read() as session:
        assert session.scalars(select(Product.name)).all() == ["Yen club"]


def test_contents_added_meanwhile_are_kept_with_their_identity(owner, enter, ctx, make, merchant):
    """The second one changed another answer: the first one's new lesson stays, and what hangs on it."""
    product = make.product(merchant, contents=(("Lesson 1", 0),))
    mine = owner.get(f"/admin/products/{product.id}")
    theirs = enter(merchant).get(mine.path)
    theirs.submit(press="Save the product", **{"contents-1-title": "Lesson 2", "contents-1-unlock_after_days": "7"})
    before = {content.title: content.id for content in product_of(ctx, product).contents}
    page = mine.submit(press="Save the product", grace_days="3", status=409)
    assert product_of(ctx, product).grace_days == 7
    (row,) = page.select_one("main table").select("tbody tr")
    assert [cell.get_text(strip=True) for cell in row.find_all(["th", "td"])] == [
        "Contents", "Lesson 1", "Lesson 1, Lesson 2 (7)", "Unchanged",
    ]  # fmt: skip
    page.submit(press="Save the product")
    got = product_of(ctx, product)
    assert got.grace_days == 3
    assert {content.title: content.id for content in got.contents} == before
    assert len(before) == 2

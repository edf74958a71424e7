"""Products: what a customer keeps at each end, and who may decide it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.domain.policies import Override
from portal.domain.subscriptions import Status
from portal.models import Product
from portal.queries.access import products


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


def page_of(owner, product):
    return owner.get(f"/admin/products/{product.id}")


def rows(page):
    """The example's sentences, by what happened."""
    terms = page.select("#keeps dt")
    return {term.get_text(strip=True): term.find_next("dd").get_text(" ", strip=True) for term in terms}


@pytest.mark.parametrize(
    ("answers", "completed", "cancelled"),
    [
        ({}, "then nothing", "then nothing"),
        ({"keep_after_completion": "yes"}, "everything stays open for good", "then nothing"),
        ({"keep_after_cancellation": "yes"}, "then nothing", "then what is already unlocked: Lesson 1"),
        ({"stops_at_once": "yes"}, "then nothing", "access stops at once"),
        (
            {"stops_at_once": "yes", "keep_after_cancellation": "yes"},
            "then nothing",
            "from then on only what is already unlocked: Lesson 1",
        ),
    ],
)
def test_the_example_says_what_each_end_leaves(owner, make, merchant, answers, completed, cancelled):
    product = make.product(merchant, contents=(("Lesson 1", 0), ("Lesson 9", 90)))
    said = rows(page_of(owner, product).submit(press="Refresh the example", **answers))
    assert said["Completed"].endswith(completed)
    assert said["Cancelled"].endswith(cancelled)
    assert said["Abandoned"].endswith(cancelled)
    assert said["Cancelled"].startswith("Cancelled on ")


def test_the_example_follows_pauses_and_days_of_grace(owner, make, merchant):
    page = page_of(owner, make.product(merchant))
    before = rows(page)
    assert before["Paused"].endswith("then nothing until payments start again")
    page = page.submit(press="Refresh the example", kept_while_paused="yes", grace_days="0")
    assert rows(page)["Paused"].endswith("access stays open")
    assert rows(page)["Past due"].endswith("access stops at once")
    assert "Access stops as soon as a payment fails" in page.text


def test_whom_a_new_rule_touches_is_said_before_it_is_saved(owner, ctx, make, merchant):
    product = make.product(merchant, contents=(("Lesson 1", 0), ("Lesson 2", 7)))
    for status in (Status.ACTIVE, Status.PAUSED, Status.PAST_DUE, Status.CANCELLED, Status.COMPLETED):
        make.subscription(product=product, status=status)
    make.subscription(merchant=merchant)  # of another product
    page = page_of(owner, product).submit(press="Save the product", keep_after_cancellation="yes", name="Piano")
    assert page.h1 == "Who these changes affect"
    assert "3 subscriptions under way will follow the new rules." in page.text
    assert "2 ended subscriptions keep what was promised." in page.text
    assert product_of(ctx, product).keep_after_cancellation is False
    page = page.submit(press="Save the product")
    assert page.notices == ["The product is saved."]
    assert (product_of(ctx, product).name, product_of(ctx, product).keep_after_cancellation) == ("Piano", True)


def test_going_back_from_there_keeps_what_was_typed_and_saves_nothing(owner, ctx, make, merchant):
    product = make.product(merchant, contents=(("Lesson 1", 0),))
    make.subscription(product=product)
    page = page_of(owner, product).submit(press="Save the product", grace_days="30", **{"contents-1-title": "Bonus"})
    page = page.submit(press="Go back and change")
    form = page.values(page.form(press="Save the product"))
    assert (form["grace_days"], form["contents-1-title"]) == ("30", "Bonus")
    assert product_of(ctx, product).grace_days == 7


def test_what_touches_nobody_is_saved_at_once(owner, ctx, make, merchant):
    product = make.product(merchant, contents=(("Lesson 1", 0),))
    make.subscription(product=product)
    link = "https://atelier.test/1"
    page = page_of(owner, product).submit(
        press="Save the product", name="Piano", **{"contents-0-title": "Leçon 1", "contents-0-link": link}
    )
    assert page.notices == ["The product is saved."]
    (content,) = product_of(ctx, product).contents
    assert (content.title, content.link) == ("Leçon 1", link)


def test_what_was_saved_while_somebody_looked_at_the_numbers_is_not_overwritten(owner, enter, ctx, make, merchant):
    product = make.product(merchant)
    make.subscription(product=product)
    mine = page_of(owner, product).submit(press="Save the product", grace_days="3")
    theirs = enter(merchant).get(f"/admin/products/{product.id}")
    theirs.submit(press="Save the product", grace_days="20").submit(press="Save the product")
    page = mine.submit(press="Save the product", status=409)
    assert "Somebody saved this page" in page.text
    assert page.values(page.form(press="Save the product"))["grace_days"] == "3"
    assert product_of(ctx, product).grace_days == 20


def test_a_folded_rule_says_itself_and_opens_on_an_error(owner, make, merchant):
    product = make.product(merchant, commitment_months=6, commitment_binds=True, notice_days=14)
    page = page_of(owner, product)
    assert "6 months of commitment; a cancellation takes effect at the end of it. 14 days of notice." in page.text
    assert not page.select("details.rule[open]")
    page = page.submit(press="Save the product", status=422, notice_days="999")
    assert [one.h3.get_text() for one in page.select("details.rule[open]")] == ["Commitment and notice"]


def test_a_product_without_a_plan_is_made_and_can_be_given(owner, ctx, make, merchant):
    make.product(merchant, name="Piano")
    page = owner.get("/admin/products").follow("New product").submit(name="piano", status=422)
    assert page.errors == ["You already have a product with this name."]
    page = page.submit(name="Carte cadeau")
    assert page.h1 == "Carte cadeau"
    assert "No PayPal plan: given by hand" in page.text
    customer = make.customer(merchant)
    options = owner.get(f"/admin/customers/{customer.id}/grants/new").select("option")
    assert "Carte cadeau" in [option.get_text() for option in options]


def test_readers_see_the_rules_and_make_nothing(reader, make, merchant):
    assert "New product" not in reader.get("/admin/products").text
    page = page_of(reader, make.product(merchant, contents=(("Lesson 1", 0),)))
    assert "When a subscription is cancelled, what stays afterwards" in page.text
    assert not page.select("main button")

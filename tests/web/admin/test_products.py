"""Settings and products: the switch waits for the key, and a product says what a customer keeps."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.domain.policies import Override
from portal.models import KeyState, Merchant, PayPalAccount, Product
from portal.queries import products


@pytest.fixture
def merchant(make):
    return make.merchant(key=False, locale="en", self_cancellation=False)


def reload(ctx, merchant):
    with ctx.db.read() as session:
        return session.get_one(Merchant, merchant.id)


def product_of(ctx, product):
    with ctx.db.read() as session:
        return products.of_merchant(session, product.merchant_id, product.id)


def test_the_switch_cannot_be_turned_on_before_the_key_passed_its_test(owner, ctx, merchant, make):
    page = owner.get("/admin/settings")
    assert "once your PayPal key has passed its test" in page.text
    assert page.link("Enter or test the key") == "/admin/paypal"
    page = page.submit(press="Save the settings", self_cancellation=True, status=422)
    assert any("once your PayPal key has passed its test" in line for line in page.errors)
    assert not reload(ctx, merchant).self_cancellation

    make.key(merchant)
    owner.submit("/admin/settings", press="Save the settings", self_cancellation=True)
    assert reload(ctx, merchant).self_cancellation


def test_a_key_that_breaks_later_leaves_the_switch_but_a_broken_one_cannot_turn_it_on(owner, ctx, merchant, make):
    make.key(merchant)
    owner.submit("/admin/settings", press="Save the settings", self_cancellation=True)
    with ctx.db.begin() as session:
        session.scalars(select(PayPalAccount)).one().state = KeyState.REFUSED
    owner.submit("/admin/settings", press="Save the settings", name="Another name")
    assert reload(ctx, merchant).self_cancellation
    owner.submit("/admin/settings", press="Save the settings", self_cancellation=False)
    owner.submit("/admin/settings", press="Save the settings", self_cancellation=True, status=422)


def test_settings_are_written_and_shown_again(owner, ctx, merchant):
    owner.submit(
        "/admin/settings",
        press="Save the settings",
        name="L’Été  en fête",
        support_email="aide@ete.test",
        time_zone="Indian/Reunion",
        locale="fr",
        cancellation_text="Écrivez-nous.\r\nMerci.",
    )
    got = reload(ctx, merchant)
    assert (got.name, got.support_email, got.time_zone, got.locale) == (
        "L’Été en fête", "aide@ete.test", "Indian/Reunion", "fr",
    )  # fmt: skip
    assert got.cancellation_text == "Écrivez-nous.\nMerci."
    page = owner.get("/admin/settings")
    assert page.select_one("#time_zone option[selected]")["value"] == "Indian/Reunion"


def test_a_zone_nobody_knows_and_a_bad_address_are_refused(owner, ctx, merchant):
    page = owner.get("/admin/settings")
    form = page.values(page.form(press="Save the settings"))
    bad = owner.post("/admin/settings", {**form, "time_zone": "Mars/Olympus", "support_email": "nobody"}, status=422)
    assert len(bad.errors) == 2
    assert reload(ctx, merchant).time_zone == "Europe/Paris"


def test_the_address_that_is_told_what_waits_cannot_be_emptied(owner, ctx, merchant):
    page = owner.submit("/admin/settings", press="Save the settings", support_email=" ", status=422)
    assert "without one, nobody is emailed about what needs your attention" in page.text
    assert reload(ctx, merchant).support_email == merchant.support_email


def test_only_owners_change_settings_and_products(reader, support, make, merchant, ctx):
    product = make.product(merchant)
    for browser in (reader, support):
        for path in ("/admin/settings", f"/admin/products/{product.id}"):
            page = browser.get(path)
            assert "Only an owner can change this" in page.text
            token = page.select_one('input[name="csrf_token"]')["value"]
            browser.post(path, {"csrf_token": token, "name": "Hacked", "grace_days": "1"}, status=403)
    assert product_of(ctx, product).name == product.name


def test_a_product_is_written_with_its_contents(owner, ctx, make, merchant):
    product = make.product(merchant, contents=(("Lesson 1", 0), ("Lesson 2", 7)))
    before = {content.title: content.id for content in product_of(ctx, product).contents}
    page = owner.get(f"/admin/products/{product.id}")
    page.submit(
        press="Save the product",
        **{
            "name": "Piano",
            "keep_after_cancellation": True,
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
    assert "Keeps for good" not in page.text
    page = page.submit(press="Show the effect first", keep_after_cancellation=True, name="Later")
    assert "They are not saved yet" in page.text
    assert "Keeps for good: Lesson 1." in page.text
    assert "Keeps for good: Lesson 1, Lesson 9" not in page.text
    assert product_of(ctx, product).name == product.name
    page = page.submit(press="Show the effect first", keep_after_cancellation=False, stops_at_once=True)
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

"""What a product opens: addresses, the order of contents, and what is taken out. Nothing typed is lost."""

from __future__ import annotations

import pytest

from portal.web.admin.products.product_forms import rearranged
from tests.web.admin.test_confirming import grow_old
from tests.web.admin.test_products import page_of, product_of


@pytest.fixture
def merchant(make):
    return make.merchant(key=False, locale="en", self_cancellation=False)


def test_a_lesson_taken_out_is_named_before_it_closes(owner, ctx, make, merchant):
    product = make.product(merchant, contents=(("Lesson 1", 0), ("Lesson 2", 7)))
    make.subscription(product=product)
    page = page_of(owner, product).submit(press="Remove: Lesson 1")
    assert "“Lesson 1” is no longer in the list" in page.text
    assert len(product_of(ctx, product).contents) == 2
    page = page.submit(press="Save the product")
    assert "“Lesson 1” closes for subscriptions under way." in page.text
    page.submit(press="Save the product")
    assert [one.title for one in product_of(ctx, product).contents] == ["Lesson 2"]


def test_lessons_are_moved_by_buttons_with_all_that_was_typed(owner, ctx, make, merchant):
    product = make.product(merchant, contents=(("A", 0), ("B", 1), ("C", 2)))
    ids = {content.title: content.id for content in product_of(ctx, product).contents}
    page = page_of(owner, product).submit(press="Down: A", grace_days="ten", **{"contents-1-link": "nonsense"})
    page = page.submit(press="Up: C")
    form = page.values(page.form(press="Save the product"))
    assert [form[f"contents-{place}-title"] for place in range(4)] == ["B", "C", "A", ""]
    assert (form["grace_days"], form["contents-0-link"]) == ("ten", "https://nonsense"), "nothing typed is lost"
    page = page.submit(press="Save the product", grace_days="7", **{"contents-0-link": ""})
    assert [(one.title, one.id) for one in product_of(ctx, product).contents] == [(t, ids[t]) for t in "BCA"]
    for missing in ("Up: B", "Down: A"):
        assert not page.select(f'button[aria-label="{missing}"]')


@pytest.mark.parametrize("bad", ["http://atelier.test/1", "javascript:alert(1)", "https://nowhere", "https://a:b@c.fr"])
def test_an_address_is_one_of_a_public_https_page(owner, ctx, make, merchant, bad):
    product = make.product(merchant, contents=(("Lesson 1", 0),))
    page = page_of(owner, product).submit(press="Save the product", status=422, **{"contents-0-link": bad})
    assert page.errors == ["Enter the address of a page, beginning with https://."]
    assert page.select_one("#errors a")["href"] == "#contents-0-link"
    assert page.values(page.form(press="Save the product"))["contents-0-link"] == bad
    assert product_of(ctx, product).contents[0].link == ""


@pytest.mark.parametrize("number", ["9" * 5000, "-1", "", "x", "99"])
def test_a_line_that_is_not_there_is_not_moved(number):
    sent = {"down": number, "contents-0-title": "A", "contents-1-title": "B"}
    kept, gone = rearranged(sent)
    assert (kept.to_dict(), gone) == (sent, "")


def test_an_address_without_a_title_is_not_thrown_away(owner, make, merchant):
    page = page_of(owner, make.product(merchant))
    page = page.submit(press="Save the product", status=422, **{"contents-0-link": "https://atelier.test/1"})
    assert page.errors == ["Enter a title for this address, or clear the address too."]


def test_looking_and_moving_ask_for_no_factors_and_saving_does(owner, ctx, make, merchant):
    product = make.product(merchant, contents=(("A", 0), ("B", 0)))
    page = page_of(owner, product)
    grow_old(ctx)
    page = page.submit(press="Down: A", name="Piano").submit(press="Refresh the example")
    assert page.values(page.form(press="Save the product"))["name"] == "Piano"
    page.submit(press="Save the product", status=401)
    assert [one.title for one in product_of(ctx, product).contents] == ["A", "B"]

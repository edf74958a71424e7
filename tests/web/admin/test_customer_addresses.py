"""The desk takes over a customer's newer address at PayPal, or not, and joins two of one address (issue 10)."""

from __future__ import annotations

import pytest

from portal.clock import utc_now
from portal.models import Customer

NEW, SHARED = "claire@xn--bcher-kva.example", "zoe@xn--bcher-kva.example"
TAKE, KEEP = "Adopt the new address and email both", "Keep the current address"


def reload(ctx, customer):
    with ctx.db.read() as session:
        return session.get(Customer, customer.id)


@pytest.fixture
def claire(make, merchant):
    return make.customer(
        merchant, name="Claire", email="claire@ancien.example", paypal_email=NEW, paypal_email_at=utc_now()
    )


def record(customer) -> str:
    return f"/admin/customers/{customer.id}"


def test_the_newer_address_is_shown_as_people_write_it_and_taken_over(support, claire, ctx, letters):
    page = support.get(record(claire))
    assert "claire@bücher.example" in page.text
    assert reload(ctx, claire).email == "claire@ancien.example", "nothing before the button"
    page = page.submit(press=TAKE)
    assert page.notices == ["The address is changed. An email goes to both addresses."]
    assert reload(ctx, claire).email == NEW
    assert sorted(letter.recipient for letter in letters()) == ["claire@ancien.example", NEW]
    assert TAKE not in page.text


def test_kept_the_address_is_offered_no_more(support, claire, ctx, letters):
    page = support.get(record(claire)).submit(press=KEEP)
    assert page.notices == ["The address stays as it is."]
    assert KEEP not in page.text
    assert (reload(ctx, claire).email, letters()) == ("claire@ancien.example", [])


def test_what_somebody_else_has_answered_is_not_done_twice(support, claire):
    page, stale = support.get(record(claire)), support.get(record(claire))
    page.submit(press=TAKE)
    assert stale.submit(press=KEEP).notices == [
        "PayPal now gives a different address, or somebody has answered in the meantime."
    ]


def test_an_address_of_another_customer_is_not_offered_but_named(support, make, merchant, claire):
    other = make.customer(merchant, name="Claire bis", email=NEW)
    page = support.get(record(claire))
    assert TAKE not in page.text
    assert page.link("Claire bis") == record(other)


def test_a_reader_sees_it_and_has_no_button(reader, claire):
    page = reader.get(record(claire))
    assert "claire@bücher.example" in page.text
    assert TAKE not in page.text


@pytest.fixture
def twins(make, merchant):
    return (
        make.customer(merchant, name="Zoé", email=SHARED),
        make.customer(merchant, name="Zoe", email=SHARED, email_place=1),
    )


def test_two_of_one_address_are_joined_after_a_page_that_says_what_happens(support, make, merchant, twins, ctx):
    first, second = twins
    moved = make.subscription(merchant=merchant, customer=second)
    page = support.get(record(first)).follow("Merge the two…")
    assert moved.provider_id in page.text
    assert reload(ctx, second) is not None
    page = page.submit(press="Merge them")
    assert page.notices == ["The two customers are now one."]
    assert moved.product.name in page.text
    assert reload(ctx, second) is None


def test_customers_of_two_addresses_cannot_be_joined(support, make, merchant, twins):
    other = make.customer(merchant)
    support.get(f"{record(other)}/joining/{twins[0].id}", status=404)
    support.get(f"{record(twins[0])}/joining/{twins[0].id}", status=404)


def test_search_finds_an_address_in_either_spelling(support, twins):
    for typed in ("zoe@bücher.example", "Zoe@xn--bcher-kva.example"):
        assert "Zoé" in support.get(f"/admin/customers?q={typed}").text

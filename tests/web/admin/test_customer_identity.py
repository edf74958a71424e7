"""Staff correct who a customer is; another address is confirmed by its own mailbox."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import update

from portal.clock import utc_now
from portal.models import AddressChange, Customer
from portal.services.people import address_changes

NEW = "claire@neuf.example"


@pytest.fixture
def claire(make, merchant):
    return make.customer(merchant, name="Claire", email="claire@client.test")


@pytest.fixture
def paths(letters):
    """The link of each question, oldest first."""

    def read() -> list[str]:
        found = (re.search(r"/address/(\S+)", one.text) for one in letters())
        return [one[1] for one in found if one is not None]

    return read


def record(customer) -> str:
    return f"/admin/customers/{customer.id}"


def reload(ctx, customer):
    with ctx.db.read() as session:
        return session.get(Customer, customer.id)


def rows(page, part):
    return {
        row.select_one("dt").get_text(strip=True): row.select_one("dd").get_text(" ", strip=True)
        for row in page.select(f"#{part} dl.summary > div")
    }


def test_name_language_and_contact_are_corrected_on_a_page_of_their_own(support, claire):
    page = support.get(record(claire)).follow("Correct…")
    assert page.select_one("#name")["value"] == "Claire"
    page = page.submit(name="Claire Dupont", locale="fr", contact_allowed=False)
    assert page.path == record(claire)
    assert page.notices == ["Saved."]
    shown = rows(page, "identity")
    assert (shown["Name"], shown["Language"]) == ("Claire Dupont", "Français")
    assert shown["Contact about coming back"] == "asked not to be contacted"
    page = page.follow("Correct…").submit(press="Save")
    assert page.notices == ["Nothing was changed."]


def test_another_address_waits_is_sent_again_and_taken_back(support, claire, ctx, letters, now):
    page = support.get(f"{record(claire)}/identity").submit(email=NEW)
    assert page.notices == [f"Saved. An email goes to {NEW}, which has to confirm it."]
    assert "waits for its confirmation" in page.text
    assert "Léa Martin entered claire@neuf.example" in page.text
    assert reload(ctx, claire).email == "claire@client.test"
    page = page.submit(press="Send the email again")
    assert "Try again in five minutes" in page.notices[0]
    with ctx.db.begin() as session:
        session.execute(update(AddressChange).values(mailed_at=now - timedelta(minutes=6)))
    page = page.submit(press="Send the email again")
    assert page.notices == [f"A new email goes to {NEW}. Only its button works now."]
    page = page.submit(press="Withdraw the new address")
    assert page.notices == ["Withdrawn: the address stays as it is."]
    assert "waits for its confirmation" not in page.text
    assert sorted(one.recipient for one in letters()) == ["claire@client.test", NEW, NEW]


def test_one_that_nobody_confirmed_in_time_says_so_until_it_is_sent_again(support, claire, ctx):
    page = support.get(f"{record(claire)}/identity").submit(email=NEW)
    with ctx.db.begin() as session:
        past = utc_now() - timedelta(minutes=10)
        session.execute(update(AddressChange).values(expires_at=past, mailed_at=past))
    page = support.get(record(claire))
    assert "Nobody confirmed it by" in page.text
    page = page.submit(press="Send the email again")
    assert "Nobody confirmed it" not in page.text


def test_an_address_of_another_customer_is_said_and_leads_to_joining(support, make, merchant, claire, ctx, paths):
    other = make.customer(merchant, name="Claire bis", email=NEW)
    page = support.get(f"{record(claire)}/identity")
    assert not page.select("#is_same_person")
    page = page.submit(name="Claire D.", email=NEW, status=422)
    assert page.errors == [
        "Another customer has this address: Claire bis. Enter another one, or say below that they are the same person."
    ]
    assert page.select_one("#name")["value"] == "Claire D.", "what was typed stays"
    assert page.link("Open the record: Claire bis") == record(other)
    assert reload(ctx, claire).name == "Claire"
    page = page.submit(is_same_person=True)
    assert "which has to confirm it" in page.notices[0]
    assert address_changes.confirm(ctx, merchant.id, paths()[0], now=utc_now())
    page = support.get(record(claire)).follow("Merge the two…")
    page.submit(press="Merge them")
    assert reload(ctx, other) is None


def test_paypals_address_of_another_customer_leads_there_too(support, make, merchant):
    make.customer(merchant, name="Claire bis", email=NEW)
    claire = make.customer(merchant, name="Claire", paypal_email=NEW, paypal_email_at=utc_now())
    page = support.get(record(claire)).follow("They are the same person…")
    assert page.select_one("#email")["value"] == NEW


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("claire", "Enter an address like name@example.com."),
        ("", "Enter an address: without one, this customer could not log in any more."),
        ("c" * 250 + "@client.test", "This address is too long."),
    ],
)
def test_what_is_no_address_is_asked_for_again(support, claire, ctx, typed, error):
    page = support.get(f"{record(claire)}/identity").submit(email=typed, status=422)
    assert page.errors == [error]
    assert reload(ctx, claire).email == "claire@client.test"


def test_a_customer_without_address_or_name_stays_so_or_gets_one(support, make, merchant, ctx, letters):
    customer = make.customer(merchant, name="", email=None)
    page = support.get(f"{record(customer)}/identity").submit(press="Save")
    assert page.notices == ["Nothing was changed."]
    support.get(f"{record(customer)}/identity").submit(email=NEW)
    assert [one.recipient for one in letters()] == [NEW]


def test_a_reader_sees_what_waits_and_changes_nothing(reader, support, claire):
    support.get(f"{record(claire)}/identity").submit(email=NEW)
    page = reader.get(record(claire))
    assert "waits for its confirmation" in page.text
    assert "Correct…" not in page.text
    assert not page.select(f'form[action^="{record(claire)}/address"]')
    reader.get(f"{record(claire)}/identity", status=403)


def test_the_address_is_written_as_people_write_it(support, make, merchant):
    customer = make.customer(merchant, email="zoe@xn--bcher-kva.example")
    page = support.get(f"{record(customer)}/identity")
    assert page.select_one("#email")["value"] == "zoe@bücher.example"
    assert page.submit(press="Save").notices == ["Nothing was changed."]


def test_who_corrects_a_name_brings_back_no_consent_that_was_taken_meanwhile(support, owner, ctx, claire):
    """Two people have the page open: what one has not touched stays as the other wrote it."""
    mine, theirs = (person.get(f"{record(claire)}/identity") for person in (support, owner))
    theirs.submit(contact_allowed=False, locale="fr")
    mine.submit(name="Claire Dupont")
    got = reload(ctx, claire)
    assert (got.name, got.contact_allowed, got.locale) == ("Claire Dupont", False, "fr")


def test_an_answer_that_does_not_say_what_it_was_shown_is_taken_whole(support, ctx, claire):
    page = support.get(f"{record(claire)}/identity")
    for nonsense in ("", "[", "[1]", '"x"', '{"name": 1}'):
        page.submit(name=f"Claire {len(nonsense)}", shown=nonsense)
        assert reload(ctx, claire).name == f"Claire {len(nonsense)}"

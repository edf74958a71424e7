"""Access given by hand at the desk: shown before it is done, with the mail, and shown afterwards with its origin."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from portal.models import Grant

CONTINUE, GIVE, CHANGE, WITHDRAW = "Continue", "Give this access", "Change the access", "Withdraw this access"


@pytest.fixture
def piano(make, merchant):
    return make.product(merchant, name="Piano", contents=(("Lesson 1", 0), ("Lesson 2", 30)))


@pytest.fixture
def zoe(make, merchant):
    return make.customer(merchant, name="Zoé", email="zoe@client.test", locale="fr")


@pytest.fixture
def today(now, merchant):
    return now.astimezone(ZoneInfo(merchant.time_zone)).date()


def record(customer) -> str:
    return f"/admin/customers/{customer.id}"


def stored(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(Grant).order_by(Grant.created_at)).all()


def access(page) -> list[str]:
    return [row.get_text(" ", strip=True) for row in page.select("#access tbody tr")]


def given(support, customer, product, **days):
    page = support.get(f"{record(customer)}/grants/new").submit(product=str(product.id), **days)
    return page.submit(press=GIVE)


def test_it_is_shown_with_its_mail_first_and_then_given(support, zoe, piano, ctx, letters):
    page = support.get(record(zoe)).follow("Give access by hand…")
    page = page.submit(press=CONTINUE, product=str(piano.id), note="won a draw")
    assert stored(ctx) == []
    assert "Lesson 2: for good" in page.text
    letter = page.select_one("#letter div")
    assert letter["lang"] == "fr", "in the customer's language"
    page = page.submit(press=GIVE)
    assert page.notices == ["Access given. An email goes to zoe@client.test."]
    (line,) = access(page)
    assert line.startswith("Piano for good given by hand on")
    assert "by Léa Martin" in line
    assert "Internal note: won a draw" in line
    (mail,) = letters()
    shown = letter.get_text(" ", strip=True).removeprefix(mail.subject).split()
    assert shown == mail.text.replace("\n--\n", "\n").split(), "what was shown is what leaves"


def test_what_was_not_shown_is_shown_before_it_is_done(support, make, merchant, zoe, piano, ctx):
    other = make.product(merchant, name="Photo")
    page = support.get(f"{record(zoe)}/grants/new").submit(product=str(piano.id))
    page = page.submit(press=GIVE, product=str(other.id))
    assert "You changed something" in page.text
    assert stored(ctx) == []
    page.submit(press=GIVE)
    assert [row.product_id for row in stored(ctx)] == [other.id]


def test_without_the_tick_nobody_is_written_to_and_no_mail_is_shown(support, zoe, piano, letters):
    page = support.get(f"{record(zoe)}/grants/new").submit(product=str(piano.id), is_told=False)
    assert not page.select("#letter")
    assert page.submit(press=GIVE).notices == ["Access given."]
    assert letters() == []


def test_a_customer_without_address_gets_access_and_the_desk_is_told_what_that_means(
    support, make, merchant, piano, letters, ctx
):
    nobody = make.customer(merchant, email=None)
    page = support.get(f"{record(nobody)}/grants/new")
    assert "they cannot log in and cannot be told by email" in page.text
    assert not page.select("#is_told")
    page.submit(product=str(piano.id)).submit(press=GIVE)
    assert len(stored(ctx)) == 1
    assert letters() == []


def test_each_thing_that_cannot_be_is_a_sentence_at_its_field(support, zoe, piano, today, ctx):
    def errors(**answers):
        page = support.get(f"{record(zoe)}/grants/new").submit(status=422, **answers)
        return page.errors

    day = timedelta(days=1)
    product = str(piano.id)
    assert errors(product="") == ["Choose a product."]
    assert errors(product=product, since="") == ["Enter the first day of access."]
    assert "Enter a date, for example" in errors(product=product, since="soon")[0]
    later, sooner = (today + 9 * day).isoformat(), (today + 5 * day).isoformat()
    assert errors(product=product, since=later, until=sooner) == ["The last day is before the first day."]
    old = (today - 9 * day).isoformat()
    over = errors(product=product, since=old, until=(today - 2 * day).isoformat())
    assert over == ["This access would be over already. Choose a last day from today on."]
    assert "Choose a day from" in errors(product=product, since="0001-01-01")[0]
    given(support, zoe, piano)
    assert "already has this product by hand" in errors(product=product)[0]
    assert len(stored(ctx)) == 1


def test_its_last_day_is_whole(support, zoe, piano, today, merchant, ctx):
    last = today + timedelta(days=5)
    page = given(support, zoe, piano, until=last.isoformat())
    (row,) = stored(ctx)
    assert row.until > row.since + timedelta(days=5)
    assert f"until {last.day} " in access(page)[0]


def test_changed_and_withdrawn_from_the_record(support, zoe, piano, today, ctx, letters):
    page = given(support, zoe, piano)
    page = page.follow("Change").submit(press=CONTINUE, until=(today + timedelta(days=30)).isoformat())
    assert "Lesson 1: until" in page.text
    page = page.submit(press=CHANGE)
    assert page.notices == ["Access changed. An email goes to zoe@client.test."]
    page = page.follow("Change").submit(press=CONTINUE, note="as agreed")
    assert page.notices == ["Access changed."], "a note opens nothing: nothing to show, nobody to tell"
    page = page.follow("Change").submit(press=CONTINUE)
    assert page.notices == ["Nothing was changed."]
    page = page.follow("Withdraw")
    assert "What closes at once: Lesson 1 Lesson 2" in page.text
    assert stored(ctx)[0].withdrawn_at is None, "nothing before the button"
    page = page.submit(press=WITHDRAW)
    assert page.notices == ["Access withdrawn. An email goes to zoe@client.test."]
    assert "withdrawn on" in access(page)[0]
    assert not page.select('a[href$="/withdrawal"]')
    assert len(letters()) == 3


def test_what_is_over_is_neither_changed_nor_withdrawn(support, make, merchant, zoe, piano, now):
    grant = Grant(
        merchant_id=merchant.id,
        customer_id=zoe.id,
        product_id=piano.id,
        since=now - timedelta(days=9),
        until=now - timedelta(days=2),
    )
    make.add(grant)
    page = support.get(record(zoe))
    (line,) = access(page)
    assert "given by hand on" in line
    assert "by " not in line.partition("given by hand on")[2], "nobody wrote down who"
    with make.ctx.db.read() as session:
        grant_id = session.scalars(select(Grant.id)).one()
    for way in ("", "/withdrawal"):
        support.get(f"{record(zoe)}/grants/{grant_id}{way}", status=404)


def test_another_merchant_s_customer_product_and_gift_are_not_there(support, enter, make, zoe, piano):
    given(support, zoe, piano)
    stranger = enter(make.merchant(locale="en"))
    stranger.get(f"{record(zoe)}/grants/new", status=404)
    own = make.customer(make._last_merchant)
    make.product(make._last_merchant, name="Theirs")
    page = stranger.get(f"{record(own)}/grants/new")
    sent = {"csrf_token": stranger.values_of(page)["csrf_token"], "product": str(piano.id), "since": "2027-02-03"}
    assert stranger.post(f"{record(own)}/grants/new", sent, status=422).errors == ["Choose a product."]


def test_a_reader_sees_the_origin_and_no_way_to_change_it(reader, support, zoe, piano):
    given(support, zoe, piano)
    page = reader.get(record(zoe))
    assert "by Léa Martin" in access(page)[0]
    assert not page.select("#access a[href]")
    reader.get(f"{record(zoe)}/grants/new", status=403)


def test_without_a_product_the_page_says_where_they_come_from(support, make, zoe, ctx):
    page = support.get(f"{record(zoe)}/grants/new")
    assert "There is no product to give yet." in page.text
    assert page.link("Import subscriptions") == "/admin/import"


def test_the_origin_stands_beside_the_subscription_and_in_what_an_end_leaves(support, make, merchant, zoe, piano):
    subscription = make.subscription(customer=zoe, product=piano)
    page = given(support, zoe, piano)
    assert access(page)[0].startswith("Piano as long as the subscription runs by subscription")
    shown = support.get(f"/admin/subscriptions/{subscription.id}").select_one("#dates").get_text(" ", strip=True)
    assert "for good – given by hand on" in shown
    assert "by Léa Martin" in shown
    page = support.get(f"/admin/subscriptions/{subscription.id}/end/cancel")
    assert "kept for good (given by hand)" in page.text

"""The merchant's face: previewed by the owner alone, published, and then on customers' pages and in their mails."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.models import Mail, Merchant
from portal.services.notices import leaving

FACE = "/admin/settings/face"


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", locale="en")


def reload(ctx, merchant):
    with ctx.db.read() as session:
        return session.get_one(Merchant, merchant.id)


def sheet(page):
    return page.select_one('link[rel="stylesheet"]')["href"]


def test_a_preview_shows_what_is_typed_and_publishes_nothing(owner, ctx, merchant):
    typed = {"name": "Chez Zoé", "sender_name": "Zoé, Chez Zoé", "accent": "0C5D6D"}
    page = owner.get(FACE).submit(press="Preview", **typed)
    assert "Nothing is published yet" in page.text
    assert "Chez Zoé" in page.select_one(".brand").get_text()
    assert "accent=0c5d6d" in sheet(page)
    assert "Zoé, Chez Zoé <portal@portal.test>" in page.text
    assert merchant.support_email in page.text
    got = reload(ctx, merchant)
    assert (got.name, got.sender_name, got.accent) == ("L’Atelier", "", "")

    back = page.submit(press="Go on editing")
    assert {name: back.values(back.form(press="Publish"))[name] for name in typed} == typed | {"accent": "#0c5d6d"}
    assert reload(ctx, merchant).name == "L’Atelier"

    done = page.submit(press="Publish")
    assert "The settings are saved." in done.notices[0]
    got = reload(ctx, merchant)
    assert (got.name, got.sender_name, got.accent) == ("Chez Zoé", "Zoé, Chez Zoé", "#0c5d6d")


def test_a_preview_leads_nowhere_and_its_code_opens_nothing(owner, letters):
    page = owner.get(FACE).submit(press="Preview", accent="#0c5d6d")
    assert [link["href"] for link in page.select("main a") if not link["href"].startswith("#")] == []
    assert letters() == []


def test_what_was_published_from_a_preview_meanwhile_is_told(owner, enter, ctx, merchant):
    mine = owner.get(FACE).submit(press="Preview", name="Mine")
    enter(merchant).submit(FACE, press="Publish", name="Theirs")
    page = mine.submit(press="Publish", status=409)
    assert page.values(page.form(press="Publish"))["name"] == "Mine"
    assert "Theirs" in page.select_one("main table").get_text()
    assert reload(ctx, merchant).name == "Theirs"


def test_a_colour_that_cannot_be_read_is_refused_and_the_nearest_is_offered_by_a_button(owner, ctx, merchant):
    page = owner.get(FACE).submit(press="Publish", name="Chez Zoé", accent="#f4c20d", status=422)
    (error,) = page.errors
    assert "1.5 to 1 where 4.5 to 1 is needed" in error
    offered = error[-8:-1]
    assert reload(ctx, merchant).accent == ""
    page = page.submit(press=f"Take {offered}")
    assert page.errors == []
    shown = page.values(page.form(press="Publish"))
    assert (shown["accent"], shown["name"]) == (offered, "Chez Zoé")
    assert reload(ctx, merchant).accent == "", "it was put into the form, and nothing more"
    page.submit(press="Publish")
    assert (reload(ctx, merchant).accent, reload(ctx, merchant).name) == (offered, "Chez Zoé")


@pytest.mark.parametrize("bad", ["red", "#12345", "url(x)", "#12345g"])
def test_what_is_no_colour_is_refused(owner, ctx, merchant, bad):
    page = owner.get(FACE).submit(press="Preview", accent=bad, status=422)
    assert "six digits" in page.errors[0]
    assert page.select_one("#accent")["value"] == bad


def test_the_published_colour_is_on_every_page_of_the_customer_and_none_of_the_desk(
    owner, browser, make, merchant, seat_customer
):
    owner.submit(FACE, press="Publish", accent="#c2185b")
    login = browser.get(f"/account/{merchant.slug}/login")
    assert "accent=c2185b" in sheet(login)
    account = seat_customer(browser, merchant, make.customer(merchant)).get(f"/account/{merchant.slug}/")
    assert "accent=c2185b" in sheet(account)
    assert "accent" not in sheet(owner.get("/admin/"))
    answer = browser.client.get(sheet(account), base_url=browser.base_url)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "--accent:#c2185b" in answer.get_data(as_text=True)


def test_another_merchants_pages_keep_their_own_colour(owner, browser, make, merchant):
    other = make.merchant(accent="#0c5d6d")
    owner.submit(FACE, press="Publish", accent="#c2185b")
    assert "accent=0c5d6d" in sheet(browser.get(f"/account/{other.slug}/login"))


def test_the_merchants_own_pages_stand_at_the_foot_of_customers_pages_alone(owner, browser, merchant):
    owner.submit("/admin/settings/addresses", press="Save the settings", terms_url="a.test/terms", legal_url="a.test/l")
    foot = browser.get(f"/account/{merchant.slug}/login", Accept_Language="en").select_one("footer")
    links = {link.get_text(): link["href"] for link in foot.select("a")}
    assert (links["Terms of sale"], links["Legal notice"]) == ("https://a.test/terms", "https://a.test/l")
    assert "Website" not in links
    assert links["Privacy policy"] == f"/{merchant.slug}/privacy"  # the portal has a page of it
    assert "Terms of sale" not in owner.get("/admin/").select_one("footer").get_text()


def test_a_mail_bears_the_senders_name_the_colour_and_the_pages(owner, browser, make, merchant, letters, mailer, ctx):
    owner.submit(FACE, press="Publish", sender_name="Zoé", accent="#c2185b")
    owner.submit("/admin/settings/addresses", press="Save the settings", privacy_url="a.test/privacy")
    browser.submit(f"/account/{merchant.slug}/login", email=make.customer(merchant).email)
    (letter,) = letters()
    assert "a { color: #c2185b; }" in letter.html
    assert "https://a.test/privacy" in letter.text
    assert 'href="https://a.test/privacy"' in letter.html
    with ctx.db.read() as session:
        waiting = session.scalars(select(Mail.id)).one()
    leaving.send(ctx, waiting, now=utc_now())
    assert (mailer.sent[0].sender_name, mailer.sent[0].sender) == ("Zoé", ctx.mail_from)


def test_without_a_senders_name_it_is_the_shops(owner, browser, make, merchant, mailer, ctx):
    browser.submit(f"/account/{merchant.slug}/login", email=make.customer(merchant).email)
    with ctx.db.read() as session:
        waiting = session.scalars(select(Mail.id)).one()
    leaving.send(ctx, waiting, now=utc_now())
    assert mailer.sent[0].sender_name == "L’Atelier"

"""Legal texts as everybody reads them, and as the desk publishes them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.domain.law.retention import TABLE, Kind
from portal.queries.account.own_data import PARTS
from portal.web.legal_words import PART
from portal.web.retention_words import TO_CUSTOMERS

NOTICE = {
    "publisher": "Atelier SARL, capital 1 000 €",
    "address": "1, rue du Test\r\n75001 Paris",
    "registration": "RCS Paris 123 456 789",
    "contact": "aide@atelier.test, 01 02 03 04 05",
    "host": "Hébergeur SAS\r\n2, rue des Serveurs, 69001 Lyon",
}
SCRIPT = "<script>alert(1)</script>\n# <b>Titre</b>\n- [lien](javascript:alert(1))"


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", slug="atelier", locale="en", support_email="help@atelier.test")


@pytest.fixture
def reading(browser):
    """A stranger who reads English."""
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return browser


def words(page):
    return " ".join(page.select_one("main").get_text(" ").split())


def test_without_a_text_the_notice_says_what_is_known_and_claims_nothing_else(reading, merchant):
    page = reading.get("/atelier/legal-notice")
    assert page.select_one("h1").get_text() == "Legal notice"
    assert "L’Atelier has not published this text here yet." in words(page)
    assert "help@atelier.test" in words(page)
    assert [one for one in page.select("h2") if one.get_text() != "Legal notice"] == []


@pytest.mark.law("R-GD-2", "R-GD-3")
def test_without_a_text_the_privacy_page_tells_what_the_portal_stores_and_how_long(reading, merchant):
    said = words(reading.get("/atelier/privacy"))
    assert "L’Atelier has not published a text of its own yet." in said
    for kind, rule in TABLE.items():
        assert str(TO_CUSTOMERS[kind]) in said or kind is Kind.CUSTOMERS, kind
        assert f"{rule.usual} {rule.unit.value.removesuffix('s')}" in said
    for name in ("PayPal (Europe)", "CNIL", "help@atelier.test", "article 6(1)(b)"):
        assert name in said


@pytest.mark.law("R-GD-2")
def test_every_part_of_a_customers_own_file_is_told_and_nothing_that_is_not_stored():
    assert PART.keys() == PARTS.keys()
    assert len({str(one) for one in PART.values()}) == len(PARTS)


@pytest.mark.law("R-GD-8")
def test_the_cookies_are_those_that_the_page_tells_of(app, reading, merchant, make, log_in_customer):
    log_in_customer(reading, merchant, make.subscription(merchant=merchant).customer)
    page = reading.get("/atelier/privacy").submit(press="Français")
    names = {cookie.key for cookie in reading.client._cookies.values()}
    assert names == {"portal", "portal_customer"}  # forms and language; the log-in
    assert "cookies nécessaires" in words(page)


@pytest.mark.law("R-GD-3")
def test_the_page_tells_the_span_that_the_merchant_chose_and_says_when_a_published_one_has_moved(
    owner, reading, merchant
):
    owner.submit("/admin/settings/legal-texts/privacy", press="Publish", contact="dpo@atelier.test")
    assert "in force from" in words(reading.get("/atelier/privacy"))
    assert "has changed" not in words(reading.get("/atelier/privacy"))
    owner.submit("/admin/settings/retention", press="Save the settings", keeps_mails="7")
    page = reading.get("/atelier/privacy")
    assert "what is stored or for how long has changed" in words(page)
    assert "7 months" not in words(page)  # the version that was published stays what it was
    assert "7 months" in words(reading.get("/atelier/privacy?today=1"))
    assert "publish it again" in words(owner.get("/admin/settings/legal-texts"))
    owner.submit("/admin/settings/legal-texts/privacy", press="Publish")
    assert "7 months" in words(reading.get("/atelier/privacy"))
    assert "7 months" not in words(reading.get("/atelier/privacy?version=1"))


def test_a_notice_is_shown_with_what_was_answered_in_both_languages(owner, reading, merchant):
    owner.submit("/admin/settings/legal-texts/notice", press="Publish", **NOTICE)
    said = words(reading.get("/atelier/legal-notice"))
    for answer in NOTICE.values():
        assert " ".join(answer.split()) in said
    assert "VAT" not in said  # nothing was answered
    reading.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "fr"
    assert "Hébergeur" in words(reading.get("/atelier/legal-notice"))
    assert "Publisher" not in words(reading.get("/atelier/legal-notice"))
    assert "Hébergeur SAS" in words(reading.get("/atelier/privacy"))


def test_the_desk_says_what_is_missing_and_only_a_look_publishes_nothing(owner, reading, merchant):
    index = words(owner.get("/admin/settings/legal-texts"))
    assert "the page only gives your name and your help address" in index
    page = owner.submit("/admin/settings/legal-texts/notice", press="Show the effect first", **NOTICE)
    assert "It is not published yet." in words(page)
    assert "Atelier SARL" in page.select_one("figure").get_text()
    assert "Atelier SARL" not in words(reading.get("/atelier/legal-notice"))
    page = owner.submit("/admin/settings/legal-texts/notice", press="Publish", publisher="Atelier SARL", status=422)
    assert len(page.errors) == 3
    assert [one.get_text() for one in page.select("label .optional")] == ["(optional)"] * 4
    owner.submit("/admin/settings/legal-texts/notice", press="Publish", **NOTICE)
    assert "Not published: the page only" not in words(owner.get("/admin/settings/legal-texts"))


def test_the_first_steps_and_then_the_desks_home_say_that_the_notice_is_missing(enter, make, owner, merchant, now):
    assert "Not published: the page only" in words(owner.get("/admin/start"))
    known = enter(make.merchant(slug="autre", locale="en", first_customer_at=now))
    assert "Your legal notice is not published yet." in words(known.get("/admin/"))
    known.submit("/admin/settings/legal-texts/notice", press="Publish", **NOTICE)
    assert "Your legal notice is not published yet." not in words(known.get("/admin/"))
    assert "Not published: the page only" not in words(known.get("/admin/start"))


@pytest.mark.parametrize("kind", ["privacy", "terms"])
def test_what_a_merchant_writes_is_text_and_nothing_else(owner, reading, merchant, kind):
    owner.submit(f"/admin/settings/legal-texts/{kind}", press="Publish", own_text=SCRIPT)
    page = reading.get(f"/atelier/{'terms-of-sale' if kind == 'terms' else kind}")
    assert page.select("main script, main b, main a[href^=javascript]") == []
    assert "<script>alert(1)</script>" in words(page)
    assert "<b>Titre</b>" in [one.get_text() for one in page.select("main h2, main h3")]


def test_a_text_in_another_language_than_the_page_says_so(owner, reading, merchant):
    owner.submit("/admin/settings/legal-texts/terms", press="Publish", own_text="Our terms.")
    assert reading.get("/atelier/terms-of-sale").select("main [lang]") == []
    reading.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "fr"
    assert reading.get("/atelier/terms-of-sale").select_one("main [lang=en]").get_text().strip() == "Our terms."


def test_one_for_later_leaves_the_present_one_and_both_can_be_read(owner, reading, merchant, now):
    day = (now + timedelta(days=40)).date().isoformat()
    owner.submit("/admin/settings/legal-texts/terms", press="Publish", own_text="Present terms.")
    owner.submit("/admin/settings/legal-texts/terms", press="Publish", own_text="Coming terms.", valid_from=day)
    page = reading.get("/atelier/terms-of-sale")
    assert "Present terms." in words(page)
    assert "to come" in page.select_one("details").get_text()
    older = reading.get("/atelier/terms-of-sale?version=2")
    assert "Coming terms." in words(older)
    assert "not the version that applies today" in words(older)


def test_a_day_that_is_over_and_empty_terms_are_refused_and_what_was_typed_stays(owner, merchant, now):
    yesterday = (now - timedelta(days=2)).date().isoformat()
    page = owner.submit(
        "/admin/settings/legal-texts/terms", press="Publish", own_text="Terms.", valid_from=yesterday, status=422
    )
    assert len(page.errors) == 1
    assert page.select_one("textarea").get_text().strip() == "Terms."
    assert len(owner.submit("/admin/settings/legal-texts/terms", press="Publish", own_text=" ", status=422).errors) == 1


def test_of_two_who_publish_the_second_sees_what_the_first_has_said(owner, merchant):
    page = owner.get("/admin/settings/legal-texts/terms")
    stale = page.values(page.form(press="Publish"))
    owner.submit("/admin/settings/legal-texts/terms", press="Publish", own_text="Mine.")
    answer = owner.post("/admin/settings/legal-texts/terms", {**stale, "own_text": "Theirs."}, status=409)
    assert "Mine." in words(answer)
    assert answer.select_one("textarea").get_text().strip() == "Theirs."


@pytest.mark.parametrize(
    ("french", "one"),
    [("mentions-legales", "legal-notice"), ("confidentialite", "privacy"), ("conditions-de-vente", "terms-of-sale")],
)
def test_the_french_address_leads_to_the_one_address(reading, merchant, french, one):
    answer = reading.client.get(f"/atelier/{french}")
    assert (answer.status_code, answer.location) == (301, f"/atelier/{one}")


def test_nobodys_texts_and_versions_that_there_are_not_are_not_found(reading, owner, merchant):
    reading.get("/nobody/privacy", status=404)
    reading.get("/atelier/privacy?version=1", status=404)
    owner.get("/admin/settings/legal-texts/letter", status=404)


def test_the_foot_of_the_customers_pages_leads_there_unless_the_merchant_has_pages_of_their_own(
    reading, owner, merchant
):
    def links():
        foot = reading.get("/account/atelier/login").select_one("footer")
        return {one.get_text(): one["href"] for one in foot.select("a")}

    assert links()["Legal notice"] == "/atelier/legal-notice"
    assert links()["Privacy policy"] == "/atelier/privacy"
    owner.submit("/admin/settings/addresses", press="Save the settings", legal_url="https://atelier.test/legal")
    assert links()["Legal notice"] == "https://atelier.test/legal"
    assert "https://atelier.test/legal" in str(reading.get("/atelier/legal-notice").select_one("main"))

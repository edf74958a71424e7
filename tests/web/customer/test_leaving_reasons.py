"""The merchant's reasons where a customer cancels: in their language, none in the way, none that was given lost."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.domain.merchants import leaving_reasons as rules
from portal.domain.merchants.leaving_reasons import USUAL
from portal.domain.policies import Role
from portal.models import Merchant, Proof
from tests.browser_client import Browser
from tests.web.customer.conftest import CANCEL

MOVED = {"fr": "J’ai déménagé", "en": "I moved"}


@pytest.fixture
def listed(ctx):
    """Give a merchant that list."""

    def write(merchant, reasons):
        with ctx.db.begin() as session:
            session.get_one(Merchant, merchant.id).leaving_reasons = rules.write(reasons)

    return write


@pytest.fixture
def desk(app, hire, seat_staff):
    """The desk of a merchant, in English."""

    def open_for(merchant):
        browser = Browser(app, address="192.0.2.9")
        browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
        return seat_staff(browser, hire(merchant, role=Role.OWNER, locale="en"))

    return open_for


def asked(page):
    return [" ".join(label.get_text().split()) for label in page.select("#reason label")]


def test_without_a_list_the_portals_reasons_are_asked(visit, make):
    page = visit.recap(make.subscription(customer=visit.customer))
    assert [one["value"] for one in page.select("#reason input")] == [one.code for one in USUAL]
    assert not page.select("#reason input[checked]")


@pytest.mark.parametrize(("language", "words"), [("fr", "J’ai déménagé"), ("en", "I moved")])
def test_the_merchants_reasons_are_asked_in_its_order_and_the_customers_language(make, log_in, listed, language, words):
    merchant = make.merchant(locale="fr")
    customer = make.customer(merchant)
    mine = rules.added(rules.retired(USUAL, "technical"), MOVED)
    code = mine[5].code
    for _step in range(5):
        mine = rules.moved(mine, code, down=False)
    listed(merchant, mine)
    page = log_in(merchant, customer, language=language).recap(make.subscription(customer=customer))
    assert asked(page)[0] == words
    assert [one["value"] for one in page.select("#reason input")] == [
        code, "too_expensive", "not_used", "finished", "not_expected", "other",
    ]  # fmt: skip


def test_where_a_language_has_no_words_the_other_has_and_script_is_text(visit, make, listed):
    listed(visit.merchant, rules.added(USUAL, {"fr": "<script>alert(1)</script>"}))
    page = visit.recap(make.subscription(customer=visit.customer))
    assert asked(page)[-1] == "<script>alert(1)</script>"
    assert "<script>alert" not in page.body
    assert page.select("#reason label")[-1].select_one("span")["lang"] == "fr", "read aloud as what it is"
    assert len(page.select("#reason label span[lang]")) == 1


def test_what_was_given_is_kept_and_read_in_the_merchants_words_everywhere(visit, make, listed, ctx, desk):
    listed(visit.merchant, rules.added(USUAL, {"fr": "100 % trop cher", "en": "100% too dear"}))
    subscription = make.subscription(customer=visit.customer)
    page = visit.recap(subscription).submit(press=CANCEL, reason="100_trop_cher", comment="Adieu")
    assert "100% too dear" in page.text
    assert make.requests(subscription)[0].reason_code == "100_trop_cher"
    team = desk(visit.merchant)
    assert "100% too dear" in team.get(f"/admin/subscriptions/{subscription.id}").text
    found = team.get("/admin/subscriptions?reason=100_trop_cher")
    assert "100% too dear" in found.text
    assert str(subscription.id) in found.body
    with ctx.db.read() as session:
        facts = session.scalars(select(Proof.facts)).one()
    assert facts["reason"] in ("100% too dear", "100 % trop cher")


def test_a_mail_says_it_as_the_merchant_wrote_it(visit, make, listed, paypal, letters):
    listed(visit.merchant, rules.added(USUAL, {"fr": "100 % trop cher", "en": "%(name)s is 100% too dear"}))
    paypal.rule("show", "500")
    visit.cancel(make.subscription(customer=visit.customer), reason="100_trop_cher")
    told = [letter.text + letter.html for letter in letters()]
    assert any("100% too dear" in text or "100 % trop cher" in text for text in told)


def test_a_reason_that_is_retired_meanwhile_is_taken(visit, make, listed):
    subscription = make.subscription(customer=visit.customer)
    page = visit.recap(subscription)
    listed(visit.merchant, rules.retired(USUAL, "technical"))
    again = page.submit(press=CANCEL, reason="technical", comment="x" * 501, status=422)
    assert again.values(again.form(press=CANCEL))["reason"] == "technical"
    again.submit(press=CANCEL, comment="")
    assert make.requests(subscription)[0].reason_code == "technical"
    assert "technical" not in [
        one["value"] for one in visit.recap(make.subscription(customer=visit.customer)).select("#reason input")
    ]


@pytest.mark.law("R-DP-4")
@pytest.mark.parametrize("sent", ["nobody_has_it", "<script>", "x" * 5000, ""])
def test_a_reason_that_nobody_has_is_no_answer_and_keeps_nobody_from_cancelling(visit, make, sent):
    subscription = make.subscription(customer=visit.customer)
    page = visit.recap(subscription)
    visit.browser.post(page.path, page.values(page.form(press=CANCEL)) | {"reason": sent}, status=303)
    assert [row.reason_code for row in make.requests(subscription)] == [""]


def test_where_no_reason_is_asked_the_comment_still_is(visit, make, listed):
    none = USUAL
    for one in USUAL:
        none = rules.retired(none, one.code)
    listed(visit.merchant, none)
    subscription = make.subscription(customer=visit.customer)
    page = visit.recap(subscription)
    assert not page.select("#reason")
    page.submit(press=CANCEL, comment="Mer\u202eci")
    assert make.requests(subscription)[0].reason_text == "Merci"


def test_the_list_costs_the_page_no_statement(visit, make, listed, statements):
    subscription = make.subscription(customer=visit.customer)
    visit.recap(subscription)
    with statements() as plain:
        visit.recap(subscription)
    listed(visit.merchant, rules.added(USUAL, MOVED))
    with statements() as own:
        visit.recap(subscription)
    assert len(own) == len(plain)

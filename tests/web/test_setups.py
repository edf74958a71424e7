"""The page of the first merchant: there while there is none, closed without the operator's code, gone afterwards."""

from __future__ import annotations

import pyotp
import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.models import Merchant
from portal.services.merchants import setup_codes
from tests.web.conftest import PASSWORD

ANSWERS = {
    "name": "L’Atelier",
    "slug": "atelier",
    "locale": "en",
    "time_zone": "Europe/Brussels",
    "owner_name": "Anne Martin",
    "owner_email": "anne@atelier.test",
}


def merchants(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(Merchant)).all()


@pytest.fixture
def code(ctx):
    return setup_codes.issue(ctx, now=utc_now())


@pytest.fixture
def english(browser):
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return browser


def test_from_the_empty_portal_to_the_owners_desk(ctx, english, code, letters):
    page = english.get("/")
    assert page.h1 == "Create the first merchant"
    assert "flask --app wsgi merchant setup-code" in page.text
    page = page.submit(press="Create the merchant", code=code.lower(), **ANSWERS)
    assert page.h1 == "Join the team of L’Atelier"
    assert page.select_one("input[name=name]")["value"] == "Anne Martin"
    assert [letter.recipient for letter in letters()] == ["anne@atelier.test"]
    page = page.submit(new_password=PASSWORD, repeated=PASSWORD)
    secret = page.select_one(".mono").get_text(strip=True).replace(" ", "")
    page = page.submit(code=pyotp.TOTP(secret).now())
    assert english.get("/admin/").path.startswith("/admin/")
    (merchant,) = merchants(ctx)
    assert (merchant.slug, merchant.locale, merchant.time_zone) == ("atelier", "en", "Europe/Brussels")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_without_the_code_nothing_is_made_and_nothing_typed_is_lost(ctx, browser, language):
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    page = browser.get("/setup").submit(code="AAAA-BBBB", **ANSWERS, status=422)
    assert len(page.errors) == 1
    kept = page.values(page.form(having=("slug",)))
    assert {name: kept[name] for name in ANSWERS} == ANSWERS
    assert merchants(ctx) == []


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("slug", "admin", "kept for the portal itself"),
        ("slug", "L’Atelier", "2 to 63 lowercase letters"),
        ("slug", "", "Enter the name in web addresses."),
        ("name", "  ", "Enter the merchant’s name."),
        ("owner_email", "anne", "name@example.com"),
        ("owner_name", "", "Enter the owner’s name."),
    ],
)
def test_a_wrong_answer_is_said_at_its_field_and_the_code_stays_good(ctx, english, code, field, value, said):
    page = english.get("/setup").submit(code=code, **ANSWERS | {field: value}, status=422)
    assert any(said in error for error in page.errors)
    assert merchants(ctx) == []
    page.submit(code=code, **ANSWERS)
    assert len(merchants(ctx)) == 1


def test_a_zone_that_no_machine_knows_is_refused(ctx, english, code):
    page = english.get("/setup")
    values = page.values(page.form(having=("slug",)))
    page = english.post("/setup", values | ANSWERS | {"code": code, "time_zone": "Europe/Nowhere"}, status=422)
    assert page.errors == ["Choose a time zone from the list."]
    assert merchants(ctx) == []


def test_once_there_is_a_merchant_the_page_is_gone(english, code, make):
    page = english.get("/setup")
    values = page.values(page.form(having=("slug",)))
    make.merchant(key=False)
    english.get("/setup", status=404)
    english.post("/setup", values | ANSWERS | {"code": code}, status=404)
    assert english.get("/").path == "/"


def test_too_many_tries_of_one_network_are_put_off(english, code):
    page = english.get("/setup")
    values = page.values(page.form(having=("slug",)))
    for _ in range(setup_codes.TRIES):
        english.post("/setup", values | ANSWERS | {"code": "AAAA"}, status=422)
    english.post("/setup", values | ANSWERS | {"code": code}, status=429)

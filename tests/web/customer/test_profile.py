"""The profile: what customers say of themselves holds, in this language and zone, and nobody overwrites it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from babel.dates import format_date
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.domain.audit import Act
from portal.models import AuditEntry, Customer
from tests.browser_client import Browser


def profile(visit) -> str:
    return f"{visit.home}profile"


def stored(ctx, customer):
    with ctx.db.read() as session:
        return session.get_one(Customer, customer.id)


def test_the_space_leads_to_it_and_from_there_to_the_browsers(visit):
    page = visit.browser.get(visit.home)
    links = [link["href"] for link in page.select("nav a")]
    assert profile(visit) in links
    page = visit.browser.get(profile(visit))
    assert page.h1 == "Your profile"
    assert f"{visit.home}sessions" in [link["href"] for link in page.select("main a")]


def test_what_was_changed_holds_is_theirs_and_stands_in_the_chain(ctx, visit):
    page = visit.browser.get(profile(visit)).submit(
        name="Zoé d’Été", time_zone="America/Guadeloupe", reminders_allowed=False
    )
    assert page.notices == ["Saved."]
    found = stored(ctx, visit.customer)
    assert (found.name, found.time_zone, found.reminders_allowed) == ("Zoé d’Été", "America/Guadeloupe", False)
    assert found.own_answers == ["name", "reminders_allowed", "time_zone"]
    with ctx.db.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == Act.CUSTOMER_CHANGED)).one()
    assert (entry.actor, entry.actor_id, entry.channel) == ("customer", visit.customer.id, "portal")
    assert entry.details == {
        "time_zone": [None, "America/Guadeloupe"],
        "reminders_allowed": [True, False],
        "texts": ["name"],
    }


def test_as_it_is_nothing_is_written_and_nothing_becomes_theirs(ctx, visit):
    assert visit.browser.get(profile(visit)).submit(press="Save").notices == ["Nothing was changed."]
    assert stored(ctx, visit.customer).own_answers == []


def test_what_staff_changed_meanwhile_is_not_written_back(ctx, visit):
    page = visit.browser.get(profile(visit))
    with ctx.db.begin() as session:
        session.get_one(Customer, visit.customer.id).name = "By the desk"
    page.submit(reminders_allowed=False)
    found = stored(ctx, visit.customer)
    assert (found.name, found.own_answers) == ("By the desk", ["reminders_allowed"])


def test_a_name_of_500_letters_is_said_to_be_too_long_and_nothing_typed_is_lost(ctx, visit):
    typed = "n" * 500
    page = visit.browser.get(profile(visit))
    assert not page.select("main [name=name][maxlength]"), "a browser would cut it without a word"
    page = page.submit(name=typed, time_zone="Asia/Tokyo", status=422)
    assert "This name is too long: at most 300 characters." in page.text
    values = page.values(page.form(having=("name",)))
    assert (values["name"], values["time_zone"]) == (typed, "Asia/Tokyo")
    assert stored(ctx, visit.customer).own_answers == []
    kept = page.submit(name="n" * 300)
    assert kept.notices == ["Saved."]


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd"])
def test_a_zone_that_nobody_knows_is_refused(ctx, visit, zone):
    page = visit.browser.get(profile(visit))
    values = page.values(page.form(having=("time_zone",))) | {"time_zone": zone}
    refused = visit.browser.post(profile(visit), values, status=422)
    assert "Choose a time zone from the list." in refused.text
    assert stored(ctx, visit.customer).time_zone is None


def test_moments_are_shown_in_their_zone_and_in_the_shops_without_one(ctx, make, visit):
    at = datetime(2026, 12, 1, 2, 30, tzinfo=UTC)
    make.subscription(merchant=visit.merchant, customer=visit.customer, next_payment_at=at)
    assert "1 December 2026" in visit.browser.get(visit.home).text
    visit.browser.get(profile(visit)).submit(time_zone="Pacific/Tahiti")
    assert "30 November 2026" in visit.browser.get(visit.home).text
    visit.browser.get(profile(visit)).submit(time_zone="")
    assert "1 December 2026" in visit.browser.get(visit.home).text


def test_the_language_of_the_profile_speaks_here_and_in_every_other_browser(ctx, app, make, seat_customer, visit):
    page = visit.browser.get(profile(visit)).submit(locale="fr")
    assert page.notices == ["Enregistré."]
    assert page.soup.html["lang"] == "fr"
    elsewhere = seat_customer(Browser(app), visit.merchant, visit.customer)
    elsewhere.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    assert elsewhere.get(visit.home).soup.html["lang"] == "fr"


@pytest.mark.parametrize("shops", ["fr", "en"])
def test_a_german_browser_gets_the_shops_language_and_is_offered_what_exists(make, log_in, shops):
    merchant = make.merchant(locale=shops)
    visit = log_in(merchant, make.customer(merchant), language="de-DE,de;q=0.9")
    page = visit.browser.get(profile(visit))
    assert page.soup.html["lang"] == shops
    assert [option["value"] for option in page.select("select[name=locale] option")] == ["fr", "en"]
    assert page.select("select[name=locale] option[selected]")[0]["value"] == shops


def test_what_the_law_demands_has_no_switch_and_says_so(visit):
    page = visit.browser.get(profile(visit))
    switches = {box["name"] for box in page.select("main input[type=checkbox]")}
    assert switches == {"reminders_allowed", "contact_allowed"}
    assert "The law or your contract demands them: they cannot be switched off." in page.text


def test_who_only_looks_from_the_desk_sees_it_and_changes_nothing(ctx, app, make, hire, seat_staff):
    merchant = make.merchant(locale="en")
    customer = make.customer(merchant)
    browser = seat_staff(Browser(app), hire(merchant, locale="en"))
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    browser.get(f"/admin/customers/{customer.id}").submit(press="See their space")
    page = browser.get(f"/account/{merchant.slug}/profile")
    assert "Only the customer changes this." in page.text
    assert not page.select("main form[method=post]")
    token = browser.values_of(page)["csrf_token"]
    for path in ("profile", "profile/address"):
        browser.post(f"/account/{merchant.slug}/{path}", {"csrf_token": token, "name": "x"}, status=409)
    assert stored(ctx, customer).own_answers == []


def test_the_proof_keeps_the_shops_clock_on_the_page_and_in_the_mail(visit, ctx, make, letters):
    """Its hours are the shop's: to whoever lives by another clock, neither may call them by that one's name."""
    with ctx.db.begin() as session:
        session.execute(update(Customer).values(time_zone="Asia/Tokyo"))
    page = visit.cancel(make.subscription(merchant=visit.merchant, customer=visit.customer))
    (mail,) = [one for one in letters() if one.recipient == visit.customer.email]
    for said in (page.text, mail.text):
        assert "(Paris time)" in said
        assert "Tokyo" not in said
    assert "As it stands today" not in page.text, "nothing has moved since"


def test_the_day_that_was_chosen_is_named_as_it_was_chosen(visit, ctx, make):
    """It begins at the shop's midnight, which is the evening before where the customer lives."""
    with ctx.db.begin() as session:
        session.execute(update(Customer).values(time_zone="America/Guadeloupe"))
    unknown = make.subscription(merchant=visit.merchant, customer=visit.customer, next_payment_at=None)
    day = (utc_now() + timedelta(days=40)).date()
    page = visit.browser.get(visit.page(unknown, f"/cancellation?on={day}"))
    assert f"without waiting for {format_date(day, 'EEEE d MMMM y', locale='en_GB')}" in page.text


def test_own_data_and_security_are_reached_from_the_profile_and_lead_back(visit):
    found = visit.browser.get(profile(visit))
    for address in (f"{visit.home}data", f"{visit.home}sessions"):
        assert found.select(f"main a[href='{address}']"), address
        page = visit.browser.get(address)
        assert page.select(f"main a[href='{profile(visit)}']"), address
        (here,) = page.select("nav a[aria-current]")
        assert here.get_text(strip=True) == "Profile", address

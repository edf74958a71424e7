"""One address in several accounts of a merchant: chosen after the log-in, and changed at any time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.domain.people.account_members import MemberRole
from portal.models import AccountMember, LoginSession
from tests.browser_client import Browser
from tests.web.account_people import ANNA, member_of, seat

QUESTION = "Which account?"


@pytest.fixture
def both(ctx, make):
    """Anna is a customer herself, and reads the account of Claire."""
    merchant = make.merchant(locale="en")
    anna, claire = make.customer(merchant, name="Anna Own", email=ANNA), make.customer(merchant)
    make.subscription(merchant=merchant, customer=anna, product=make.product(merchant, name="Cours de chant"))
    make.subscription(merchant=merchant, customer=claire, product=make.product(merchant, name="Cours de piano"))
    return merchant, anna, claire, member_of(ctx, claire)


def test_the_log_in_asks_which_and_the_menu_leads_back_to_the_choice(app, both, code_and_link):
    merchant, _anna, claire, _member = both
    browser = Browser(app)
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    page = browser.submit(f"/account/{merchant.slug}/login", email=ANNA).submit(code=code_and_link()[0])
    assert page.h1 == QUESTION
    assert "Cours de chant" in page.text
    assert "Cours de piano" in page.text
    assert "Your role: Reader" in page.text
    page = page.submit(press="See these: Cours de piano (" + page.text.split("Cours de piano (")[1].split(")")[0] + ")")
    assert f"the account of {claire.name} as a reader" in page.text
    page = page.follow("Change account")
    assert page.h1 == QUESTION
    page = page.submit(press="See these: Cours de chant (" + page.text.split("Cours de chant (")[1].split(")")[0] + ")")
    assert "as a reader" not in page.text
    assert "Cours de chant" in page.text


def test_whoever_has_one_account_sees_no_choice(visit):
    assert "Change account" not in visit.browser.get(visit.home).text


def test_a_change_of_account_makes_no_log_in_fresher(app, ctx, both, seat_customer):
    merchant, anna, claire, _member = both
    browser = seat_customer(Browser(app), merchant, anna)
    old = utc_now() - timedelta(minutes=50)
    with ctx.db.begin() as session:
        session.execute(update(LoginSession).values(authenticated_at=old))
    token = browser.values_of(browser.get(f"/account/{merchant.slug}/accounts"))["csrf_token"]
    browser.post(
        f"/account/{merchant.slug}/accounts/choice", {"csrf_token": token, "customer": str(claire.id)}, status=303
    )
    with ctx.db.read() as session:
        rows = session.scalars(select(LoginSession).order_by(LoginSession.created_at)).all()
    assert [row.authenticated_at for row in rows] == [old, old]
    assert rows[0].revoked_at is not None


def test_nobody_goes_where_they_are_invited_removed_or_unknown(app, ctx, make, both):
    merchant, _anna, _claire, member = both
    browser = seat(ctx, app, member)
    here = f"/account/{merchant.slug}"
    waiting, former = make.customer(merchant), make.customer(merchant)
    member_of(ctx, waiting, accepted=False)
    member_of(ctx, former, removed_at=utc_now())
    elsewhere = make.customer(make.merchant(), email=ANNA)
    token = browser.values_of(browser.get(f"{here}/accounts"))["csrf_token"]
    for one in (waiting, former, elsewhere, make.customer(merchant)):
        browser.post(f"{here}/accounts/choice", {"csrf_token": token, "customer": str(one.id)}, status=404)


def test_a_member_elsewhere_is_nobody_at_another_merchant(app, ctx, make, both):
    _merchant, _anna, _claire, member = both
    other = make.merchant()
    assert "/login" in seat(ctx, app, member).get(f"/account/{other.slug}/").path


def test_a_code_asked_once_more_stays_in_the_account(app, ctx, both, code_and_link):
    merchant, _anna, claire, member = both
    with ctx.db.begin() as session:
        session.execute(update(AccountMember).values(role=MemberRole.OWNER))
    browser = seat(ctx, app, member)
    with ctx.db.begin() as session:
        session.execute(update(LoginSession).values(authenticated_at=utc_now() - timedelta(minutes=11)))
    here = f"/account/{merchant.slug}/profile/people"
    page = browser.submit(here, email="carl@client.test", role="reader")
    assert ANNA in page.text, "the code goes to their own address"
    page = page.submit().submit(code=code_and_link()[0])
    assert page.path == here
    assert page.select_one("input[name=email]")["value"] == "carl@client.test"
    assert f"the account of {claire.name}" in page.text
    assert page.submit().notices == ["The invitation to carl@client.test is on its way."]

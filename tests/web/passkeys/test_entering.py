"""A passkey at the desk's door: alone, in the code's place, and where both factors are asked for again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import update

from portal.clock import utc_now
from portal.domain.audit import OPERATOR
from portal.domain.policies import Role
from portal.models import Membership
from portal.services.people import memberships
from tests.fakes.authenticator import Authenticator, EdwardsKey, EllipticKey, RsaKey
from tests.web.admin.test_team import acts_of, english
from tests.web.conftest import PASSWORD, totp
from tests.web.passkeys.answering import NOT_TAKEN, answer, grow_old, row


@pytest.mark.parametrize("key", [EllipticKey, EdwardsKey, RsaKey])
def test_a_passkey_alone_logs_in(guest, register, lea, ctx, merchant, key):
    device = Authenticator(key=key)
    register(lea, device)
    page = answer(guest.get("/admin/login?next=/admin/sessions"), device)
    assert page.path == "/admin/sessions"
    assert row(ctx).last_used_at is not None
    assert row(ctx).sign_count == 1
    assert acts_of(ctx, merchant)[-1] == "staff.logged_in"
    assert guest.get("/admin/account/password").path == "/admin/account/password"  # both factors were given


def test_a_passkey_takes_the_codes_place(guest, register, lea, device):
    register(lea, device)
    page = guest.submit("/admin/login?next=/admin/sessions", email="lea@desk.test", password=PASSWORD)
    assert answer(page, device).path == "/admin/sessions"


def test_whoever_has_none_is_not_asked_for_one(guest, lea):
    page = guest.submit("/admin/login", email="lea@desk.test", password=PASSWORD)
    assert page.select("form[data-passkey]") == []


def test_a_passkey_is_good_where_both_factors_are_asked_for_again(register, lea, device, ctx):
    browser = register(lea, device)
    page = browser.get("/admin/settings")
    grow_old(ctx)
    page = page.submit(press="Save the settings", cancellation_text="Write to us.", status=401)
    page = answer(page, device)
    assert page.h1 == "That’s you: one more click"
    assert page.submit(press="Send what I filled in").notices == ["The settings are saved."]
    grow_old(ctx)
    page = browser.get("/admin/account/password")
    assert page.path.startswith("/admin/confirm")
    assert answer(page, device).path == "/admin/account/password"


def test_the_way_without_scripts_stays(guest, lea, register, device):
    register(lea, device)
    page = guest.get("/admin/login")
    assert page.select_one("[data-with-passkeys]").has_attr("hidden")
    page = page.submit(email="lea@desk.test", password=PASSWORD)
    assert page.select_one("[data-with-passkeys]").has_attr("hidden")
    assert page.submit(code=totp(lea)).path in ("/admin", "/admin/")


def test_the_script_is_ours_and_may_be_kept(guest):
    (script,) = guest.get("/admin/login").select("script")
    assert script["src"].startswith("/static/js/passkeys.js?v=")
    answered = guest.get(script["src"]).response
    assert answered.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answered.mimetype in ("text/javascript", "application/javascript")


def test_who_may_come_in_nowhere_is_refused_and_who_works_elsewhere_comes_in_there(
    guest, register, lea, device, ctx, make, merchant
):
    register(lea, device)
    other = make.merchant(name="Studio", locale="en")
    with ctx.db.begin() as session:
        session.execute(update(Membership).values(disabled_at=utc_now()))
    page = answer(guest.get("/admin/login"), device, status=422)
    assert page.errors == [NOT_TAKEN]
    with ctx.db.begin() as session:
        memberships.join(session, lea.staff, other.id, Role.READER, by=OPERATOR, at=utc_now())
    assert "Studio" in answer(page, device).body


def test_a_passkey_that_devices_share_counts_nothing_and_opens_each_time(guest, register, lea):
    shared = Authenticator(counts=False)
    register(lea, shared)
    for _time in range(2):
        answer(guest.get("/admin/login"), shared).submit(press="Log out")


@pytest.mark.parametrize(("address", "is_offered"), [("http://127.0.0.1:8000", False), ("http://localhost:8000", True)])
def test_the_demo_says_under_which_name_passkeys_work(app, ctx, lea, seat_staff, address, is_offered):
    app.extensions["portal"] = replace(ctx, base_url="http://127.0.0.1:8000")
    browser = english(app, "203.0.113.97")
    browser.base_url = address
    assert bool(browser.get("/admin/login").select("form[data-passkey]")) is is_offered
    page = seat_staff(browser, lea).get("/admin/account/passkeys")
    links = [link["href"] for link in page.select("main a")]
    assert ("http://localhost:8000/admin/account/passkeys" in links) is not is_offered
    assert ("/admin/account/passkeys/new" in links) is is_offered


def test_no_passkey_is_offered_for_a_number(app, ctx, lea, seat_staff):
    app.extensions["portal"] = replace(ctx, base_url="https://192.0.2.1")
    browser = seat_staff(english(app, "203.0.113.98"), lea)
    assert english(app, "203.0.113.99").get("/admin/login").select("form[data-passkey]") == []
    page = browser.get("/admin/account/passkeys")
    assert "The address of this portal is a number, not a name" in page.text
    assert browser.get("/admin/account/passkeys/new").path == "/admin/account/passkeys"


def test_the_addresses_that_take_an_answer_lead_to_their_page(guest, register, lea, device):
    assert guest.get("/admin/login/passkey?next=/admin/sessions").path == "/admin/login?next=/admin/sessions"
    assert guest.get("/admin/login/code/passkey").path == "/admin/login"
    assert register(lea, device).get("/admin/confirm/passkey").path == "/admin/confirm"

"""Staff log in with a password and a second factor, always both (issue 2; law.md R-GD-9 to R-GD-12)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.policies import Role
from portal.models import LoginSession, Staff
from tests.web.conftest import PASSWORD, row_counts, totp


@pytest.fixture
def lea(make, hire):
    return hire(make.merchant(locale="en"))


def test_both_factors_open_the_desk(browser, lea, log_in_staff, ctx):
    page = log_in_staff(browser, lea, at="/admin/login?next=/admin/sessions")
    assert page.path == "/admin/sessions"
    with ctx.db.read() as session:
        row = session.scalars(select(LoginSession)).one()
    assert (row.staff_id, row.customer_id) == (lea.staff.id, None)


def test_without_next_the_desk_begins_with_the_inbox(browser, lea, log_in_staff):
    assert log_in_staff(browser, lea).path in ("/admin", "/admin/")


def test_the_password_alone_opens_nothing(browser, lea, ctx):
    page = browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD)
    assert page.path == "/admin/login/code"
    assert row_counts(ctx)["sessions"] == 0
    assert browser.get("/admin/sessions").path.startswith("/admin/login?next=")


def test_a_wrong_address_and_a_wrong_password_get_the_same_answer(browser, other_browser, lea):
    wrong_password = browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD + "x", status=422)
    wrong_address = other_browser.submit("/admin/login", email="max@atelier.test", password=PASSWORD, status=422)
    assert wrong_password.text == wrong_address.text
    assert len(wrong_password.errors) == 1
    assert PASSWORD not in wrong_password.body  # typed secrets are not sent back


def test_a_wrong_second_factor_is_refused(browser, lea, ctx):
    page = browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD)
    page = page.submit(code="000000" if totp(lea) != "000000" else "000001", status=422)
    page.submit(code="not-a-code", status=422)
    assert row_counts(ctx)["sessions"] == 0


def test_a_code_is_good_once(browser, other_browser, lea, ctx):
    with time_machine.travel("2026-11-22T10:00:05Z", tick=False):
        code = totp(lea)
        browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD).submit(code=code)
        second = other_browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD)
        second = second.submit(code=code, status=422)
        second.submit(code=totp(lea, step=-1), status=422)  # an older one neither
        second.submit(code=totp(lea, step=1))
    assert row_counts(ctx)["sessions"] == 2


@pytest.mark.parametrize(("step", "status"), [(-2, 422), (-1, 200), (0, 200), (1, 200), (2, 422)])
def test_a_clock_may_be_half_a_minute_wrong_not_more(browser, lea, step, status):
    with time_machine.travel("2026-11-22T10:00:05Z", tick=False):
        page = browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD)
        page.submit(code=totp(lea, step=step), status=status)


def test_a_recovery_code_stands_in_once(browser, other_browser, lea):
    code = lea.recovery_codes[3]
    page = browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD)
    page.submit(code=f" {code.upper()} ")
    second = other_browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD)
    second.submit(code=code, status=422)
    second.submit(code=lea.recovery_codes[4])


def test_a_recovery_code_of_somebody_else_is_wrong(browser, make, hire, lea):
    max_ = hire(make.merchant(), email="max@atelier.test")
    page = browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD)
    page.submit(code=max_.recovery_codes[0], status=422)


def test_the_first_factor_is_worth_five_minutes(browser, lea):
    with time_machine.travel("2026-11-22T10:00:05Z", tick=False) as clock:
        page = browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD)
        clock.shift(timedelta(minutes=5, seconds=1))
        page = page.submit(code=totp(lea))
        assert page.path == "/admin/login"
        assert page.notices


def test_tries_on_an_address_are_limited_whether_it_is_known_or_not(browser, other_browser, lea):
    for who, address in ((browser, lea.staff.email), (other_browser, "personne@atelier.test")):
        with time_machine.travel("2026-11-22T10:00:00Z", tick=False):
            for _try in range(10):
                who.submit("/admin/login", email=address, password="a wrong password", status=422)
            who.submit("/admin/login", email=address, password=PASSWORD, status=429)


def test_tries_on_the_second_factor_are_limited(browser, lea):
    with time_machine.travel("2026-11-22T10:00:05Z", tick=False):
        page = browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD)
        for _try in range(10):
            page.submit(code="12345", status=422)
        page.submit(code=totp(lea), status=429)


def test_somebody_disabled_is_out_at_once(browser, other_browser, lea, log_in_staff, ctx):
    log_in_staff(browser, lea, at="/admin/login?next=/admin/sessions")
    with ctx.db.begin() as session:
        session.get(Staff, lea.staff.id).disabled_at = utc_now()
    assert browser.get("/admin/sessions").path.startswith("/admin/login")
    other_browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD, status=422)


def test_a_staff_session_ends_after_half_an_hour_unused_and_after_eight_hours(browser, lea, log_in_staff):
    with time_machine.travel("2026-11-22T08:00:05Z", tick=False) as clock:
        log_in_staff(browser, lea)
        for _times in range(16):
            clock.shift(timedelta(minutes=29))
            assert browser.get("/admin/sessions").path == "/admin/sessions"
        clock.shift(timedelta(minutes=17))  # 8 h 1 min after the log-in
        assert browser.get("/admin/sessions").path.startswith("/admin/login")
        log_in_staff(browser, lea)
        clock.shift(timedelta(minutes=31))
        assert browser.get("/admin/sessions").path.startswith("/admin/login")


def test_something_sensitive_asks_for_both_factors_again(browser, lea, log_in_staff, ctx):
    with time_machine.travel("2026-11-22T10:00:05Z", tick=False) as clock:
        log_in_staff(browser, lea)
        old_token = browser.cookie("portal_staff")
        assert browser.get("/admin/paypal/rest").path == "/admin/paypal/rest"
        clock.shift(timedelta(minutes=10, seconds=1))

        page = browser.get("/admin/paypal/rest")
        assert page.path == "/admin/confirm?next=/admin/paypal/rest"
        page = page.submit(password=PASSWORD, code="000000", status=422)
        page = page.submit(password="a wrong password", code=totp(lea), status=422)
        clock.shift(timedelta(seconds=60))
        assert page.submit(password=PASSWORD, code=totp(lea)).path == "/admin/paypal/rest"
    assert browser.cookie("portal_staff") != old_token  # a new session id, the old one ended
    with ctx.db.read() as session:
        live = session.scalars(select(LoginSession).where(LoginSession.revoked_at.is_(None))).all()
    assert len(live) == 1


@pytest.mark.parametrize(
    "wish", ["https://evil.test/", "//evil.test/", "/account/atelier/", "/admin/../x", "/admin/logout"]
)
def test_no_open_redirect_after_log_in(browser, lea, log_in_staff, wish):
    page = browser.get("/admin/login")
    data = dict(page.values(page.form(having=("password",))), email=lea.staff.email, password=PASSWORD)
    browser.client.post("/admin/login", query_string={"next": wish}, data=data, base_url=browser.base_url)
    assert browser.get("/admin/login/code").submit(code=totp(lea)).path in ("/admin", "/admin/")


def test_a_customers_cookie_opens_no_desk_and_a_staff_cookie_no_account(
    browser, make, lea, log_in_staff, log_in_customer
):
    merchant = make.merchant(locale="en")
    log_in_customer(browser, merchant, make.customer(merchant))
    browser.set_cookie("portal_staff", browser.cookie("portal_customer"))
    assert browser.get("/admin/sessions").path.startswith("/admin/login")
    log_in_staff(browser, lea)
    browser.set_cookie("portal_customer", browser.cookie("portal_staff"))
    assert "/login" in browser.get(f"/account/{merchant.slug}/sessions").path


def test_log_out_ends_the_row(browser, other_browser, lea, log_in_staff):
    page = log_in_staff(browser, lea)
    stolen = browser.cookie("portal_staff")
    assert page.submit(press="Log out").path == "/admin/login"
    other_browser.set_cookie("portal_staff", stolen)
    assert other_browser.get("/admin/sessions").path.startswith("/admin/login")


def test_a_reader_looks_and_does_not_act(browser, make, hire, log_in_staff):
    reader = hire(make.merchant(locale="en"), role=Role.READER)
    log_in_staff(browser, reader)
    token = browser.values_of(browser.get("/admin/settings"))["csrf_token"]
    browser.post("/admin/settings", {"csrf_token": token}, status=403)
    browser.post("/admin/sessions/others/end", {"csrf_token": token}, status=303)

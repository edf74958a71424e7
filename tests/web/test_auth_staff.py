"""Staff log in with a password and a second factor, always both (issue 2; law.md R-GD-9 to R-GD-12)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.domain.policies import Role
from portal.models import AuditEntry, LoginSession, Membership
from tests.browser_client import Browser
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


@pytest.mark.law("R-GD-11")
def test_the_password_alone_opens_nothing(browser, lea, ctx):
    page = browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD)
    assert page.path == "/admin/login/code"
    assert row_counts(ctx)["sessions"] == 0
    assert browser.get("/admin/sessions").path.startswith("/admin/login?next=")


def test_the_field_of_a_password_shows_nothing_and_is_known_to_managers(browser):
    field = browser.get("/admin/login").select_one("input[name=password]")
    assert (field["type"], field["autocomplete"]) == ("password", "current-password")
    assert not {"onpaste", "maxlength", "readonly"} & set(field.attrs)


def test_a_password_is_compared_as_it_was_typed(browser, lea):
    for other in (f" {PASSWORD}", f"{PASSWORD} ", PASSWORD.upper(), PASSWORD[:-1]):
        browser.get("/admin/login").submit(email=lea.staff.email, password=other, status=422)


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


@pytest.mark.parametrize("typed", ["１２３４５６", "٣٣٣٣٣٣", "²³¹²³¹", "①②③④⑤⑥", "é" * 40, "123456́"])
def test_digits_of_other_scripts_are_a_code_like_any_other(browser, lea, ctx, typed):
    page = browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD)
    page = page.submit(code=typed, status=422)
    code = totp(lea)
    page.submit(code=" " + "".join(chr(0xFF10 + int(digit)) for digit in code[:3]) + "-" + code[3:])
    assert row_counts(ctx)["sessions"] == 1


def acts(ctx, *wanted):
    with ctx.db.read() as session:
        return [row for row in session.scalars(select(AuditEntry.act).order_by(AuditEntry.number)) if row in wanted]


def test_refused_passwords_and_factors_are_audit_rows(browser, other_browser, lea, ctx, log_in_staff):
    browser.submit("/admin/login", email=lea.staff.email, password="a wrong password", status=422)
    browser.submit("/admin/login", email="nobody@atelier.test", password="a wrong password", status=422)
    page = browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD).submit(code="12345", status=422)
    assert acts(ctx, "staff.password_refused", "staff.factor_refused") == [
        "staff.password_refused",
        "staff.factor_refused",
    ]
    page.submit(code=totp(lea))
    journal = browser.get("/admin/audit").text
    assert journal.count("Somebody, as Léa Martin") == 2
    confirm = browser.get("/admin/confirm")
    confirm.submit(password="a wrong password", code="12345", status=422)
    assert len(acts(ctx, "staff.password_refused")) == 2


def test_five_refusals_in_a_day_are_told_once_to_the_person(app, lea, letters):
    with time_machine.travel("2026-11-22T10:00:00Z", tick=False) as clock:
        for number in range(9):
            assert len(letters()) == (number > 4)
            Browser(app, address=f"203.0.{number}.9").submit(
                "/admin/login", email=lea.staff.email, password="a guess of a stranger", status=422
            )
        assert [letter.recipient for letter in letters()] == [lea.staff.email]
        assert "5 attempts" in letters()[0].text
        clock.shift(timedelta(days=1))
        for number in range(5):
            Browser(app, address=f"203.0.{number}.9").submit(
                "/admin/login", email=lea.staff.email, password="a guess of a stranger", status=422
            )
        assert len(letters()) == 2


def test_a_browser_never_seen_is_an_audit_row_and_a_mail_and_a_known_one_is_not(
    browser, other_browser, lea, letters, ctx, log_in_staff
):
    with time_machine.travel("2026-11-22T10:00:05Z", tick=False) as clock:
        for one in (browser, other_browser, browser, other_browser):
            log_in_staff(one, lea).submit(press="Log out")
            clock.shift(timedelta(minutes=1))
    assert acts(ctx, "staff.new_device") == ["staff.new_device"]
    (letter,) = letters()
    assert letter.recipient == lea.staff.email
    assert "198.51.100.0/24" in letter.text
    assert "http://portal.test/admin/sessions" in letter.text


def test_a_used_recovery_code_is_told(browser, lea, letters, ctx):
    page = browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD)
    page.submit(code=lea.recovery_codes[3])
    assert acts(ctx, "staff.recovery_code_used") == ["staff.recovery_code_used"]
    (letter,) = letters()
    assert letter.recipient == lea.staff.email
    assert "9 recovery codes left" in letter.text


def unlock_link(letters) -> str:
    found = [re.search(r"http://portal\.test(/admin/login/link/\S+)", letter.text) for letter in letters()]
    return [one[1] for one in found if one][-1]


def lock(app, email: str, *, tries: int = 10) -> None:
    for number in range(tries):
        Browser(app, address=f"203.0.{number}.9").submit(
            "/admin/login", email=email, password="a guess of a stranger", status=422
        )


def test_the_link_opens_the_password_page_in_one_browser_once_and_nothing_else(
    app, browser, other_browser, lea, letters, ctx
):
    with time_machine.travel("2026-11-22T10:00:00Z", tick=False) as clock:
        lock(app, lea.staff.email)
        browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD, status=429)
        for email in (lea.staff.email, "nobody@atelier.test"):
            browser.submit("/admin/login/unlock", email=email)
        link = unlock_link(letters)
        assert [letter.recipient for letter in letters()].count(lea.staff.email) == 2  # the spree's mail before
        before = row_counts(ctx)
        page = browser.get(link)
        assert row_counts(ctx) == before
        assert page.response.headers["Referrer-Policy"] == "no-referrer"
        page.submit()
        assert row_counts(ctx)["sessions"] == 0
        other_browser.get(link, status=410)
        other_browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD, status=429)
        for _try in range(10):
            browser.submit("/admin/login", email=lea.staff.email, password="a wrong password", status=422)
        browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD, status=429)
        clock.shift(timedelta(minutes=1))
        browser.submit("/admin/login/unlock", email=lea.staff.email)  # the first link is used: another one leaves
        browser.get(unlock_link(letters)).submit().submit(email=lea.staff.email, password=PASSWORD).submit(
            code=totp(lea)
        )
    assert acts(ctx, "staff.login_unlocked") == ["staff.login_unlocked"] * 2


def test_one_link_at_a_time_is_live_for_a_staff_address(app, lea, letters):
    with time_machine.travel("2026-11-22T10:00:00Z", tick=False) as clock:
        for minutes, number in ((0, 1), (6, 1), (1, 2), (2, 2)):
            clock.shift(timedelta(minutes=minutes))
            for network in range(3):
                page = Browser(app, address=f"203.0.{network}.9").submit("/admin/login/unlock", email=lea.staff.email)
                assert page.notices
            assert len(letters()) == number


def test_who_knows_the_password_keeps_nobody_out_by_wrong_second_factors(app, browser, other_browser, lea, letters):
    with time_machine.travel("2026-11-22T10:00:05Z", tick=False):
        theirs = other_browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD)
        for _try in range(10):
            theirs.submit(code="12345", status=422)
        page = browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD).submit(
            code=totp(lea), status=429
        )
        page.submit(email=lea.staff.email)
        page = browser.get(unlock_link(letters)).submit()
        page = page.submit(email=lea.staff.email, password=PASSWORD).submit(code=totp(lea))
        assert page.path in ("/admin", "/admin/")


def test_strangers_tries_do_not_reach_somebody_who_is_in(app, browser, lea, log_in_staff):
    with time_machine.travel("2026-11-22T10:00:05Z", tick=False) as clock:
        log_in_staff(browser, lea)
        lock(app, lea.staff.email, tries=9)
        stranger = Browser(app, address="203.0.113.9")
        stranger.submit("/admin/login", email=lea.staff.email, password=PASSWORD, status=429)
        clock.shift(timedelta(seconds=60))
        browser.get("/admin/confirm?next=/admin/sessions").submit(password=PASSWORD, code=totp(lea))


def test_somebody_disabled_is_out_at_once(browser, other_browser, lea, log_in_staff, ctx):
    log_in_staff(browser, lea, at="/admin/login?next=/admin/sessions")
    with ctx.db.begin() as session:
        session.execute(update(Membership).where(Membership.staff_id == lea.staff.id).values(disabled_at=utc_now()))
    assert browser.get("/admin/sessions").path.startswith("/admin/login")
    other_browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD, status=422)


@pytest.mark.law("R-GD-12")
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


@pytest.mark.parametrize("written", ["Votre code : {0} {1}", "{0}-{1}", "Your code: {0}{1}.", "\u200b{0} {1}"], ids=str)
def test_the_second_factor_is_taken_as_people_paste_it(browser, lea, written):
    with time_machine.travel("2026-11-22T10:00:05Z", tick=False):
        code = totp(lea)
        page = browser.submit("/admin/login", email=lea.staff.email, password=PASSWORD)
        page.submit(code=written.format(code[:3], code[3:]).translate({ord(n): ord(n) + 0xFEE0 for n in "0123456789"}))


def test_a_recovery_code_is_taken_as_people_paste_it(browser, other_browser, lea):
    for one, written in ((browser, "Code de secours\u00a0: {}"), (other_browser, "{}")):
        code = lea.recovery_codes.pop()
        page = one.submit("/admin/login", email=lea.staff.email, password=PASSWORD)
        wide = "".join(chr(ord(sign) + 0xFEE0) if sign.isalnum() else sign for sign in code.upper())
        page.submit(code=written.format(wide))

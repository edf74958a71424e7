"""What a passkey does not open: one lie at a time, each with the sentence that the person reads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, select

from portal.clock import utc_now
from portal.models import SpentChallenge
from portal.services import aging
from tests.fakes.authenticator import PRESENT, VERIFIED, Authenticator, EllipticKey, asked, text
from tests.web.admin.test_team import acts_of, english
from tests.web.conftest import PASSWORD, totp
from tests.web.passkeys.answering import ABSENT, COPIED, NOT_TAKEN, STALE, answer, grow_old, live_sessions, row

LIES = {
    "another site's": {"rp_id": "evil.test"},
    "another origin's": {"origin": "https://evil.test"},
    "the same host's other port": {"origin": "http://portal.test:8080"},
    "the same host by https": {"origin": "https://portal.test"},
    "a host below ours": {"origin": "http://evil.portal.test"},
    "another challenge's": {"challenge": text(bytes(32))},
    "in a frame of another site": {"cross_origin": True},
    "made and not answered": {"kind": "webauthn.create"},
    "signed by another key": {"key": EllipticKey()},
    "without its person verified": {"flags": PRESENT},
    "without its person": {"flags": VERIFIED},
    "of an unknown person": {"user": bytes(16)},
    "of nobody": {"user": None},
}


@pytest.mark.parametrize("lie", LIES)
def test_what_is_not_genuine_opens_nothing_and_is_told(guest, register, lea, device, ctx, merchant, lie):
    register(lea, device)
    before = live_sessions(ctx)
    page = answer(guest.get("/admin/login"), device, status=422, **LIES[lie])
    assert page.errors == [NOT_TAKEN]
    assert live_sessions(ctx) == before
    assert row(ctx).sign_count == 0
    assert acts_of(ctx, merchant)[-1] == "staff.passkey_refused"
    assert answer(page, device).path in ("/admin", "/admin/"), "the page asks anew, and the truth opens"


RUBBISH = ["x", "{}", "[]", "null", "[" * 9000, '{"id":1}', "x" * 30_000, '{"id":"é","rawId":"é","response":{}}']


@pytest.mark.parametrize("sent", RUBBISH, ids=range(len(RUBBISH)))
def test_rubbish_is_refused_as_a_passkey_is(guest, sent):
    assert guest.get("/admin/login").submit(passkey_answer=sent, status=422).errors == [NOT_TAKEN]


def test_without_the_script_nothing_comes_and_it_is_said(guest):
    assert guest.get("/admin/login").submit(press="Log in with a passkey", status=422).errors == [ABSENT]


def test_an_unknown_passkey_is_refused_and_told_to_nobody(guest, lea, device, ctx, merchant):
    device.make(
        {**asked(guest.get("/admin/login")), "rp": {"id": "portal.test"}, "user": {"id": text(lea.staff.id.bytes)}}
    )
    before = acts_of(ctx, merchant)
    assert answer(guest.get("/admin/login"), device, status=422).errors == [NOT_TAKEN]
    assert acts_of(ctx, merchant) == before


def test_an_answer_is_good_once(guest, app, register, lea, device, ctx):
    register(lea, device)
    page = guest.get("/admin/login")
    form = page.form(having=("passkey_answer",))
    sent = {**page.values(form), "passkey_answer": device.answer(asked(page))}
    thief = english(app, "203.0.113.92")
    thief.set_cookie("portal", guest.cookie("portal"))
    guest.post("/admin/login/passkey", sent, status=303)
    before = live_sessions(ctx)
    assert thief.post("/admin/login/passkey", sent, status=422).errors == [STALE]
    assert live_sessions(ctx) == before


def test_an_answer_that_was_refused_is_not_taken_a_second_time(guest, register, lea, device):
    register(lea, device)
    page = guest.get("/admin/login")
    right = device.answer(asked(page))
    page.submit(passkey_answer="{}", status=422)
    assert page.submit(passkey_answer=right, status=422).errors == [STALE]


def test_a_challenge_is_for_one_browser(guest, app, register, lea, device):
    """Whoever lures somebody into answering theirs cannot use it elsewhere, nor the other way round."""
    register(lea, device)
    page, elsewhere = guest.get("/admin/login"), english(app, "203.0.113.93")
    carried = page.values(page.form(having=("passkey_answer",)))["passkey_challenge"]
    there = elsewhere.get("/admin/login").submit(
        passkey_challenge=carried, passkey_answer=device.answer(asked(page)), status=422
    )
    assert there.errors == [STALE]


def test_a_challenge_is_for_one_purpose(register, lea, device, ctx):
    browser = register(lea, device)
    page = browser.get("/admin/account/passkeys/new")
    carried = page.values(page.form())["passkey_challenge"]
    grow_old(ctx)
    asking = browser.get("/admin/account/password")
    refused = asking.submit(passkey_challenge=carried, passkey_answer=device.answer(asked(page)), status=422)
    assert refused.errors == [STALE]


@pytest.mark.parametrize(("minutes", "opens"), [(5, True), (5.1, False)])
def test_a_challenge_lives_five_minutes(guest, register, lea, device, minutes, opens):
    with time_machine.travel("2026-11-22T10:00:05Z", tick=False) as clock:
        register(lea, device)
        page = guest.get("/admin/login")
        clock.shift(timedelta(minutes=minutes))
        page = answer(page, device, status=200 if opens else 422)
        assert page.errors == ([] if opens else [STALE])


def test_somebody_elses_passkey_is_no_second_factor(guest, register, lea, device, hire, merchant, ctx):
    max_ = hire(merchant, email="max@desk.test", locale="en")
    theirs = Authenticator()
    register(lea, device)
    register(max_, theirs)
    page = guest.submit("/admin/login", email="lea@desk.test", password=PASSWORD)
    page = answer(page, theirs, status=422)
    assert page.errors == [NOT_TAKEN]
    assert acts_of(ctx, merchant)[-1] == "staff.passkey_refused"
    assert answer(page, device).path in ("/admin", "/admin/")


@pytest.mark.parametrize("where", ["here", "at another merchant’s"])
def test_somebody_elses_passkey_confirms_nothing(register, lea, device, hire, make, merchant, ctx, where):
    other = hire(merchant if where == "here" else make.merchant(locale="en"), email="max@desk.test", locale="en")
    theirs = Authenticator()
    register(other, theirs)
    browser = register(lea, device)
    grow_old(ctx)
    page = answer(browser.get("/admin/account/password"), theirs, status=422)
    assert page.errors == [NOT_TAKEN]
    assert browser.get("/admin/account/password").path.startswith("/admin/confirm")


def test_a_counter_that_goes_back_is_refused_and_its_person_told_once_a_day(
    guest, register, lea, device, ctx, merchant, letters
):
    with time_machine.travel("2026-11-22T10:00:05Z", tick=False) as clock:
        register(lea, device)
        answer(guest.get("/admin/login"), device, count=7).submit(press="Log out")
        for count in (7, 6):
            page = answer(guest.get("/admin/login"), device, count=count, status=422)
            assert page.errors == [COPIED]
        assert row(ctx).sign_count == 7
        assert acts_of(ctx, merchant)[-2:] == ["staff.passkey_copied"] * 2
        told = [letter for letter in letters() if "was refused" in letter.subject]
        assert [letter.recipient for letter in told] == ["lea@desk.test"]
        assert "Work laptop" in told[0].text
        clock.shift(timedelta(days=1))
        answer(guest.get("/admin/login"), device, count=7, status=422)
        assert len([letter for letter in letters() if "was refused" in letter.subject]) == 2
        assert answer(guest.get("/admin/login"), device, count=8).path in ("/admin", "/admin/")


def test_a_removed_passkey_opens_nothing(guest, register, lea, device):
    browser = register(lea, device)
    browser.get("/admin/account/passkeys").follow("Work laptop").submit(press="Remove this passkey")
    assert answer(guest.get("/admin/login"), device, status=422).errors == [NOT_TAKEN]


def test_tries_are_limited_by_network_and_by_person(guest, app, register, lea, device):
    with time_machine.travel("2026-11-22T10:00:05Z", tick=False):
        register(lea, device)
        page = guest.get("/admin/login")
        for _try in range(30):
            page = page.submit(passkey_answer="{}", status=422)
        answer(page, device, status=429)
        other = english(app, "198.51.100.94")
        page = other.submit("/admin/login", email="lea@desk.test", password=PASSWORD)
        for _try in range(10):
            page = page.submit(passkey_answer="{}", status=422)
        answer(page, device, status=429)
        other.get("/admin/login/code").submit(code=totp(lea), status=429)  # one count for both


def test_a_spree_of_refusals_is_told(guest, register, lea, device, letters):
    with time_machine.travel("2026-11-22T10:00:05Z", tick=False):
        register(lea, device)
        page = guest.get("/admin/login")
        for _try in range(5):
            page = answer(page, device, status=422, key=EllipticKey())
        assert len([letter for letter in letters() if "5 attempts" in letter.text]) == 1


def test_a_challenge_that_was_used_is_forgotten_when_no_page_carries_it(guest, ctx):
    with time_machine.travel("2026-11-22T10:00:05Z", tick=False) as clock:
        guest.get("/admin/login").submit(passkey_answer="{}", status=422)
        for days, left in ((0, 1), (2, 0)):
            clock.shift(timedelta(days=days))
            aging.forget_expired(ctx, now=utc_now())
            with ctx.db.read() as session:
                assert session.execute(select(func.count()).select_from(SpentChallenge)).scalar_one() == left


def test_an_answer_without_the_form_token_is_asked_for_anew(guest, register, lea, device):
    register(lea, device)
    page = guest.get("/admin/login")
    page = page.submit(csrf_token="", passkey_answer=device.answer(asked(page)), status=422)
    assert page.errors == ["This page was open for too long. Nothing was changed. Check it and send it again."]


def test_of_those_who_send_one_answer_at_once_one_comes_in(guest, app, register, lea, ctx):
    device = Authenticator(counts=False)  # nothing but the challenge tells them apart
    register(lea, device)
    page = guest.get("/admin/login")
    sent = {**page.values(page.form(having=("passkey_answer",))), "passkey_answer": device.answer(asked(page))}
    browsers = [english(app, f"203.0.113.{number}") for number in (94, 95, 96)]
    for browser in browsers:
        browser.set_cookie("portal", guest.cookie("portal"))
    before = live_sessions(ctx)
    with ThreadPoolExecutor(3) as pool:
        answers = pool.map(
            lambda one: one.client.post("/admin/login/passkey", data=sent, base_url=one.base_url).status_code, browsers
        )
    assert sorted(answers) == [303, 422, 422]
    assert live_sessions(ctx) == before + 1

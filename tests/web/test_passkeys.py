"""A passkey at the desk's door: alone, in the code's place, and where both factors are asked for again.

What opens is shown once; what does not, one lie at a time, each with the sentence that the person reads.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, select, update

from portal.clock import utc_now
from portal.domain.audit import OPERATOR
from portal.domain.policies import Role
from portal.models import LoginSession, Membership, Passkey, SpentChallenge
from portal.services import aging
from portal.services.people import memberships
from tests.browser_client import Browser
from tests.fakes.authenticator import (
    PRESENT,
    VERIFIED,
    Authenticator,
    EdwardsKey,
    EllipticKey,
    RsaKey,
    asked,
    text,
)
from tests.web.admin.test_team import acts_of, english
from tests.web.conftest import PASSWORD, totp

STALE = "This page was open for too long, or was answered already. Try again."
NOT_TAKEN = "This passkey was not accepted. Try another one; your password and your code work as always."
COPIED = (
    "This passkey was refused: a copy of it seems to be in use. We have emailed its owner. Your password and your "
    "code work as always."
)
ABSENT = (
    "Your browser sent no passkey: that needs JavaScript and a device that knows passkeys. Your password and your code "
    "work as always."
)


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", locale="en")


@pytest.fixture
def lea(merchant, hire):
    return hire(merchant, email="lea@desk.test", locale="en")


@pytest.fixture
def device():
    return Authenticator()


@pytest.fixture
def register(app, seat_staff):
    """Let somebody add a passkey of a device, as they do at their desk."""

    def add(person, device: Authenticator, *, name="Work laptop") -> Browser:
        browser = seat_staff(english(app, "203.0.113.90"), person)
        page = browser.get("/admin/account/passkeys/new")
        page.submit(name=name, passkey_answer=device.make(asked(page)))
        return browser

    return add


@pytest.fixture
def guest(app):
    return english(app, "203.0.113.91")


def answer(page, device, *, status=200, **lies):
    """Press the page's button for passkeys; the device answers."""
    return page.submit(passkey_answer=device.answer(asked(page), **lies), status=status)


def row(ctx) -> Passkey:
    with ctx.db.read() as session:
        return session.scalars(select(Passkey)).one()


def live_sessions(ctx) -> int:
    with ctx.db.read() as session:
        living = select(func.count()).select_from(LoginSession).where(LoginSession.revoked_at.is_(None))
        return session.execute(living).scalar_one()


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


def test_a_passkey_that_devices_share_counts_nothing_and_opens_each_time(guest, register, lea):
    shared = Authenticator(counts=False)
    register(lea, shared)
    for _time in range(2):
        answer(guest.get("/admin/login"), shared).submit(press="Log out")


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
        assert "5 attempts" in letters()[-1].text


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


def test_the_addresses_that_take_an_answer_lead_to_their_page(guest, register, lea, device):
    assert guest.get("/admin/login/passkey?next=/admin/sessions").path == "/admin/login?next=/admin/sessions"
    assert guest.get("/admin/login/code/passkey").path == "/admin/login"
    assert register(lea, device).get("/admin/confirm/passkey").path == "/admin/confirm"


def grow_old(ctx, minutes=11):
    with ctx.db.begin() as session:
        session.execute(update(LoginSession).values(authenticated_at=utc_now() - timedelta(minutes=minutes)))

"""Whoever lost password, phone or both gets in again, and nobody else does (ASVS 6.4.3, 6.4.4)."""

from __future__ import annotations

import re
from datetime import timedelta

import pyotp
import pytest
import time_machine
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.audit import OPERATOR
from portal.domain.policies import Role
from portal.models import Mail
from portal.services.notices import leaving
from portal.services.people import invitations
from tests.web.admin.test_team import GOOD, acts_of, english
from tests.web.conftest import PASSWORD, row_counts, totp


@pytest.fixture
def lea(merchant, hire):
    return hire(merchant, email="lea@desk.test", role=Role.SUPPORT, locale="en")


@pytest.fixture
def guest(app):
    return english(app, "203.0.113.30")


@pytest.fixture
def mailed(letters):
    """The path of the newest link of that kind."""

    def read(under: str) -> str:
        return [path for mail in letters() for path in re.findall(rf"http://portal\.test({under}\S+)", mail.text)][-1]

    return read


def ask(guest, email="lea@desk.test"):
    return guest.submit("/admin/password", email=email)


@pytest.mark.law("R-GD-11")
def test_a_forgotten_password_is_set_by_the_link_and_the_second_factor(
    guest, lea, mailed, seat_staff, app, ctx, merchant, letters
):
    working = seat_staff(english(app, "203.0.113.31"), lea)
    ask(guest)
    page = guest.submit(mailed("/admin/password/link/"), new_password=GOOD, repeated=GOOD, code=totp(lea))
    assert page.path == "/admin/login"
    assert working.get("/admin/").path.startswith("/admin/login")  # every session ended
    page = guest.submit("/admin/login", email="lea@desk.test", password=GOOD)
    assert page.submit(code=totp(lea, step=1)).path in ("/admin", "/admin/")
    assert "staff.password_changed" in acts_of(ctx, merchant)
    assert [mail.recipient for mail in letters() if "password was changed" in mail.subject] == ["lea@desk.test"]


def test_the_link_alone_changes_nothing(guest, lea, mailed, letters):
    ask(guest)
    link = mailed("/admin/password/link/")
    page = guest.submit(link, new_password=GOOD, repeated=GOOD, code="000000", status=422)
    assert page.errors == ["This code is wrong or was already used. Wait for the next one and enter it."]
    assert guest.submit("/admin/login", email="lea@desk.test", password=GOOD, status=422).errors
    guest.submit(link, new_password=GOOD, repeated=GOOD, code=lea.recovery_codes[0])  # it is still good


def test_a_weak_password_uses_up_neither_the_link_nor_the_code(guest, lea, mailed):
    ask(guest)
    link = mailed("/admin/password/link/")
    code = lea.recovery_codes[0]
    guest.submit(link, new_password="password1234567890", repeated="password1234567890", code=code, status=422)
    assert guest.submit(link, new_password=GOOD, repeated=GOOD, code=code).path == "/admin/login"
    guest.get(link, status=410)


def test_an_unknown_address_gets_the_same_answer_and_no_mail(guest, app, lea, letters):
    known, unknown = ask(guest), ask(english(app, "203.0.113.35"), "nobody@desk.test")
    assert known.notices == unknown.notices
    assert {mail.recipient for mail in letters()} == {"lea@desk.test"}


def test_a_link_that_unlocks_the_log_in_is_no_link_to_a_password(guest, lea, mailed):
    guest.submit("/admin/login/unlock", email="lea@desk.test")
    token = mailed("/admin/login/link/").rpartition("/")[2]
    guest.get(f"/admin/password/link/{token}", status=410)


def test_everything_lost_is_renewed_a_day_later(owner, lea, guest, mailed, app, ctx, merchant):
    owner.submit(f"/admin/team/{lea.staff.id}", press="Renew the access")
    link = mailed("/admin/invitation/")
    assert guest.get(link).h1 == "This link does not work yet"
    with time_machine.travel(utc_now() + timedelta(hours=25), tick=False):
        page = guest.submit(link, new_password=GOOD, repeated=GOOD)
        secret = page.select_one(".mono").get_text().replace(" ", "")
        assert len(page.submit(code=pyotp.TOTP(secret).at(utc_now())).select(".codes .mono")) == 10
        guest.get("/admin/")
        guest.get(link, status=410)
        old = english(app, "203.0.113.34").submit("/admin/login", email=lea.staff.email, password=PASSWORD, status=422)
        assert old.errors
    assert acts_of(ctx, merchant)[-2:] == ["staff.factors_renewed", "staff.password_refused"]


def test_the_person_is_told_at_once_and_gets_the_link_when_it_works(owner, lea, ctx):
    owner.submit(f"/admin/team/{lea.staff.id}", press="Renew the access")
    with ctx.db.read() as session:
        waits = {row.kind: row.send_at - row.created_at for row in session.scalars(select(Mail))}
    assert waits["staff_renewal_asked"] == timedelta()
    assert waits["staff_renewal"] == timedelta(days=1)


def test_a_log_in_stops_a_renewal(owner, lea, guest, mailed, log_in_staff, app, ctx, merchant):
    owner.submit(f"/admin/team/{lea.staff.id}", press="Renew the access")
    log_in_staff(english(app, "203.0.113.33"), lea)
    with time_machine.travel(utc_now() + timedelta(hours=25), tick=False):
        guest.get(mailed("/admin/invitation/"), status=410)
    assert "staff.renewal_stopped" in acts_of(ctx, merchant)


def test_the_operators_renewal_works_at_once(lea, guest, mailed, ctx, merchant):
    invitations.renew(ctx, merchant.id, lea.staff.id, by=OPERATOR, now=utc_now())
    assert guest.get(mailed("/admin/invitation/")).h1 == "Choose a new password"


def test_codes_are_not_tried_without_end(owner, guest, mailed, ctx):
    owner.submit("/admin/team/new", email="max@atelier.test", role="support")
    page = guest.submit(mailed("/admin/invitation/"), name="Max", new_password=GOOD, repeated=GOOD)
    for _try in range(10):
        page.submit(code="000000", status=422)
    page.submit(code="000000", status=429)


def test_what_opens_a_door_does_not_stay_once_it_is_sent(owner, ctx):
    owner.submit("/admin/team/new", email="max@atelier.test", role="support")
    with ctx.db.read() as session:
        mail_id = session.scalars(select(Mail.id).where(Mail.kind == "staff_invitation")).one()
    leaving.send(ctx, mail_id, now=utc_now())
    with ctx.db.read() as session:
        assert session.scalars(select(Mail.content).where(Mail.id == mail_id)).one() is None


def test_nothing_of_it_changes_by_looking(owner, lea, guest, mailed, ctx):
    ask(guest)
    owner.submit(f"/admin/team/{lea.staff.id}", press="Renew the access")
    before = row_counts(ctx)
    for link in (mailed("/admin/password/link/"), mailed("/admin/invitation/")):
        guest.get(link)
    assert row_counts(ctx) == before

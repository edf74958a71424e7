"""One's own log-in: name, language, password, app, recovery codes."""

from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest
import time_machine

from portal.clock import utc_now
from portal.domain.audit import OPERATOR
from portal.domain.policies import Role
from portal.queries.people.people import Kind
from portal.services.people import memberships
from portal.services.people.sessions import Visitor, open_for
from tests.web.admin.test_team import GOOD, acts_of, english
from tests.web.conftest import PASSWORD, totp


@pytest.fixture
def lea(merchant, hire):
    return hire(merchant, email="lea@desk.test", role=Role.READER, locale="en")


@pytest.fixture
def working(lea, seat_staff, app):
    return seat_staff(english(app, "203.0.113.40"), lea)


def test_name_and_language_are_the_persons_own(working):
    page = working.submit("/admin/account", press="Save", name="Léa Durand", language="fr")
    assert page.language == "fr"
    assert page.select_one("#name")["value"] == "Léa Durand"


def test_a_name_that_is_missing_is_said(working):
    page = working.submit("/admin/account", press="Save", name="  ", language="fr", status=422)
    assert len(page.errors) == 1


def test_a_new_password_ends_every_other_session_and_is_told(working, lea, seat_staff, app, letters, ctx, merchant):
    elsewhere = seat_staff(english(app, "203.0.113.41"), lea)
    working.submit("/admin/account/password", new_password=GOOD, repeated=GOOD)
    working.get("/admin/account")
    assert elsewhere.get("/admin/account").path.startswith("/admin/login")
    assert "staff.password_changed" in acts_of(ctx, merchant)
    assert letters()[-1].recipient == "lea@desk.test"
    assert not english(app, "203.0.113.45").submit("/admin/login", email=lea.staff.email, password=GOOD).errors


def test_both_factors_are_asked_before_a_password_is_changed_when_the_log_in_is_older(working):
    with time_machine.travel(utc_now() + timedelta(minutes=11), tick=False):
        assert working.get("/admin/account/password").path.startswith("/admin/confirm")
        assert working.get("/admin/account/factor").path.startswith("/admin/confirm")
        working.get("/admin/account")


def test_a_new_app_takes_the_old_ones_place_and_brings_new_codes(working, lea, app, ctx, merchant):
    page = working.get("/admin/account/factor")
    secret = page.select_one(".mono").get_text().replace(" ", "")
    page = page.submit(code="000000", status=422)
    assert page.select_one(".mono").get_text().replace(" ", "") == secret  # the one that the phone has scanned
    page = page.submit(code=pyotp.TOTP(secret).at(utc_now()))
    codes = [code.get_text() for code in page.select(".codes .mono")]
    assert len(codes) == 10
    assert "staff.factor_changed" in acts_of(ctx, merchant)
    door = english(app, "203.0.113.42").submit("/admin/login", email=lea.staff.email, password=PASSWORD)
    door.submit(code=totp(lea, step=1), status=422)
    door.submit(code=lea.recovery_codes[0], status=422)
    assert door.submit(code=codes[0]).path in ("/admin", "/admin/")


def test_what_the_form_carries_is_no_use_to_somebody_else(working, merchant, hire, seat_staff, app):
    page = working.get("/admin/account/factor")
    carried = page.values(page.form())["carried"]
    secret = page.select_one(".mono").get_text().replace(" ", "")
    other = seat_staff(english(app, "203.0.113.43"), hire(merchant, email="zoe@desk.test", locale="en"))
    token = other.values_of(other.get("/admin/account/factor"))["csrf_token"]
    code = pyotp.TOTP(secret).at(utc_now())
    answer = other.post("/admin/account/factor", {"csrf_token": token, "carried": carried, "code": code}, status=422)
    assert answer.select_one(".mono").get_text().replace(" ", "") != secret


def test_new_recovery_codes_end_the_old_ones(working, lea, app):
    page = working.submit("/admin/account", press="Create new recovery codes")
    codes = [code.get_text() for code in page.select(".codes .mono")]
    door = english(app, "203.0.113.44").submit("/admin/login", email=lea.staff.email, password=PASSWORD)
    door.submit(code=lea.recovery_codes[1], status=422)
    assert door.submit(code=codes[9]).path in ("/admin", "/admin/")


def test_a_desk_where_one_does_not_work_is_not_there(working, make):
    other = make.merchant()
    token = working.values_of(working.get("/admin/account"))
    working.post(f"/admin/account/desk/{other.id}", token, status=404)


def test_a_session_at_another_merchants_desk_is_seen_and_ended_too(working, lea, make, ctx, app):
    other = make.merchant()
    with ctx.db.begin() as session:
        memberships.join(session, lea.staff, other.id, Role.READER, by=OPERATOR, at=utc_now())
        token = open_for(session, Kind.STAFF, other.id, lea.staff.id, visitor=Visitor(), now=utc_now())
    there = english(app, "203.0.113.46")
    there.set_cookie("portal_staff", token)
    there.get("/admin/account")
    page = working.submit("/admin/sessions", press="End all other sessions")
    assert page.notices == ["1 other session has ended."]
    assert there.get("/admin/account").path.startswith("/admin/login")

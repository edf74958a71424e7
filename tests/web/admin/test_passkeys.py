"""One's own passkeys: added after both factors, named, removed; the person is told, and nobody else comes near them."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

import pyotp
import pytest
import time_machine
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.audit import OPERATOR
from portal.domain.policies import Role
from portal.models import AuditEntry, Passkey
from portal.services.people import invitations, memberships
from tests.fakes.authenticator import PRESENT, Authenticator, asked, data, text
from tests.web.admin.test_team import GOOD, acts_of, english
from tests.web.conftest import PASSWORD, row_counts, totp

NEW = "/admin/account/passkeys/new"
NOT_TAKEN = "This passkey was not accepted. Try another one; your password and your code work as always."


@pytest.fixture
def lea(merchant, hire):
    return hire(merchant, email="lea@desk.test", role=Role.READER, locale="en")


@pytest.fixture
def working(lea, seat_staff, app):
    return seat_staff(english(app, "203.0.113.80"), lea)


def add(browser, device, *, name="Work laptop", status=200, **lies):
    page = browser.get(NEW)
    return page.submit(name=name, passkey_answer=device.make(asked(page), **lies), status=status)


def passkeys(ctx) -> list[Passkey]:
    with ctx.db.read() as session:
        return list(session.scalars(select(Passkey).order_by(Passkey.created_at)))


def test_the_browser_is_asked_for_what_the_portal_needs(working, lea):
    add(working, Authenticator())
    wanted = asked(working.get(NEW))
    assert wanted["rp"] == {"name": "Portal", "id": "portal.test"}
    assert data(wanted["user"]["id"]) == lea.staff.id.bytes
    assert wanted["authenticatorSelection"]["residentKey"] == "required"
    assert wanted["authenticatorSelection"]["userVerification"] == "required"
    assert wanted["attestation"] == "none"
    assert len(data(wanted["challenge"])) == 32
    assert len(wanted["excludeCredentials"]) == 1
    assert asked(working.get(NEW))["challenge"] != wanted["challenge"]


def test_a_page_that_lets_one_answer_names_none(working, app):
    add(working, Authenticator())
    page = english(app, "203.0.113.81").get("/admin/login")
    wanted = asked(page)
    assert wanted["allowCredentials"] == []
    assert wanted["userVerification"] == "required"
    assert wanted["rpId"] == "portal.test"


def test_several_are_added_and_each_is_told(working, lea, ctx, merchant, letters):
    first, second = Authenticator(), Authenticator()
    page = add(working, first)
    assert page.path == "/admin/account/passkeys"
    assert page.notices == ["The passkey is added: from now on it logs you in."]
    page = add(working, second, name="  Blue   key  ")
    assert [row.get_text(strip=True) for row in page.select("tbody th")] == ["Work laptop", "Blue key"]
    assert "Not yet" in page.text
    kept = passkeys(ctx)[0]
    assert (kept.staff_id, kept.credential_id, kept.sign_count) == (lea.staff.id, first.passkeys[0].id, 0)
    assert kept.transports == ["internal", "hybrid"]
    assert acts_of(ctx, merchant)[-2:] == ["staff.passkey_added"] * 2
    assert [letter.recipient for letter in letters()] == ["lea@desk.test"] * 2
    assert "“Blue key”" in letters()[1].text
    assert "http://portal.test/admin/account/passkeys" in letters()[1].text


def test_the_chain_holds_no_name_and_no_key(working, ctx):
    add(working, Authenticator(), name="Grandmother’s house")
    with ctx.db.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == "staff.passkey_added")).one()
    assert entry.details == {"passkey": str(passkeys(ctx)[0].id)}


LIES = {
    "another site's": {"rp_id": "evil.test"},
    "another origin's": {"origin": "https://portal.test"},
    "another challenge's": {"challenge": text(bytes(32))},
    "in a frame of another site": {"cross_origin": True},
    "an answer": {"kind": "webauthn.get"},
    "without its person verified": {"flags": PRESENT},
    "with an id that can be guessed": {"id": b"short"},
}


@pytest.mark.parametrize("lie", LIES)
def test_what_is_not_genuine_is_not_kept(working, ctx, letters, lie):
    page = add(working, Authenticator(), status=422, **LIES[lie])
    assert page.errors == [NOT_TAKEN]
    assert page.select_one("#name")["value"] == "Work laptop", "nothing typed is lost"
    assert passkeys(ctx) == []
    assert letters() == []


@pytest.mark.parametrize("sent", ["{}", "[]", "x", '{"id":"x","rawId":"x","type":"public-key","response":{}}'])
def test_rubbish_is_refused_as_well(working, ctx, sent):
    assert working.get(NEW).submit(name="x", passkey_answer=sent, status=422).errors == [NOT_TAKEN]
    assert passkeys(ctx) == []


def test_a_key_of_a_kind_that_was_not_asked_for_is_not_kept(working, ctx):
    class Secp256k1:
        def public(self):
            return {1: 2, 3: -47, -1: 8, -2: bytes(32), -3: bytes(32)}

    assert add(working, Authenticator(key=Secp256k1), status=422).errors == [NOT_TAKEN]


def test_one_that_is_here_is_not_added_again(working, hire, merchant, seat_staff, app, ctx):
    device = Authenticator()
    add(working, device)
    other = seat_staff(english(app, "203.0.113.82"), hire(merchant, email="max@desk.test", locale="en"))
    for browser in (working, other):
        page = add(browser, Authenticator(), status=422, id=device.passkeys[0].id)
        assert page.errors == ["This passkey is here already."]
    assert len(passkeys(ctx)) == 1


def test_an_answer_is_taken_once(working, ctx):
    page = working.get(NEW)
    sent = Authenticator().make(asked(page))
    page.submit(name="One", passkey_answer=sent)
    refused = page.submit(name="Two", passkey_answer=sent, status=422)
    assert refused.errors == ["This page was open for too long, or was answered already. Try again."]
    assert [row.name for row in passkeys(ctx)] == ["One"]


def test_a_name_is_needed_and_may_be_sixty_letters(working, ctx):
    for name, said in (("  ", "Give the passkey a name."), ("x" * 61, "This name is too long.")):
        assert add(working, Authenticator(), name=name, status=422).errors == [said]
    add(working, Authenticator(), name="é" * 60)
    assert [len(row.name) for row in passkeys(ctx)] == [60]


def test_twenty_are_the_most(working, lea, ctx):
    page, device = working.get(NEW), Authenticator()
    with ctx.db.begin() as session:
        for number in range(20):
            values = {"name": "x", "public_key": b"x", "sign_count": 0, "aaguid": uuid.UUID(int=0)}
            session.add(Passkey(staff_id=lea.staff.id, credential_id=b"sixteen letters." + bytes([number]), **values))
    page = page.submit(name="One more", passkey_answer=device.make(asked(page)))
    assert len(passkeys(ctx)) == 20
    assert page.notices == ["You have 20 passkeys: remove one first."]
    page = working.get(NEW)
    assert page.path == "/admin/account/passkeys"
    assert page.notices == ["You have 20 passkeys: remove one first."]
    assert "Add a passkey" not in page.text


def test_one_is_renamed_and_removed_and_the_other_browsers_are_logged_out(
    working, lea, seat_staff, app, ctx, merchant, letters
):
    add(working, Authenticator())
    page = working.get("/admin/account/passkeys").follow("Work laptop").submit(press="Rename", name="Old laptop")
    assert "Old laptop" in page.text
    elsewhere = seat_staff(english(app, "203.0.113.83"), lea)
    page = page.follow("Old laptop").submit(press="Remove this passkey")
    assert page.notices == ["The passkey is removed. You are logged out on every other browser."]
    assert passkeys(ctx) == []
    assert elsewhere.get("/admin/account").path.startswith("/admin/login")
    assert acts_of(ctx, merchant)[-2:] == ["staff.passkey_renamed", "staff.passkey_removed"]
    assert "“Old laptop” was removed" in letters()[-1].text


def test_both_factors_are_asked_for_first_when_the_log_in_is_older(working, lea, ctx):
    add(working, Authenticator())
    page = working.get("/admin/account/passkeys").follow("Work laptop")
    with time_machine.travel(utc_now() + timedelta(minutes=11), tick=False):
        assert working.get(NEW).path.startswith("/admin/confirm")
        asking = page.submit(press="Remove this passkey", status=401)
        assert len(passkeys(ctx)) == 1
        asking.submit(password=PASSWORD, code=totp(lea)).submit(press="Continue")
        assert passkeys(ctx) == []


def test_a_passkey_of_somebody_else_is_not_there(working, hire, merchant, seat_staff, app, ctx):
    other = seat_staff(english(app, "203.0.113.84"), hire(merchant, email="max@desk.test", locale="en"))
    add(other, Authenticator())
    (theirs,) = passkeys(ctx)
    token = working.values_of(working.get("/admin/account"))["csrf_token"]
    working.get(f"/admin/account/passkeys/{theirs.id}", status=404)
    working.post(f"/admin/account/passkeys/{theirs.id}", {"csrf_token": token, "name": "Mine"}, status=404)
    working.post(f"/admin/account/passkeys/{theirs.id}/removal", {"csrf_token": token}, status=404)
    assert [row.name for row in passkeys(ctx)] == ["Work laptop"]


def test_they_are_the_persons_at_whichever_desk(working, lea, make, ctx):
    other = make.merchant(name="Studio", locale="en")
    with ctx.db.begin() as session:
        memberships.join(session, lea.staff, other.id, Role.READER, by=OPERATOR, at=utc_now())
    add(working, Authenticator())
    working.get("/admin/account").submit(press="Go to Studio")
    assert "Work laptop" in working.get("/admin/account/passkeys").text


def test_whoever_begins_anew_has_none_of_the_old_ones(working, lea, app, letters, merchant, ctx):
    """A renewal is for somebody who has lost everything: what they had may be in other hands."""
    device = Authenticator()
    add(working, device)
    invitations.renew(ctx, merchant.id, lea.staff.id, by=OPERATOR, now=utc_now())
    link = "/admin/invitation/" + letters()[-1].text.partition("/admin/invitation/")[2].split()[0]
    page = english(app, "203.0.113.85").submit(link, new_password=GOOD, repeated=GOOD)
    secret = page.select_one(".mono").get_text().replace(" ", "")
    page.submit(code=pyotp.TOTP(secret).at(utc_now()))
    assert passkeys(ctx) == []


def test_without_the_script_the_page_says_so(working):
    page = working.get(NEW)
    assert page.select_one("[data-with-passkeys]").has_attr("hidden")
    assert not page.select_one("[data-without-passkeys]").has_attr("hidden")
    refused = page.submit(name="Laptop", status=422)
    assert refused.errors[0].startswith("Your browser sent no passkey: that needs JavaScript")


def test_nothing_changes_by_looking(working, app, ctx):
    add(working, Authenticator())
    before = row_counts(ctx)
    for path in ("/admin/account/passkeys", NEW, f"/admin/account/passkeys/{passkeys(ctx)[0].id}"):
        working.get(path)
    english(app, "203.0.113.86").get("/admin/login")
    assert row_counts(ctx) == before


def test_what_the_browser_is_asked_for_is_json_in_an_attribute(working):
    """A name with marks and quotes stays a name."""
    working.submit("/admin/account", press="Save", name="O\"<b>'&", language="en")
    assert asked(working.get(NEW))["user"]["displayName"] == "O\"<b>'&"
    assert json.dumps(asked(working.get(NEW)))

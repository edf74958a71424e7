"""The team: invited, joined, promoted, kept out, gone; and an owner who always stays (issue 13)."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pyotp
import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from portal.clock import utc_now
from portal.domain.audit import OPERATOR
from portal.domain.errors import NotAllowed
from portal.domain.policies import Role
from portal.models import AuditEntry, Invitation, LoginSession, Membership, Staff
from portal.queries.people.people import Kind, Person
from portal.services.people import invitations, memberships, staff_logins
from portal.services.people.sessions import Visitor, end_all
from portal.services.people.staff_acts import by as acts
from tests.browser_client import Browser
from tests.web.conftest import PASSWORD, row_counts, totp


def english(app, address) -> Browser:
    """A browser of its own that asks for English."""
    browser = Browser(app, address=address)
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return browser


GOOD = "quatre girafes sur un pédalo"


@pytest.fixture
def guest(app) -> Browser:
    """The browser of somebody who has only a mail."""
    return english(app, "203.0.113.9")


@pytest.fixture
def link(letters):
    """The path of the newest link to an invitation that was mailed."""

    def read() -> str:
        found = [
            path for mail in letters() for path in re.findall(r"http://portal\.test(/admin/invitation/\S+)", mail.text)
        ]
        return found[-1]

    return read


def acts_of(ctx, merchant) -> list[str]:
    with ctx.db.read() as session:
        statement = select(AuditEntry.act).where(AuditEntry.merchant_id == merchant.id).order_by(AuditEntry.number)
        return list(session.scalars(statement))


def members(ctx, merchant) -> dict[str, Role]:
    with ctx.db.read() as session:
        rows = session.execute(
            select(Staff.email, Membership.role).join(Membership).where(Membership.merchant_id == merchant.id)
        )
        return dict(list(rows))


def invite(owner, email="max@atelier.test", role="support"):
    return owner.submit("/admin/team/new", email=email, role=role)


def join(guest, path, name="Max Petit", password=GOOD):
    """Go from the mailed link to the desk, as a new person does."""
    page = guest.submit(path, name=name, new_password=password, repeated=password)
    secret = page.select_one(".mono").get_text().replace(" ", "")
    return secret, page.submit(code=pyotp.TOTP(secret).at(utc_now()))


def test_somebody_invited_chooses_both_factors_and_is_in(owner, merchant, guest, link, ctx, other_browser):
    page = invite(owner)
    assert "max@atelier.test" in page.text
    secret, page = join(guest, link())
    codes = [code.get_text() for code in page.select(".codes .mono")]
    assert len(set(codes)) == 10
    assert guest.get("/admin/").status == 200
    assert members(ctx, merchant)["max@atelier.test"] is Role.SUPPORT
    assert acts_of(ctx, merchant)[-2:] == ["staff.invited", "staff.hired"]
    page = other_browser.submit("/admin/login", email="Max@Atelier.test", password=GOOD)
    later = pyotp.TOTP(secret).at(utc_now(), counter_offset=1)
    assert page.submit(code=later).path in ("/admin/", "/admin")


def test_a_scanner_that_opens_the_link_changes_nothing(owner, guest, link, ctx):
    invite(owner)
    before = row_counts(ctx)
    for _look in range(3):
        guest.get(link())
        guest.client.head(link(), base_url="http://portal.test")
    assert row_counts(ctx) == before
    join(guest, link())


def test_a_used_link_opens_nothing(owner, guest, link, app):
    invite(owner)
    join(guest, link())
    assert "no longer open" in english(app, "203.0.113.10").get(link(), status=410).h1


@pytest.mark.parametrize("wait", [timedelta(hours=72), timedelta(days=40)])
def test_a_link_is_good_for_three_days(owner, guest, link, wait):
    invite(owner)
    with time_machine.travel(utc_now() + timedelta(hours=71), tick=False):
        guest.get(link())
    with time_machine.travel(utc_now() + wait, tick=False):
        guest.get(link(), status=410)


def test_somebody_invited_twice_has_one_invitation_and_the_newest_link(owner, guest, link, ctx, merchant):
    invite(owner)
    first = link()
    page = invite(owner, role="manager")
    guest.get(first, status=410)
    assert len(page.select("#invitations article")) == 1
    join(guest, link())
    assert members(ctx, merchant)["max@atelier.test"] is Role.MANAGER


def test_sent_again_the_old_link_ends(owner, guest, link):
    invite(owner)
    first = link()
    owner.submit("/admin/team", press="Send again")
    assert link() != first
    guest.get(first, status=410)
    guest.get(link())


def test_withdrawn_it_opens_nothing_even_between_the_two_pages(owner, guest, link):
    invite(owner)
    page = guest.submit(link(), name="Max", new_password=GOOD, repeated=GOOD)
    secret = page.select_one(".mono").get_text().replace(" ", "")
    owner.submit("/admin/team", press="Withdraw")
    answer = page.submit(code=pyotp.TOTP(secret).at(utc_now()), status=410)
    assert "no longer open" in answer.h1


def test_an_address_of_the_team_is_not_invited(owner, merchant, hire, link):
    hire(merchant, email="max@atelier.test")
    page = owner.submit("/admin/team/new", email="MAX@atelier.test", role="support", status=422)
    assert "already" in page.errors[0]
    assert page.select_one("#email")["value"] == "MAX@atelier.test"


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("girafe", "at least 16 characters"),
        ("password1234567890", "easily guessed"),
        ("motdepassemotdepasse", "easily guessed"),
        ("azertyuiopqsdfghjklm", "easily guessed"),
        ("max.petit@atelier.test", "easily guessed"),
        ("a" * 16, "easily guessed"),
        ("x9!" * 100, "at most 256"),
    ],
)
def test_a_password_that_is_soon_guessed_is_refused_and_the_name_is_kept(owner, guest, link, password, said):
    invite(owner, email="max.petit@atelier.test")
    page = guest.submit(link(), name="Max Petit", new_password=password, repeated=password, status=422)
    assert said in page.errors[0]
    assert page.select_one("#name")["value"] == "Max Petit"
    assert f'value="{password}"' not in page.body


def test_two_passwords_that_differ_are_said(owner, guest, link):
    invite(owner)
    page = guest.submit(link(), name="Max", new_password=GOOD, repeated=GOOD + "x", status=422)
    assert page.errors == ["The two passwords differ. Type both again."]


def test_somebody_of_another_merchant_accepts_and_changes_desks(
    owner, make, hire, app, link, merchant, ctx, log_in_staff
):
    other = make.merchant(name="La Forge", locale="en")
    max_ = hire(other, email="max@atelier.test", role=Role.OWNER, locale="en")
    customer = make.customer(other)
    invite(owner, role="reader")
    theirs = english(app, "203.0.113.20")
    page = theirs.get(link())
    assert "already works" in page.text
    page = theirs.submit(page.link("Log in"), email=max_.staff.email, password=PASSWORD).submit(code=totp(max_))
    page = page.submit(press="Join the team")
    assert page.path in ("/admin", "/admin/")
    assert members(ctx, merchant)["max@atelier.test"] is Role.READER
    assert members(ctx, other)["max@atelier.test"] is Role.OWNER
    theirs.get(f"/admin/customers/{customer.id}", status=404)  # nothing crosses over
    theirs.get("/admin/team", status=403)
    page = theirs.submit("/admin/account", press="Go to La Forge")
    theirs.get(f"/admin/customers/{customer.id}")
    theirs.get("/admin/team")


def test_an_invitation_of_somebody_known_is_no_use_to_anybody_else(
    owner, make, hire, seat_staff, app, link, merchant, ctx
):
    other = make.merchant(name="La Forge", locale="en")
    hire(other, email="max@atelier.test")
    stranger = hire(other, email="zoe@forge.test", locale="en")
    invite(owner)
    browser = seat_staff(english(app, "203.0.113.21"), stranger)
    page = browser.get(link())
    assert "somebody else" in page.text
    browser.post(link(), {**browser.values_of(page)}, status=200)
    assert set(members(ctx, merchant)) & {"max@atelier.test", "zoe@forge.test"} == set()


def test_somebody_who_has_left_comes_back_by_a_new_invitation(owner, merchant, hire, guest, link, ctx):
    gone = hire(merchant, email="max@atelier.test", role=Role.OWNER)
    owner.submit(f"/admin/team/{gone.staff.id}", press="Remove from the team")
    assert guest.submit("/admin/login", email="max@atelier.test", password=PASSWORD, status=422).errors
    invite(owner)
    join(guest, link())
    assert members(ctx, merchant)["max@atelier.test"] is Role.SUPPORT
    with ctx.db.read() as session:
        assert session.scalars(select(Staff.id).where(Staff.email == "max@atelier.test")).one() == gone.staff.id


def test_a_role_lowered_while_its_holder_works_holds_from_the_next_click(owner, merchant, hire, seat_staff, app):
    lea = hire(merchant, email="lea@desk.test", role=Role.OWNER, locale="en")
    working = seat_staff(english(app, "203.0.113.22"), lea)
    working.get("/admin/audit")
    owner.submit(f"/admin/team/{lea.staff.id}", press="Change the role", role="reader")
    working.get("/admin/audit", status=403)
    working.get("/admin/customers")


def test_a_suspended_member_is_out_at_once_and_in_again_when_it_is_lifted(owner, merchant, hire, seat_staff, app, ctx):
    lea = hire(merchant, email="lea@desk.test", role=Role.SUPPORT)
    working = seat_staff(english(app, "203.0.113.23"), lea)
    owner.submit(f"/admin/team/{lea.staff.id}", press="Suspend")
    assert working.get("/admin/customers").path.startswith("/admin/login")
    owner.submit(f"/admin/team/{lea.staff.id}", press="Let in again")
    assert working.get("/admin/customers").path.startswith("/admin/login")  # the session is not given back
    seat_staff(working, lea).get("/admin/customers")
    assert acts_of(ctx, merchant)[-2:] == ["staff.disabled", "staff.enabled"]


def test_sessions_of_a_member_end(owner, merchant, hire, seat_staff, app):
    lea = hire(merchant, email="lea@desk.test", role=Role.SUPPORT)
    working = seat_staff(english(app, "203.0.113.24"), lea)
    page = owner.submit(f"/admin/team/{lea.staff.id}", press="End all sessions")
    assert page.notices == ["1 session has ended."]
    assert working.get("/admin/customers").path.startswith("/admin/login")


@pytest.mark.parametrize("press", ["Suspend", "Remove from the team"])
def test_the_last_owner_stays(owner, merchant, ctx, press):
    with ctx.db.read() as session:
        me = session.scalars(select(Membership.staff_id).where(Membership.merchant_id == merchant.id)).one()
    page = owner.submit(f"/admin/team/{me}", press=press)
    assert page.notices == ["This is the only owner who can come in: make somebody else an owner first."]
    page = owner.submit(f"/admin/team/{me}", press="Change the role", role="manager", status=422)
    assert "only owner" in page.errors[0]
    assert list(members(ctx, merchant).values()) == [Role.OWNER]


def test_two_owners_who_remove_each_other_leave_one(ctx, merchant, hire):
    people = [hire(merchant, email=f"{name}@desk.test").staff.id for name in ("a", "b")]
    barrier, refused = threading.Barrier(2), []

    def remove(mine, other) -> None:
        barrier.wait()
        try:
            memberships.remove(ctx, merchant.id, other, by=acts(mine), now=utc_now())
        except NotAllowed:
            refused.append(mine)

    threads = [threading.Thread(target=remove, args=pair) for pair in (people, people[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert len(members(ctx, merchant)) == 1


def test_another_merchants_people_and_invitations_are_not_there(owner, make, hire, ctx):
    other = make.merchant(name="La Forge")
    theirs = hire(other, email="zoe@forge.test")
    invitations.invite(
        ctx, other.id, "new@forge.test", Role.OWNER, by=OPERATOR, by_name="", language="en", now=utc_now()
    )
    with ctx.db.read() as session:
        invitation = session.scalars(select(Invitation.id)).one()
    owner.get(f"/admin/team/{theirs.staff.id}", status=404)
    token = owner.values_of(owner.get("/admin/team/new"))
    for path in (
        *(
            f"/admin/team/{theirs.staff.id}{act}"
            for act in ("/removal", "/suspension", "/renewal", "/sessions/end", "")
        ),
        *(f"/admin/team/invitations/{invitation}/{act}" for act in ("again", "withdrawal")),
    ):
        owner.post(path, {**token, "role": "owner"}, status=404)
    assert members(ctx, other) == {"zoe@forge.test": Role.OWNER}


def test_a_desk_is_no_way_to_write_to_strangers_all_day(owner, ctx, merchant):
    page = owner.get("/admin/team/new")
    for number in range(invitations.MAILS):
        invitations.invite(
            ctx, merchant.id, f"p{number}@x.test", Role.READER, by=OPERATOR, by_name="", language="en", now=utc_now()
        )
    assert "Too many emails in one day" in page.submit(email="max@atelier.test", role="reader", status=429).text


def test_somebody_kept_out_of_one_team_is_not_made_anew_by_another(owner, make, hire, link, guest, ctx, merchant):
    """Their mailbox alone would then open the first team's desk again once it lets them in."""
    other = make.merchant(name="La Forge", locale="en")
    max_ = hire(other, email="max@atelier.test", role=Role.SUPPORT)
    with ctx.db.begin() as session:
        session.scalars(select(Membership).where(Membership.staff_id == max_.staff.id)).one().disabled_at = utc_now()
    invite(owner)
    page = guest.get(link())
    assert "already works" in page.text
    assert page.select("input[type=password]") == []
    with ctx.db.read() as session:
        assert session.get_one(Staff, max_.staff.id).password_hash == max_.staff.password_hash


def test_what_a_leaver_has_sent_opens_nothing_any_more(owner, merchant, hire, seat_staff, app, guest, link):
    rogue = hire(merchant, email="rogue@desk.test", role=Role.OWNER, locale="en")
    invite(seat_staff(english(app, "203.0.113.50"), rogue), email="second@rogue.test", role="owner")
    guest.get(link())
    owner.submit(f"/admin/team/{rogue.staff.id}", press="Remove from the team")
    guest.get(link(), status=410)


def test_whoever_was_removed_a_moment_ago_changes_no_team(ctx, merchant, hire):
    anne, max_ = (hire(merchant, email=f"{name}@desk.test") for name in ("anne", "max"))
    memberships.remove(ctx, merchant.id, max_.staff.id, by=acts(anne.staff.id), now=utc_now())
    late = {"by": acts(max_.staff.id), "now": utc_now()}
    with pytest.raises(NotAllowed):
        memberships.remove(ctx, merchant.id, anne.staff.id, **late)
    with pytest.raises(NotAllowed):
        invitations.invite(ctx, merchant.id, "x@y.test", Role.OWNER, by_name="", language="en", **late)
    with pytest.raises(NotAllowed):
        invitations.renew(ctx, merchant.id, anne.staff.id, **late)


@pytest.fixture
def both_desks(make, hire, merchant, ctx):
    """Léa, an owner at two merchants."""
    other = make.merchant(name="La Forge", locale="en")
    lea = hire(merchant, email="lea@desk.test", locale="en")
    with ctx.db.begin() as session:
        memberships.join(session, lea.staff, other.id, Role.OWNER, by=OPERATOR, at=utc_now())
    return lea, other


def test_a_form_that_was_filled_in_at_another_desk_is_not_taken_over(both_desks, app, seat_staff):
    browser = seat_staff(english(app, "203.0.113.51"), both_desks[0])
    page = browser.get("/admin/team/new")  # one tab
    browser.submit("/admin/account", press="Go to La Forge")  # another one
    answer = page.submit(email="max@atelier.test", role="owner")
    assert "nothing was changed, here or there" in " ".join(answer.notices)
    assert "max@atelier.test" not in answer.body
    assert "max@atelier.test" not in browser.get("/admin/team").text


def test_a_session_that_ended_meanwhile_opens_no_other_desk(both_desks, ctx, app, seat_staff):
    lea, other = both_desks
    seat_staff(english(app, "203.0.113.52"), lea).get("/admin/account")
    with ctx.db.read() as session:
        row = session.scalars(select(LoginSession).where(LoginSession.staff_id == lea.staff.id)).one()
    with ctx.db.begin() as session:
        end_all(session, lea.staff.id, now=utc_now())
    with pytest.raises(NoResultFound):
        staff_logins.change_desk(ctx, person_of(lea.staff, row), other.id, visitor=Visitor(), now=utc_now())


def person_of(staff, row) -> Person:
    at = {"authenticated_at": row.authenticated_at, "last_seen_at": row.last_seen_at}
    return Person(
        kind=Kind.STAFF, id=staff.id, merchant_id=row.merchant_id, name=staff.name, email=staff.email,
        role=Role.OWNER, session_id=row.id, locale=None, **at,
    )  # fmt: skip


def test_who_leaves_where_they_worked_last_is_written_to_by_those_they_still_work_for(both_desks, ctx, merchant, owner):
    lea, other = both_desks
    owner.submit(f"/admin/team/{lea.staff.id}", press="Remove from the team")
    with ctx.db.read() as session:
        assert session.get_one(Staff, lea.staff.id).merchant_id == other.id


@pytest.mark.parametrize(("days", "said"), [(1, "not yet"), (29, "not yet"), (31, "not in the last month")])
def test_who_never_logged_in_was_not_here_a_month_ago_either(owner, merchant, hire, ctx, days, said):
    new = hire(merchant, email="max@atelier.test").staff
    with ctx.db.begin() as session:
        (place,) = session.scalars(select(Membership).where(Membership.staff_id == new.id))
        place.created_at = utc_now() - timedelta(days=days)
    (row,) = [row for row in owner.get("/admin/team").select("tbody tr") if "max@" in row.get_text()]
    assert said in row.get_text()
    assert said in owner.get(f"/admin/team/{new.id}").text

"""Several people in one account: an owner invites by mail, whoever accepts logs in at their own address."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.people.account_members import MemberRole
from portal.models import AccountMember, AuditEntry, LoginSession
from tests.browser_client import Browser
from tests.web.account_people import ANNA, link_in, member_of, seat


@pytest.fixture
def invited(visit, letters):
    """Invite Anna as a reader, and return the path of the link."""

    def invite(*, email=ANNA, role="reader", name="") -> str:
        page = visit.browser.submit(f"{visit.home}profile/people", email=email, role=role, name=name)
        assert page.notices == [f"The invitation to {email} is on its way."]
        return link_in(letters()[-1].text)

    return invite


def people_of(ctx, customer):
    with ctx.db.read() as session:
        rows = session.scalars(select(AccountMember).where(AccountMember.customer_id == customer.id)).all()
    return {(row.email, row.role.value, row.accepted_at is not None, row.removed_at is not None) for row in rows}


def test_the_link_waits_for_its_button_and_the_code_goes_to_the_new_address(
    app, ctx, visit, invited, letters, code_and_link
):
    link = invited()
    guest = Browser(app)
    guest.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    for _scan in range(3):  # what opens links by itself
        page = guest.get(link)
    assert visit.customer.email in page.text
    assert people_of(ctx, visit.customer) == {(ANNA, "reader", False, False)}
    guest.post(f"{visit.home}login", {**guest.values_of(guest.get(f"{visit.home}login")), "email": ANNA}, status=303)
    assert letters()[-1].recipient == ANNA, "the invitation is the last mail that went there: no code before the yes"
    assert "invitation" in letters()[-1].text

    page = guest.get(link).submit(name="Anna Petit")
    assert page.path == f"{visit.home}login"
    assert people_of(ctx, visit.customer) == {(ANNA, "reader", True, False)}
    told = letters()[-1]
    assert told.recipient == visit.customer.email
    assert "a…@client.test" in told.text
    assert ANNA not in told.text

    page = guest.submit(f"{visit.home}login", email=ANNA).submit(code=code_and_link()[0])
    assert letters()[-1].recipient == ANNA
    assert page.h1.startswith("Hello Anna Petit")
    assert f"the account of {visit.customer.name} as a reader" in page.text


def test_opened_twice_the_link_says_that_it_is_done(app, visit, invited):
    link = invited()
    first, second = Browser(app), Browser(app)
    open_page = second.get(link)
    first.get(link).submit()
    assert open_page.submit(status=410).h1 == "This invitation is accepted already"
    assert first.get(link, status=410).h1 == "This invitation is accepted already"


def test_the_link_of_another_merchant_or_none_is_over(app, make, invited):
    link = invited()
    other = make.merchant(locale="en")
    there = f"/account/{other.slug}/invitation/"
    for path in (there + link.rpartition("/")[2], there + "never"):
        assert Browser(app).get(path, status=410).h1 == "This invitation no longer works"


def test_after_three_days_it_is_over_and_can_be_sent_again(app, ctx, visit, invited, letters):
    link = invited()
    with time_machine.travel(utc_now() + timedelta(hours=72, seconds=1), tick=True):
        assert Browser(app).get(link, status=410).h1 == "This invitation no longer works"
    member = next(iter(_rows(ctx)))
    page = visit.browser.get(f"{visit.home}profile/people").submit(press="Send again")
    assert page.notices[0].startswith("The invitation is on its way again")
    newer = link_in(letters()[-1].text)
    assert newer != link
    Browser(app).get(link, status=410)
    Browser(app).get(newer).submit()
    assert _rows(ctx)[0].id == member.id
    assert _rows(ctx)[0].accepted_at is not None


def test_an_expired_invitation_makes_way_for_a_new_one(ctx, visit, invited):
    member_of(ctx, visit.customer, accepted=False)
    with ctx.db.begin() as session:
        session.scalars(select(AccountMember)).one().expires_at = utc_now() - timedelta(seconds=1)
    invited()
    assert people_of(ctx, visit.customer) == {(ANNA, "reader", False, True), (ANNA, "reader", False, False)}


@pytest.mark.parametrize(
    ("email", "said"),
    [
        ("{own}", "This is the account’s own email address"),
        ("  {OWN} ", "This is the account’s own email address"),
        (ANNA, "has access already"),
        ("ANNA@Client.Test", "has access already"),
        ("bert@client.test", "has access already"),
        ("nothing", "Enter an address like"),
        ("", "Enter your email address."),
    ],
)
def test_whom_one_cannot_invite(ctx, visit, email, said):
    member_of(ctx, visit.customer)
    member_of(ctx, visit.customer, email="bert@client.test", accepted=False)
    own = visit.customer.email
    typed = email.format(own=own, OWN=own.upper())
    page = visit.browser.submit(f"{visit.home}profile/people", email=typed, name="Somebody", status=422)
    assert said in page.errors[0]
    assert page.select_one("input[name=name]")["value"] == "Somebody"


def test_a_known_and_an_unknown_address_get_the_same_answer(make, visit, letters):
    known = make.customer(visit.merchant, email="known@client.test")
    said = []
    for email in (known.email, "unknown@client.test"):
        page = visit.browser.submit(f"{visit.home}profile/people", email=email)
        said.append((page.notices[0].replace(email, ""), letters()[-1].subject, letters()[-1].recipient == email))
    assert said[0] == said[1]


def test_a_flood_of_invitations_ends(ctx, visit):
    for number in range(20):
        page = visit.browser.submit(f"{visit.home}profile/people", email=f"a{number}@client.test")
        with ctx.db.begin() as session:  # else the account is full before
            session.scalars(
                select(AccountMember).where(AccountMember.removed_at.is_(None))
            ).one().removed_at = utc_now()
    page = visit.browser.submit(f"{visit.home}profile/people", email="b@client.test", status=429)
    assert "b@client.test" not in {row.email for row in _rows(ctx)}
    assert page.h1


def test_one_mailbox_is_not_flooded_by_the_same_account(ctx, visit, letters):
    member = member_of(ctx, visit.customer, accepted=False)
    page = visit.browser.get(f"{visit.home}profile/people")
    for number in range(6):
        page = page.submit(press="Send again", status=200 if number < 5 else 429)
    assert len([one for one in letters() if one.recipient == member.email]) == 5


def test_an_account_has_so_many_people_and_no_more(ctx, visit):
    for number in range(20):
        member_of(ctx, visit.customer, email=f"a{number}@client.test")
    page = visit.browser.get(f"{visit.home}profile/people")
    assert page.select_one("input[name=email]") is None
    token = visit.browser.values_of(page)["csrf_token"]
    late = {"csrf_token": token, "email": ANNA, "role": "reader"}
    assert "as many people" in visit.browser.post(f"{visit.home}profile/people", late, status=422).text


def test_whoever_is_removed_is_logged_out_at_once(app, ctx, visit):
    member = member_of(ctx, visit.customer, role=MemberRole.OWNER)
    anna = seat(ctx, app, member)
    tab = anna.get(f"{visit.home}profile")
    page = visit.browser.get(f"{visit.home}profile/people").submit(press="Remove")
    assert page.notices == [f"{ANNA} no longer has access, and is logged out."]
    tab.submit(name="Somebody else", status=401)
    assert "/login" in anna.get(visit.home).path
    with ctx.db.read() as session:
        assert session.scalars(select(LoginSession.revoked_at).where(LoginSession.account_member_id == member.id)).one()
        acts = session.scalars(select(AuditEntry.act).order_by(AuditEntry.number.desc())).first()
    assert acts == "customer.member_removed"


def test_a_removed_address_gets_no_code_any_more(app, ctx, visit, letters):
    member_of(ctx, visit.customer)
    visit.browser.get(f"{visit.home}profile/people").submit(press="Remove")
    before = len(letters())
    Browser(app).submit(f"{visit.home}login", email=ANNA)
    assert len(letters()) == before


def test_a_code_on_its_way_opens_nothing_for_who_was_removed_meanwhile(app, ctx, visit, code_and_link):
    member_of(ctx, visit.customer)
    anna = Browser(app)
    page = anna.submit(f"{visit.home}login", email=ANNA)
    code = code_and_link()[0]
    visit.browser.get(f"{visit.home}profile/people").submit(press="Remove")
    page.submit(code=code, status=422)
    with ctx.db.read() as session:
        assert session.scalars(select(LoginSession).where(LoginSession.account_member_id.is_not(None))).all() == []


def test_of_two_owners_who_remove_each_other_the_first_stays(app, ctx, visit):
    anna = member_of(ctx, visit.customer, role=MemberRole.OWNER)
    bert = member_of(ctx, visit.customer, email="bert@client.test", name="Bert", role=MemberRole.OWNER)
    at_anna, at_bert = (seat(ctx, app, one) for one in (anna, bert))
    theirs = at_bert.get(f"{visit.home}profile/people")
    at_anna.get(f"{visit.home}profile/people").submit(press="Remove Bert")
    theirs.submit(press="Remove Anna", status=401)
    assert {(row.email, row.removed_at is None) for row in _rows(ctx)} == {(ANNA, True), ("bert@client.test", False)}


def test_a_role_changes_from_the_next_click_on(app, ctx, visit):
    member = member_of(ctx, visit.customer, role=MemberRole.OWNER)
    anna = seat(ctx, app, member)
    tab = anna.get(f"{visit.home}profile")
    visit.browser.get(f"{visit.home}profile/people").submit(press="Make a reader")
    page = tab.submit(name="Somebody else", status=403)
    assert "as a reader" in page.text
    assert visit.customer.name in page.text
    visit.browser.get(f"{visit.home}profile/people").submit(press="Make an owner")
    assert tab.submit(name="Somebody else").notices == ["Saved."]


def test_a_member_owner_invites_under_their_own_address(app, ctx, visit, letters):
    anna = member_of(ctx, visit.customer, role=MemberRole.OWNER)
    seat(ctx, app, anna).submit(f"{visit.home}profile/people", email="carl@client.test", role="owner")
    assert letters()[-1].recipient == "carl@client.test"
    assert ANNA in letters()[-1].text
    assert visit.customer.email not in letters()[-1].text
    carl = next(row for row in _rows(ctx) if row.email == "carl@client.test")
    assert carl.invited_by_id == anna.id
    with ctx.db.read() as session:
        assert session.scalars(select(AuditEntry.actor_id).order_by(AuditEntry.number.desc())).first() == anna.id


def test_somebody_leaves_by_themselves_and_the_address_on_file_cannot(app, ctx, visit):
    anna = seat(ctx, app, member_of(ctx, visit.customer))
    page = anna.get(f"{visit.home}profile").submit(press="Leave this account")
    assert "You no longer have access to this account." in page.notices
    assert people_of(ctx, visit.customer) == {(ANNA, "reader", True, True)}
    token = visit.browser.values_of(visit.browser.get(f"{visit.home}profile"))["csrf_token"]
    visit.browser.post(f"{visit.home}profile/leaving", {"csrf_token": token}, status=404)


def test_people_of_another_account_are_not_there(ctx, make, visit):
    other = make.customer(visit.merchant, email="other@client.test")
    member = member_of(ctx, other)
    token = visit.browser.values_of(visit.browser.get(f"{visit.home}profile/people"))["csrf_token"]
    for act in ("again", "removal", "role"):
        data = {"csrf_token": token, "role": "owner"}
        visit.browser.post(f"{visit.home}profile/people/{member.id}/{act}", data, status=404)
    data = {"csrf_token": token, "role": "king"}
    visit.browser.post(f"{visit.home}profile/people/{member.id}/role", data, status=422)
    assert people_of(ctx, other) == {(ANNA, "reader", True, False)}


def test_owners_see_whose_sessions_there_are_and_each_ends_their_own(app, ctx, visit):
    anna = seat(ctx, app, member_of(ctx, visit.customer, role=MemberRole.OWNER))
    bert = seat(ctx, app, member_of(ctx, visit.customer, email="bert@client.test", name="Bert"))
    page = visit.browser.get(f"{visit.home}sessions")
    assert {tag.get_text() for tag in page.select("#others h3")} == {"Anna", "Bert"}
    assert page.select("#others form") == []
    assert {tag.get_text() for tag in anna.get(f"{visit.home}sessions").select("#others h3")} == {
        visit.customer.name,
        "Bert",
    }
    assert bert.get(f"{visit.home}sessions").select("#others") == []
    with ctx.db.read() as session:
        foreign = session.scalars(select(LoginSession.id).where(LoginSession.account_member_id.is_(None))).one()
    token = anna.values_of(anna.get(f"{visit.home}sessions"))["csrf_token"]
    anna.post(f"{visit.home}sessions/{foreign}/end", {"csrf_token": token}, status=404)
    anna.post(f"{visit.home}sessions/others/end", {"csrf_token": token}, status=303)
    assert bert.get(visit.home).path == visit.home


def _rows(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(AccountMember).order_by(AccountMember.created_at)).all()

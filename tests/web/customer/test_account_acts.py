"""What an owner of somebody's account does is done in their own name, and told to both."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.people.account_members import MemberRole
from portal.models import AuditEntry, EndRequest, Mail, Proof, ReceivedRequest, TimelineEntry, TimelineKind
from portal.services.people import account_members
from portal.services.people.acting import by_customer
from tests.services.own_data.wishing import carry_ends
from tests.web.account_people import ANNA, member_of, seat
from tests.web.customer.conftest import CANCEL, UNDO

NAMED = f"Anna ({ANNA})"


@pytest.fixture
def anna(ctx, visit):
    return member_of(ctx, visit.customer, role=MemberRole.OWNER)


def test_an_end_names_who_asked_everywhere_and_both_get_the_proof(app, ctx, visit, make, anna, letters):
    held = make.subscription(customer=visit.customer)
    browser = seat(ctx, app, anna)
    page = browser.get(visit.page(held, "/cancellation")).submit(press=CANCEL)
    assert "Your subscription is cancelled." in page.text
    with ctx.db.read() as session:
        request = session.scalars(select(EndRequest)).one()
        proof = session.scalars(select(Proof)).one()
        entries = session.scalars(select(TimelineEntry).where(TimelineEntry.actor == "customer")).all()
        rows = session.scalars(select(AuditEntry).where(AuditEntry.actor == "customer")).all()
        mails = session.scalars(select(Mail).where(Mail.kind == "end_confirmed")).all()
    assert (request.actor_id, request.actor_name) == (anna.id, NAMED)
    assert proof.facts["asked_by_name"] == NAMED
    assert {entry.actor_name for entry in entries} == {NAMED}
    assert {row.actor_id for row in rows} == {anna.id}
    assert NAMED not in str([row.details for row in rows]), "the chain keeps no name"
    assert {mail.recipient for mail in mails} == {visit.customer.email, ANNA}
    assert {mail.customer_id for mail in mails} == {visit.customer.id}
    told = [one.text for one in letters() if one.recipient == ANNA]
    assert len(told) == 1
    assert request.reference in told[0]
    assert NAMED in page.text, "the proof names them to themselves, too"
    theirs = visit.browser.get(page.path)
    assert NAMED in theirs.text


def test_the_history_says_you_to_whom_it_was(app, ctx, visit, make, anna):
    held = make.subscription(customer=visit.customer)
    browser = seat(ctx, app, anna)
    browser.get(visit.page(held, "/cancellation")).submit(press=CANCEL, comment="Merci")
    history = [one.get(visit.page(held)).text for one in (browser, visit.browser)]
    assert f"{NAMED} (account page)" not in history[0]
    assert "you (" in history[0]
    assert f"{NAMED} (" in history[1]
    assert ["Your comment: Merci" in one for one in history] == [True, False]
    assert "Comment: Merci" in history[1]


def test_what_the_customer_did_is_not_the_members(app, ctx, visit, make, anna):
    held = make.subscription(customer=visit.customer)
    visit.cancel(held)
    seen = seat(ctx, app, anna).get(visit.page(held)).text
    assert f"{visit.customer.name} (" in seen
    assert "you (" not in seen
    with ctx.db.read() as session:
        assert "asked_by_name" not in session.scalars(select(Proof)).one().facts
        assert session.scalars(select(Mail.recipient).where(Mail.kind == "end_confirmed")).all() == [
            visit.customer.email
        ]


def test_who_was_removed_meanwhile_is_written_to_no_more(app, ctx, visit, make, anna, paypal):
    held = make.subscription(customer=visit.customer)
    paypal.rule("cancel", "500")
    seat(ctx, app, anna).get(visit.page(held, "/cancellation")).submit(press=CANCEL)
    account_members.remove(
        ctx, visit.merchant.id, visit.customer.id, anna.id, by=by_customer(visit.customer.id), now=utc_now()
    )
    with ctx.db.begin() as session:
        session.execute(Mail.__table__.delete())
    paypal.clear_rules()
    carry_ends(ctx)
    with ctx.db.read() as session:
        told = session.scalars(select(Mail.recipient).where(Mail.kind == "end_confirmed")).all()
    assert told == [visit.customer.email]


def test_taking_it_back_names_them(app, ctx, visit, make, anna, now):
    held = make.subscription(customer=visit.customer)
    day = (now + timedelta(days=50)).date()
    browser = seat(ctx, app, anna)
    page = browser.get(f"{visit.page(held, '/cancellation')}?on={day.isoformat()}")
    page.submit(press=f"Cancel on {day.day} {day:%B %Y}").submit(press=UNDO)
    with ctx.db.read() as session:
        entry = session.scalars(select(TimelineEntry).where(TimelineEntry.kind == TimelineKind.END_WITHDRAWN)).one()
    assert (entry.actor_name, entry.details["person"]) == (NAMED, str(anna.id))


def test_the_profile_is_the_accounts_and_says_who_changed_it(app, ctx, visit, anna):
    browser = seat(ctx, app, anna)
    page = browser.get(f"{visit.home}profile").submit(name="Famille Martin")
    assert page.notices == ["Saved."]
    with ctx.db.read() as session:
        row = session.scalars(select(AuditEntry).where(AuditEntry.act == "customer.changed")).one()
    assert row.actor_id == anna.id


def test_a_notice_is_the_members_and_acknowledged_to_both(app, ctx, make, log_in):
    merchant = make.merchant(locale="en", self_cancellation=False)
    visit = log_in(merchant, make.customer(merchant))
    held = make.subscription(customer=visit.customer)
    anna = member_of(ctx, visit.customer, role=MemberRole.OWNER)
    browser = seat(ctx, app, anna)
    browser.get(visit.page(held, "/notification")).submit(message="Please stop.")
    with ctx.db.read() as session:
        notice = session.scalars(select(ReceivedRequest)).one()
        entry = session.scalars(select(TimelineEntry).where(TimelineEntry.kind == TimelineKind.NOTIFIED)).one()
        told = session.scalars(select(Mail.recipient).where(Mail.kind == "request_received")).all()
    assert (notice.name, notice.email) == (NAMED, visit.customer.email)
    assert (entry.actor_name, entry.details["person"]) == (NAMED, str(anna.id))
    assert sorted(told) == sorted([visit.customer.email, ANNA])

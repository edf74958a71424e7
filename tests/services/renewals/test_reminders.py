"""The reminder before a tacit renewal: in its window, once, with its proof; and what follows where there is none."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from portal.domain.audit import By
from portal.domain.ends.end_requests import Channel
from portal.domain.law.plan_kinds import PlanKind
from portal.domain.law.renewals import ReminderState
from portal.domain.people.bounces import Report
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.models import AuditEntry, Customer, Mail, MailState, Subscription
from portal.queries import inbox
from portal.queries.inbox import Kind
from portal.services.ends import end_requests
from portal.services.own_data import erasing
from portal.services.renewals import desk
from portal.services.renewals.desk import ImpossibleDay
from tests.services.carrying.carried import wish_of
from tests.services.renewals.renewing import (
    A_DAY,
    DUE,
    LAST,
    NEXT_DUE,
    RENEWED,
    START,
    TOO_EARLY,
    TOO_LATE,
    answer,
    look,
    renewing,
    row,
    rows,
    written,
)

BY_SAM = By(actor=Actor.STAFF, actor_id=None, channel=Channel.STAFF, name="Sam")


def free_from(make, one):
    return make.reload(one).free_from


def to_do(ctx, one, at):
    with ctx.db.read() as session:
        items = inbox.page(session, one.merchant_id, now=at).items
        assert inbox.count(session, one.merchant_id, now=at) == len(items)
        return [item for item in items if item.kind is Kind.RENEWAL]


def comes_back(ctx, mail, at):
    values = {"state": MailState.RETURNED, "report": Report.FAILED, "report_code": "5.1.1", "reported_at": at}
    with ctx.db.begin() as session:
        session.execute(update(Mail).where(Mail.id == mail.id).values(**values))


@pytest.mark.law("R-FR-20", "R-FR-21", "R-FR-22")
def test_it_leaves_early_in_its_window_by_itself_dedicated_and_boxed(ctx, make, left):
    one = renewing(ctx, make, customer=make.customer(make.merchant(), locale="fr", reminders_allowed=False))
    look(ctx, TOO_EARLY)
    assert written(ctx) == [], "nobody is told before the window is surely open"
    look(ctx, DUE)
    (letter,) = left(DUE)
    assert letter.to == one.customer.email, "the law wants it sent: it is no reminder that one may leave out"
    assert "Date limite de non-reconduction\u00a0: lundi 8 février 2027" in letter.text
    assert f"/subscriptions/{one.id}" in letter.text
    look(ctx, DUE + timedelta(hours=1))
    found = row(ctx)
    assert (found.renews_on, found.deadline_on) == (date(2027, 3, 10), date(2027, 2, 8))


@pytest.mark.law("R-FR-24")
def test_the_proof_holds_what_was_sent_to_whom_when_in_which_words(ctx, make, left):
    one = renewing(ctx, make)
    look(ctx, DUE)
    assert row(ctx).state is ReminderState.WAITING, "promised is not proved"
    left(DUE + A_DAY)
    look(ctx, DUE + A_DAY)
    found, (mail,) = row(ctx), written(ctx)
    assert found.state is ReminderState.SENT
    assert (found.message_id, found.address, found.sent_at) == (mail.message_id, one.customer.email, DUE + A_DAY)
    assert found.template == "FR-2026-11/fr"
    with ctx.db.read() as session:
        told = session.scalars(select(AuditEntry).where(AuditEntry.act == "renewal.reminder")).one()
    assert (told.details["state"], told.details["message_id"]) == ("sent", mail.message_id)
    look(ctx, RENEWED)
    assert free_from(make, one) is None
    assert to_do(ctx, one, RENEWED) == []


@pytest.mark.law("R-FR-20")
def test_nobody_is_told_twice_of_one_term_and_again_of_the_next(ctx, make, left):
    one = renewing(ctx, make)
    for at in (DUE, DUE + A_DAY, LAST, TOO_LATE, RENEWED, RENEWED + 30 * A_DAY):
        look(ctx, at)
        left(at)
    answer(ctx, one, notice=60)  # another notice for the next term: this one was told, and stands
    look(ctx, RENEWED + 31 * A_DAY)
    assert len(written(ctx)) == 1
    look(ctx, NEXT_DUE)
    assert len(written(ctx)) == 2
    assert [one.renews_on.year for one in rows(ctx)] == [2027, 2028]


@pytest.mark.law("R-FR-23", "R-FR-24")
def test_what_comes_back_is_a_task_and_a_letter_in_time_mends_it(ctx, make, left):
    one = renewing(ctx, make)
    look(ctx, DUE)
    left(DUE)
    look(ctx, DUE)
    comes_back(ctx, written(ctx)[0], DUE + A_DAY)
    look(ctx, DUE + A_DAY)
    found = row(ctx)
    assert (found.state, found.failure) == (ReminderState.FAILED, "5.1.1")
    (item,) = to_do(ctx, one, DUE + A_DAY)
    assert item.about.id == found.id
    look(ctx, DUE + 2 * A_DAY)
    assert len(written(ctx)) == 1, "not again to an address from which it came back"
    now = DUE + 20 * A_DAY
    assert desk.record_letter(ctx, one.merchant_id, found.id, now.date(), by=BY_SAM, now=now)
    assert to_do(ctx, one, now) == []
    look(ctx, RENEWED)
    assert free_from(make, one) is None


@pytest.mark.law("R-FR-24")
def test_another_address_within_the_window_is_written_to(ctx, make, left):
    one = renewing(ctx, make)
    look(ctx, DUE)
    left(DUE)
    look(ctx, DUE)
    comes_back(ctx, written(ctx)[0], DUE)
    look(ctx, DUE)
    with ctx.db.begin() as session:
        session.execute(update(Customer).values(email="new@client.test"))
    look(ctx, DUE + A_DAY)
    left(DUE + A_DAY)
    look(ctx, DUE + A_DAY)
    assert [mail.recipient for mail in written(ctx)] == [one.customer.email, "new@client.test"]
    assert (row(ctx).state, row(ctx).address) == (ReminderState.SENT, "new@client.test")


@pytest.mark.law("R-FR-23")
@pytest.mark.parametrize("late", [False, True])
def test_a_letter_that_came_too_late_or_none_leaves_the_customer_free_from_the_renewal(ctx, make, late):
    one = renewing(ctx, make, customer=make.customer(make.merchant(), email=None))
    look(ctx, DUE)
    assert row(ctx).state is ReminderState.FAILED, "without an address a letter is left"
    assert len(to_do(ctx, one, DUE)) == 1
    if late:
        assert not desk.record_letter(ctx, one.merchant_id, row(ctx).id, TOO_LATE.date(), by=BY_SAM, now=TOO_LATE)
    look(ctx, TOO_LATE)
    assert free_from(make, one) == datetime(2027, 3, 9, 23, tzinfo=UTC), "midnight in Paris on 10 March"
    look(ctx, RENEWED)
    assert free_from(make, one) == datetime(2027, 3, 9, 23, tzinfo=UTC)


@pytest.mark.law("R-FR-23")
def test_one_that_the_mail_server_took_too_late_proves_nothing(ctx, make, left):
    one = renewing(ctx, make)
    look(ctx, LAST)
    left(TOO_LATE)
    look(ctx, TOO_LATE)
    assert row(ctx).state is ReminderState.MISSED
    assert len(to_do(ctx, one, TOO_LATE)) == 1
    look(ctx, RENEWED)
    assert free_from(make, one) is not None


@pytest.mark.law("R-FR-23")
def test_freedom_ends_with_the_next_renewal_that_was_told(ctx, make, left):
    one = renewing(ctx, make)
    look(ctx, TOO_LATE)
    assert written(ctx) == [], "too late is not sent"
    for at in (RENEWED, NEXT_DUE):
        look(ctx, at)
        left(at)
        look(ctx, at)
        assert free_from(make, one) is not None
    look(ctx, RENEWED.replace(year=2028))
    assert free_from(make, one) is None


@pytest.mark.law("R-FR-23")
def test_of_what_renewed_before_the_plan_was_answered_nothing_is_proved_and_nobody_is_asked(ctx, make):
    one = renewing(ctx, make, answered_at=RENEWED, customer=make.customer(make.merchant()))
    look(ctx, RENEWED)
    (found,) = rows(ctx)
    assert found.state is ReminderState.MISSED
    assert free_from(make, one) is not None
    assert to_do(ctx, one, RENEWED) == [], "five hundred of them would bury what can still be done"
    assert desk.record_letter(ctx, one.merchant_id, found.id, date(2026, 12, 1), by=BY_SAM, now=RENEWED)
    assert free_from(make, one) is None, "the merchant had sent one, and says so"


@pytest.mark.law("R-FR-25")
@pytest.mark.parametrize("kind", [PlanKind.OPEN_ENDED])
def test_what_has_no_end_is_never_reminded_of(ctx, make, kind):
    one = renewing(ctx, make)
    answer(ctx, one, kind=kind, months=None, notice=None)
    for at in (DUE, LAST, RENEWED):
        look(ctx, at)
    assert rows(ctx) == []


@pytest.mark.law("R-FR-20", "R-FR-26")
@pytest.mark.parametrize(
    ("status", "told"),
    [(Status.ACTIVE, 1), (Status.PAUSED, 1), (Status.PAST_DUE, 1), (Status.CANCELLED, 0), (Status.PENDING, 0)],
)
def test_a_pause_stops_payments_and_not_the_term_and_what_is_over_renews_no_more(ctx, make, status, told):
    """Whoever the customer is: nothing asks whether they buy as a consumer (L215-3)."""
    renewing(ctx, make, status=status)
    look(ctx, DUE)
    assert len(written(ctx)) == told


@pytest.mark.law("R-FR-20")
def test_a_start_that_nobody_knows_is_asked_and_not_guessed(ctx, make):
    one = renewing(ctx, make, started_at=None)
    for at in (DUE, LAST):
        look(ctx, at)
    assert row(ctx).state is ReminderState.START_UNKNOWN
    assert len(to_do(ctx, one, LAST)) == 1
    with pytest.raises(ImpossibleDay):
        desk.give_start(ctx, one.merchant_id, one.id, (LAST + A_DAY).date(), by=BY_SAM, now=LAST)
    desk.give_start(ctx, one.merchant_id, one.id, START.date(), by=BY_SAM, now=LAST)
    assert to_do(ctx, one, LAST) == []
    look(ctx, LAST)
    assert (row(ctx).renews_on, len(written(ctx))) == (date(2027, 3, 10), 1)


@pytest.mark.law("R-FR-20")
def test_a_term_that_staff_entered_stands_above_paypals_start(ctx, make):
    one = renewing(ctx, make)
    desk.give_start(ctx, one.merchant_id, one.id, date(2026, 6, 10), by=BY_SAM, now=DUE)
    look(ctx, DUE)
    assert written(ctx) == []
    look(ctx, datetime(2027, 2, 14, tzinfo=UTC))
    assert [found.renews_on for found in rows(ctx)] == [date(2027, 6, 10)]


def test_another_term_of_the_plan_is_told_of_anew(ctx, make, left):
    one = renewing(ctx, make)
    look(ctx, DUE)
    left(DUE)
    answer(ctx, one, months=24)
    look(ctx, DUE + A_DAY)
    assert len(written(ctx)) == 1
    look(ctx, NEXT_DUE)
    assert [found.renews_on for found in rows(ctx)] == [date(2027, 3, 10), date(2028, 3, 10)]


def test_a_short_term_is_told_of_each_renewal_that_can_still_be_refused(ctx, make):
    renewing(ctx, make, months=1, notice=5)
    look(ctx, START + A_DAY)
    states = [(found.renews_on, found.state) for found in rows(ctx)]
    assert states[0] == (date(2026, 4, 10), ReminderState.MISSED), "the law's window was over before it began"
    told = [day for day, state in states if state is ReminderState.WAITING]
    assert told == [date(2026, 5, 10), date(2026, 6, 10)]


def test_an_end_that_was_asked_for_is_not_asked_about(ctx, make, now):
    one = renewing(ctx, make, merchant=make.merchant(key=False))
    end_requests.record(ctx, wish_of(make.reload(one)), now=now)
    look(ctx, DUE)
    assert rows(ctx) == []


def test_one_that_fails_keeps_nobody_from_theirs(ctx, make):
    renewing(ctx, make)
    renewing(ctx, make)
    look(ctx, DUE)
    with ctx.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Subscription)) == len(written(ctx)) == 2


def test_the_reminder_goes_along_when_customers_are_joined_and_its_address_goes_with_who_is_erased(ctx, make, left):
    one = renewing(ctx, make)
    look(ctx, DUE)
    left(DUE)
    look(ctx, DUE)
    other = make.customer(make._last_merchant, email="zoe@client.test")
    with ctx.db.begin() as session:
        session.execute(update(Subscription).where(Subscription.id == one.id).values(customer_id=other.id))
    look(ctx, DUE + A_DAY)
    assert len(written(ctx)) == 1, "one term is told of once, whoever holds it"
    with ctx.db.begin() as session:
        erasing.erase(session, session.get_one(Customer, other.id), now=DUE + A_DAY)
    found = row(ctx)
    assert (found.address, found.state, found.message_id != "") == ("", ReminderState.SENT, True)

"""A planned end whose payments move at PayPal."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.domain.dates.periods import add_months
from portal.domain.policies import Actor
from portal.models import EndRequest, Mail, MailState, TimelineKind
from portal.services import aging
from portal.services.notices import leaving, moved_ends
from tests.services.carrying.carried import ask, entries, mails, row
from tests.services.dates.planning import day_in_french, days_ahead, jobs, letters, reading_of, see
from tests.waiting_mails import said

DAY = timedelta(days=1)


def send_all(ctx, at):
    with ctx.db.read() as session:
        waiting = session.scalars(select(Mail.id).where(Mail.state == MailState.WAITING)).all()
    for mail_id in waiting:
        leaving.send(ctx, mail_id, now=at)


@pytest.mark.parametrize(
    ("wish", "shift", "moves"),
    [
        (40, 0, False),
        (40, 2, False),  # the day that was promised still lies between the two payments
        (40, 17, True),  # a pause: the last payment owed would come after the promised day
        (40, -17, True),  # one payment more is owed, and the promised day comes too soon after it
        (25, 6, True),  # the payment is not owed any more, and would come before the promised day
    ],
)
def test_the_plan_follows_paypals_dates_only_where_it_must(ctx, make, subscription, wish, shift, moves):
    request = ask(ctx, make, subscription, wished_on=days_ahead(subscription, wish))
    shifted = subscription.next_payment_at + timedelta(days=shift)
    see(ctx, subscription, reading_of(subscription, next_billing_at=shifted))
    after, told = row(ctx, request.id), make.reload(subscription)
    assert (after.due_at != request.due_at) is moves
    assert jobs(ctx)[-1] == after.due_at
    taken = [add_months(told.next_payment_at, n) for n in range(4)]
    owed = [at for at in taken if at < after.owed_until]
    assert all(at < after.due_at for at in owed)
    assert after.due_at < min(at for at in taken if at not in owed)


def test_a_planned_end_that_moves_is_told_once_with_the_payments_of_the_new_plan(ctx, make, subscription):
    request = ask(ctx, make, subscription, wished_on=days_ahead(subscription, 40))
    send_all(ctx, utc_now() + timedelta(minutes=2))
    count, (due, gap) = 0, (request.due_at, timedelta(days=18))
    for shift in (gap, gap, timedelta(0), timedelta(0), gap):  # there, back, and there again: the last mail is true
        next_payment = subscription.next_payment_at + shift
        see(ctx, subscription, reading_of(subscription, next_billing_at=next_payment))
        former, due = due, row(ctx, request.id).due_at
        count += former != due
        told = letters(ctx, "end_moved")
        assert len(told) == count
        assert day_in_french(due) in told[-1]
        assert day_in_french(next_payment) in told[-1], "the last payment that is taken"
        assert day_in_french(add_months(next_payment, 1)) in told[-1], "the first one that is not"
    assert count == 3


@pytest.mark.parametrize("was_tried", [False, True])
def test_no_mail_that_leaves_later_tells_the_former_day(ctx, make, mailer, subscription, was_tried):
    """PayPal's message comes within the minute that an acknowledgement waits; or the mail server was away."""
    request = ask(ctx, make, subscription, wished_on=days_ahead(subscription, 40))
    at, mailer.away = utc_now(), was_tried
    for days in (18, 50):
        if was_tried:
            send_all(ctx, at + timedelta(minutes=2))
        see(ctx, subscription, reading_of(subscription, next_billing_at=subscription.next_payment_at + days * DAY))
    mailer.away = False
    send_all(ctx, at + DAY)
    told = [letter.text for letter in mailer.sent if letter.to == subscription.customer.email]
    assert len(told) == 1 + was_tried, "the former days were told to nobody"
    assert all(day_in_french(row(ctx, request.id).due_at) in text for text in told)


@pytest.mark.parametrize(("actor", "hours"), [(Actor.CUSTOMER, 1), (Actor.STAFF, 17 * 24)])
def test_another_hour_of_the_day_and_a_day_that_nobody_was_told_are_not_mailed(
    ctx, make, merchant, subscription, actor, hours
):
    request = ask(ctx, make, subscription, actor=actor, wished_on=days_ahead(subscription, 40))
    noon = datetime.combine(days_ahead(subscription, 60), time(12), tzinfo=UTC)
    with ctx.db.begin() as session:
        session.execute(update(EndRequest).where(EndRequest.id == request.id).values(due_at=noon))
        stored = session.get_one(EndRequest, request.id)
        stored.due_at = noon + timedelta(hours=hours)
        moved_ends.tell(ctx, session, stored, noon, now=utc_now())
    assert letters(ctx, "end_moved") == []


def test_after_the_last_payment_owed_the_promised_day_stands(ctx, make, subscription):
    """Until that day the customer may change their mind, although nothing is owed any more."""
    request = ask(ctx, make, subscription, wished_on=days_ahead(subscription, 25))
    paid = add_months(subscription.next_payment_at, 1)
    see(ctx, subscription, reading_of(subscription, next_billing_at=paid, last_payment_at=utc_now()))
    assert row(ctx, request.id).due_at == request.due_at


def test_a_missed_time_rings_the_alarm_within_the_hour_once_in_one_mail(ctx, make, paypal, merchant):
    late = [make.subscription(merchant=merchant) for _ in range(3)]
    requests = [ask(ctx, make, held, wished_on=days_ahead(held, 40)) for held in late]
    in_time = ask(ctx, make, make.subscription(merchant=merchant), wished_on=days_ahead(late[0], 40))
    due = utc_now()
    with ctx.db.begin() as session:
        ids = [request.id for request in requests]
        session.execute(update(EndRequest).where(EndRequest.id.in_(ids)).values(due_at=due))

    aging.tell_late(ctx, now=due + timedelta(minutes=40))
    assert mails(ctx).count("merchant_end_late") == 0
    aging.tell_late(ctx, now=due + timedelta(minutes=50))
    aging.tell_late(ctx, now=due + timedelta(minutes=60))

    assert [row(ctx, request.id).late_told_at is not None for request in (*requests, in_time)] == [True] * 3 + [False]
    assert {entries(ctx, held, TimelineKind.END_LATE) for held in late} == {1}
    with ctx.db.read() as session:
        (mail,) = session.scalars(select(Mail).where(Mail.kind == "merchant_end_late")).all()
    told = said(ctx, mail).text
    assert all(request.reference in told for request in requests)
    assert in_time.reference not in told
    assert "3" in said(ctx, mail).subject

"""A notification and the day that is planned for its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from portal.domain.ends.end_requests import Channel, RequestState
from portal.domain.ends.received_requests import ReceivedState
from portal.domain.errors import NotAllowed
from portal.domain.policies import Actor, Role
from portal.domain.subscriptions import Action
from portal.models import EndRequest, Merchant, TimelineEntry
from portal.providers.ports import Reading
from portal.queries import subscriptions
from portal.queries.ends import received_requests as stored
from portal.queries.law import likely_subscriptions
from portal.services import aging
from portal.services.arrivals.refreshing import refresh
from portal.services.ends import end_requests, end_withdrawals, endings
from portal.services.ends.end_wishes import Wish
from portal.services.inbox import received_answers, received_requests
from tests.services.carrying.carried import wish_of
from tests.services.inbox.notified import (
    DAY,
    DESK,
    HOUR,
    MINUTE,
    THURSDAY,
    asked_at,
    by_form,
    by_letter,
    days_reminded,
    one_request,
    row_of,
    staff_ask,
    staff_end,
    to_desk,
)


@pytest.mark.parametrize("way", ["form", "letter"])
def test_a_day_without_paypals_answer_is_told_to_whoever_notified(ctx, paypal, claire, subscription, left, now, way):
    paypal.rule("any", "500")
    before = now - DAY
    received = by_form(ctx, subscription, now=before) if way == "form" else by_letter(ctx, claire, now=before)
    staff_end(ctx, subscription, now=now, received=received if way == "letter" else None)
    left(now + MINUTE)
    aging.run(ctx, now=now + DAY + HOUR)
    letters = left(now + DAY + HOUR + MINUTE)
    (told,) = [letter for letter in letters if letter.to == claire.email]
    assert "still waiting for PayPal" in told.subject
    assert received.reference in told.text
    (news,) = to_desk(letters)
    hour = f"{before.astimezone(ZoneInfo('Europe/Paris')):%H:%M}"
    for letter in (told, news):
        assert (hour in letter.text) == (way == "form"), "no hour is made up for a letter"


def test_a_plan_taken_back_lets_it_wait_again_and_be_brought_to_mind_anew(ctx, merchant, subscription, left):
    received = by_form(ctx, subscription, now=THURSDAY)
    planned = staff_ask(ctx, subscription, now=THURSDAY + HOUR, wished_on=(THURSDAY + 70 * DAY).date())
    left(THURSDAY + 2 * HOUR)
    assert one_request(ctx).due_at is not None
    assert one_request(ctx).notified_reference == received.reference
    wish = wish_of(subscription, actor=Actor.STAFF, actor_name="Léa", role=Role.SUPPORT)
    friday = THURSDAY + 8 * DAY
    end_withdrawals.withdraw_planned(ctx, wish, planned.request_id, now=friday)
    assert row_of(ctx, received).state is ReceivedState.OPEN
    assert asked_at(ctx, subscription) == THURSDAY
    assert one_request(ctx).notified_reference == ""
    assert days_reminded(ctx, left, friday + HOUR, 14) == [0, 4, 7], "told at once; Tuesday and Friday"
    with ctx.db.read() as session:
        assert stored.open_of(session, subscription.id).id == received.id


def test_a_letter_keeps_its_match_as_a_suggestion_when_the_plan_is_taken_back_and_may_get_another(
    ctx, make, merchant, claire, subscription, now
):
    letter = by_letter(ctx, claire, now=now - DAY)
    other = make.subscription(merchant=merchant, customer=make.customer(merchant, name="Bob"))
    planned = staff_ask(ctx, other, now=now, received=letter, wished_on=(now + 70 * DAY).date())
    take_back(ctx, other, planned.request_id, now=now + HOUR)
    with ctx.db.read() as session:
        again = stored.of_merchant(session, merchant.id, letter.id)
        likely = [row.id for row in likely_subscriptions.of_request(session, again)]
        (at_risk,) = stored.open_after(session, None, limit=1, now=now)
    assert likely == [other.id, subscription.id], "the one that it was matched to, then the one by address"
    assert at_risk[1] == other.next_payment_at
    staff_ask(ctx, subscription, now=now + 2 * HOUR, received=again)
    assert row_of(ctx, letter).suggested_subscription_id is None
    assert row_of(ctx, letter).state is ReceivedState.MATCHED


def test_a_letter_with_a_suggestion_may_be_closed(ctx, claire, subscription, now):
    letter = by_letter(ctx, claire, now=now - DAY)
    planned = staff_ask(ctx, subscription, now=now, received=letter, wished_on=(now + 70 * DAY).date())
    take_back(ctx, subscription, planned.request_id, now=now + HOUR)
    received_requests.dismiss(ctx, claire.merchant_id, letter.id, reason="paid", by="Léa", now=now + 2 * HOUR)
    assert row_of(ctx, letter).state is ReceivedState.DISMISSED


def test_a_plan_that_answers_a_letter_gives_way_to_cancelled_alone(ctx, claire, subscription, now):
    letter = by_letter(ctx, claire, now=now - DAY)
    staff_ask(ctx, subscription, now=now, received=letter, wished_on=(now + 70 * DAY).date())
    with pytest.raises(NotAllowed):
        staff_ask(ctx, subscription, Action.COMPLETE, now=now + HOUR)
    staff_ask(ctx, subscription, now=now + HOUR)
    with ctx.db.read() as session:
        requests = {row.state: row for row in session.scalars(select(EndRequest))}
    assert requests[RequestState.RECORDED].notified_reference == letter.reference
    assert requests[RequestState.WITHDRAWN].notified_reference == ""


def to_claire(letters, claire):
    return [letter for letter in letters if letter.to == claire.email]


def take_back(ctx, subscription, request_id, *, now):
    wish = Wish(
        merchant_id=subscription.merchant_id,
        subscription_id=subscription.id,
        action=Action.CANCEL,
        actor=Actor.STAFF,
        actor_name="Léa",
        role=Role.SUPPORT,
        channel=Channel.STAFF,
    )
    end_withdrawals.withdraw_planned(ctx, wish, request_id, now=now)


@pytest.mark.parametrize("way", ["form", "letter"])
def test_whoever_asked_is_told_of_the_planned_day_and_of_a_plan_taken_back(ctx, claire, subscription, left, way):
    received = by_form(ctx, subscription, now=THURSDAY) if way == "form" else by_letter(ctx, claire, now=THURSDAY)
    left(THURSDAY + MINUTE)
    friday, saturday = THURSDAY + DAY, THURSDAY + 2 * DAY
    planned = staff_ask(ctx, subscription, now=friday, received=received, wished_on=(THURSDAY + 70 * DAY).date())
    (told,) = to_claire(left(friday + MINUTE), claire)
    for said in (received.reference, "4 February 2027", "One more payment will be taken:", "You keep access until"):
        assert said in told.text
    assert planned.reference not in told.subject + told.text
    assert "withdraw your request" not in told.text, "it is the merchant's plan"
    asked = "Thursday 26 November 2026"
    assert (f"{asked} at 15:30" if way == "form" else asked) in told.text, "when they asked"

    take_back(ctx, subscription, planned.request_id, now=saturday)
    (told,) = to_claire(left(saturday + MINUTE), claire)
    assert received.reference in told.subject
    assert "still stands" in told.text
    assert (f"{asked} at 15:30" if way == "form" else f"{asked}, reference") in told.text, "when they asked"
    assert "You withdrew" not in told.text


def test_a_plan_taken_back_before_its_mail_left_is_told_by_neither(ctx, claire, subscription, left):
    by_form(ctx, subscription, now=THURSDAY)
    left(THURSDAY + MINUTE)
    planned = staff_ask(ctx, subscription, now=THURSDAY + DAY, wished_on=(THURSDAY + 70 * DAY).date())
    take_back(ctx, subscription, planned.request_id, now=THURSDAY + DAY + timedelta(seconds=20))
    assert to_claire(left(THURSDAY + DAY + HOUR), claire) == []


def test_a_plan_of_the_team_alone_is_told_to_nobody(ctx, claire, subscription, left):
    planned = staff_ask(ctx, subscription, now=THURSDAY, wished_on=(THURSDAY + 70 * DAY).date())
    assert to_claire(left(THURSDAY + HOUR), claire) == []
    take_back(ctx, subscription, planned.request_id, now=THURSDAY + DAY)
    assert to_claire(left(THURSDAY + DAY + HOUR), claire) == []


def take_plan_back(ctx, subscription, planned, *, now):
    wish = Wish(
        merchant_id=subscription.merchant_id,
        subscription_id=subscription.id,
        action=Action.CANCEL,
        actor=Actor.STAFF,
        role=Role.SUPPORT,
        channel=Channel.STAFF,
    )
    end_withdrawals.withdraw_planned(ctx, wish, planned.request_id, now=now)


@pytest.mark.parametrize("wished", [None, 90, 200, 250])
def test_a_plan_of_staff_goes_on_and_one_who_notified_beside_it_waits_when_it_is_taken_back(
    ctx, subscription, left, wished
):
    planned = staff_ask(ctx, subscription, now=THURSDAY, wished_on=(THURSDAY + 200 * DAY).date())
    left(THURSDAY + MINUTE)
    day = (THURSDAY + wished * DAY).date() if wished else None
    received = by_form(ctx, subscription, now=THURSDAY + HOUR, wished_on=day, message="Plus tôt")
    assert one_request(ctx).state is RequestState.RECORDED
    assert row_of(ctx, received).is_open == (wished != 200), "its very day answers it"
    told = to_desk(left(THURSDAY + HOUR + MINUTE))
    assert len(told) == (wished != 200)
    for letter in told:
        assert "The planned end stands" in letter.text
        assert "Nothing ends by itself" not in letter.text
        assert "14 June 2027" in letter.text
        assert "Plus tôt" in letter.text
    take_plan_back(ctx, subscription, planned, now=THURSDAY + DAY)
    assert row_of(ctx, received).is_open
    assert asked_at(ctx, subscription) == THURSDAY + HOUR
    assert to_desk(left(THURSDAY + DAY + MINUTE)) == []
    assert days_reminded(ctx, left, THURSDAY + DAY + HOUR, 10) != []


def test_the_end_that_is_planned_answers_whoever_waited_beside_it_once_it_has_come(ctx, paypal, subscription, now):
    staff_ask(ctx, subscription, now=now, wished_on=(now + 200 * DAY).date())
    received = by_form(ctx, subscription, now=now + HOUR)
    paypal.happen(subscription.provider_id, "buyer-cancels")
    refresh(ctx, subscription.merchant_id, subscription.id, now=now + DAY)
    assert row_of(ctx, received).end_request_id == one_request(ctx).id


@pytest.mark.parametrize("is_planned", [False, True])
def test_a_newer_wish_is_added_to_the_one_that_waits_and_told(ctx, subscription, left, is_planned):
    day = (THURSDAY + 90 * DAY).date()
    received = by_form(ctx, subscription, now=THURSDAY, wished_on=day, message="Merci")
    if is_planned:
        staff_ask(ctx, subscription, now=THURSDAY + MINUTE, wished_on=day)
    left(THURSDAY + 2 * HOUR)
    for minutes in range(2):  # the second click says it once more
        again = by_form(ctx, subscription, now=THURSDAY + 3 * HOUR + minutes * MINUTE, message="En fait tout de suite")
        assert again.id == received.id
    kept = row_of(ctx, received)
    assert (kept.reference, kept.wished_on, kept.received_at) == (received.reference, None, THURSDAY)
    assert [kept.message.startswith("Merci"), kept.message.count("En fait tout de suite")] == [True, 1]
    letters = left(THURSDAY + 5 * HOUR)
    (told,) = to_desk(letters)
    assert "En fait tout de suite" in told.text
    (acknowledged,) = [letter for letter in letters if letter.to != DESK]
    assert "En fait tout de suite" in acknowledged.text
    with ctx.db.read() as session:
        lines = session.scalars(select(TimelineEntry).where(TimelineEntry.kind == "notified")).all()
    assert sorted(line.details["note"] for line in lines) == ["En fait tout de suite", "Merci"]
    assert {line.details["reference"] for line in lines} == {received.reference}


def test_a_wish_for_another_day_than_the_one_planned_for_it_waits_anew(ctx, subscription, left):
    day = (THURSDAY + 200 * DAY).date()
    staff_ask(ctx, subscription, now=THURSDAY, wished_on=day)
    received = by_form(ctx, subscription, now=THURSDAY + HOUR, wished_on=day)
    by_form(ctx, subscription, now=THURSDAY + 2 * HOUR, wished_on=day, message="Merci")
    assert not row_of(ctx, received).is_open, "its very day answers it, whatever else is said"
    left(THURSDAY + 2 * HOUR)
    again = by_form(ctx, subscription, now=THURSDAY + 3 * HOUR, wished_on=(THURSDAY + 10 * DAY).date())
    assert (again.id, again.is_open) == (received.id, True)
    left(THURSDAY + 4 * HOUR)
    assert days_reminded(ctx, left, THURSDAY + 5 * HOUR, 12) != []
    staff_end(ctx, subscription, now=THURSDAY + 13 * DAY)
    assert not row_of(ctx, received).is_open


@pytest.mark.parametrize("wished", [None, 10])
def test_a_sooner_wish_than_the_customers_own_plan_waits_for_staff(ctx, subscription, left, wished):
    """They planned it themselves, while they could; since then the merchant lets them only notify."""
    day = (THURSDAY + 200 * DAY).date()
    with ctx.db.begin() as session:
        session.get_one(Merchant, subscription.merchant_id).self_cancellation = True
    end_requests.record(ctx, replace(wish_of(subscription), wished_on=day), now=THURSDAY)
    assert by_form(ctx, subscription, now=THURSDAY + HOUR, wished_on=day) is None, "that is planned already"
    sooner = (THURSDAY + wished * DAY).date() if wished else None
    received = by_form(ctx, subscription, now=THURSDAY + HOUR, wished_on=sooner, message="Plus tôt")
    assert row_of(ctx, received).is_open
    assert any("Plus tôt" in letter.text for letter in to_desk(left(THURSDAY + 2 * HOUR)))


@pytest.mark.parametrize("waits_for", ["wish", "commitment"])
def test_beside_a_planned_end_the_merchant_is_told_that_it_stands_whatever_it_waits_for(
    ctx, make, merchant, subscription, left, waits_for
):
    day = (THURSDAY + 200 * DAY).date()
    with ctx.db.begin() as session:
        session.get_one(Merchant, merchant.id).self_cancellation = True
        if waits_for == "commitment":
            subscriptions.lock(session, merchant.id, subscription.id).product.commitment_binds = True
            midnight = datetime.combine(day + DAY, time(), tzinfo=ZoneInfo("Europe/Paris"))
            subscriptions.lock(session, merchant.id, subscription.id).committed_until = midnight
    wish = wish_of(subscription)
    end_requests.record(ctx, replace(wish, wished_on=day) if waits_for == "wish" else wish, now=THURSDAY)
    left(THURSDAY + HOUR)
    by_form(ctx, subscription, now=THURSDAY + HOUR, wished_on=(THURSDAY + 10 * DAY).date())
    (alone,) = to_desk(left(THURSDAY + 2 * HOUR))
    assert "The planned end stands" in alone.text
    assert "Nothing ends by itself" not in alone.text
    assert "14 June 2027" in alone.text


def test_one_mail_of_several_says_of_none_that_its_end_is_planned_where_it_is_not(
    ctx, make, merchant, subscription, left
):
    staff_ask(ctx, subscription, now=THURSDAY, wished_on=(THURSDAY + 200 * DAY).date())
    other = make.subscription(merchant=merchant, customer=make.customer(merchant, name="Bob"))
    for held in (subscription, other):
        by_form(ctx, held, now=THURSDAY + HOUR, wished_on=(THURSDAY + 10 * DAY).date())
    (both,) = to_desk(left(THURSDAY + 2 * HOUR))
    assert "The planned end stands" not in both.text
    assert "Nothing ends by itself" not in both.text
    assert "Where an end is planned, it stands; nothing else ends by itself" in " ".join(both.text.split())


def test_a_letter_is_not_settled_by_the_customers_own_plan_of_another_day(ctx, claire, subscription):
    day = (THURSDAY + 200 * DAY).date()
    with ctx.db.begin() as session:
        session.get_one(Merchant, subscription.merchant_id).self_cancellation = True
    end_requests.record(ctx, replace(wish_of(subscription), wished_on=day), now=THURSDAY)
    now, merchant_id = THURSDAY + DAY, subscription.merchant_id
    at_once, that_day = by_letter(ctx, claire, now=now), by_letter(ctx, claire, now=now, wished_on=day)
    for letter, is_answered in ((at_once, False), (that_day, True)):
        answer = received_answers.match_standing(ctx, merchant_id, letter.id, subscription.id, by="Léa", now=now)
        assert (answer, row_of(ctx, letter).is_open) == (is_answered, not is_answered)


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_plan_follows_paypals_dates_whether_or_not_a_notification_beside_it_was_closed(ctx, subscription, is_closed):
    staff_ask(ctx, subscription, now=THURSDAY, wished_on=(subscription.next_payment_at + 5 * DAY).date())
    if is_closed:
        received = by_form(ctx, subscription, now=THURSDAY + HOUR, wished_on=(THURSDAY + 2 * DAY).date())
        closed = {"reason": "Changed their mind", "by": "Léa", "now": THURSDAY + 2 * HOUR}
        received_requests.dismiss(ctx, subscription.merchant_id, received.id, **closed)
    assert asked_at(ctx, subscription) == THURSDAY
    later = subscription.next_payment_at + 10 * DAY
    seen = Reading(
        provider_id=subscription.provider_id,
        status="ACTIVE",
        next_billing_at=later,
        last_payment_at=subscription.last_payment_at,
    )
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, subscription.merchant_id, subscription.id)
        endings.record_reading(ctx, session, locked, seen, now=THURSDAY + 3 * HOUR)
    assert one_request(ctx).due_at < later, "that payment was never to be taken"

"""Where customers may not end by themselves, what they notify is an end asked for: told, brought to mind, and theirs.

Deciding test 18 of cancellation.md: one notification by form and one by letter.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from portal.documents.facts import ProofFacts
from portal.documents.proofs import public_rows, wording
from portal.domain.audit import By
from portal.domain.end_requests import Channel, RequestState
from portal.domain.errors import Denial, NotAllowed
from portal.domain.policies import Actor, Role
from portal.domain.received_requests import ReceivedState, Way
from portal.domain.subscriptions import Action, Status
from portal.models import EndRequest, Mail, MailState, Proof, ReceivedRequest, Staff, Subscription, TimelineEntry
from portal.queries import holdings, proofs
from portal.queries import received_requests as stored
from portal.services import aging
from portal.services.arrivals.refreshing import refresh
from portal.services.carrying import end_carrying
from portal.services.ends import end_requests, end_withdrawals
from portal.services.ends.end_wishes import Wish
from portal.services.inbox import notifications, received_answers, received_requests
from portal.services.inbox.notifications import Notification
from portal.services.inbox.received_requests import Declaration
from portal.services.notices import outbox
from tests.pdf_text import words_of

MINUTE, HOUR, DAY = timedelta(seconds=61), timedelta(hours=1), timedelta(days=1)
THURSDAY = datetime(2026, 11, 26, 14, 30, tzinfo=UTC)  # half past three in Paris
DESK = "aide@atelier.test"


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", support_email=DESK, locale="en", self_cancellation=False)


@pytest.fixture
def claire(make, merchant):
    return make.customer(merchant, name="Claire Martin", locale="en")


@pytest.fixture
def subscription(make, merchant, claire):
    return make.subscription(merchant=merchant, customer=claire, next_payment_at=THURSDAY + 60 * DAY)


def by_form(ctx, subscription, *, now, **more):
    told = Notification(
        merchant_id=subscription.merchant_id,
        customer_id=subscription.customer_id,
        subscription_id=subscription.id,
        **more,
    )
    return notifications.notify(ctx, told, now=now)


def by_letter(ctx, customer, *, now, received_at=None, **more):
    letter = Declaration(
        merchant_id=customer.merchant_id,
        received_at=received_at or now,
        way=Way.LETTER,
        name=customer.name,
        email=customer.email,
        recorded_by="Léa",
        **more,
    )
    return received_requests.record(ctx, letter, now=now)


def staff_ask(ctx, subscription, action=Action.CANCEL, *, now, received=None, **more):
    wish = Wish(
        merchant_id=subscription.merchant_id,
        subscription_id=subscription.id,
        action=action,
        actor=Actor.STAFF,
        actor_name="Léa",
        role=Role.SUPPORT,
        channel=Channel.STAFF,
        reason_text="an internal note",
        provider_note="Subscription ended",
        received_request_id=received.id if received is not None else None,
        **more,
    )
    return end_requests.record(ctx, wish, now=now)


def staff_end(ctx, subscription, *, now, received=None):
    asked = staff_ask(ctx, subscription, now=now, received=received)
    end_carrying.carry_out(ctx, subscription.merchant_id, asked.request_id)
    return asked


@pytest.fixture
def left(ctx, mailer):
    """Let every message leave that may at that moment; return those letters."""

    def run(at):
        before = len(mailer.sent)
        with ctx.db.read() as session:
            waiting = session.scalars(select(Mail.id).where(Mail.state == MailState.WAITING)).all()
        for mail_id in waiting:
            outbox.send(ctx, mail_id, now=at)
        return mailer.sent[before:]

    return run


def to_desk(letters, address=DESK):
    return [letter for letter in letters if letter.to == address]


def days_reminded(ctx, left, start, days, *, every=6):
    """Let time pass by hours; return on which (day, hour) something arrived at the desk."""
    seen = []
    for step in range(days * 24 // every):
        at = start + step * every * HOUR
        aging.run(ctx, now=at)
        seen += [(at + MINUTE - start).days for _ in to_desk(left(at + MINUTE))]
    return seen


def facts_of(ctx):
    with ctx.db.read() as session:
        return ProofFacts.read(session.scalars(select(Proof)).one().facts)


def one_request(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(EndRequest)).one()


def row_of(ctx, received):
    with ctx.db.read() as session:
        return session.get_one(ReceivedRequest, received.id)


def asked_at(ctx, subscription):
    with ctx.db.read() as session:
        return session.get_one(Subscription, subscription.id).end_requested_at


# The merchant is told, and reminded


@pytest.mark.parametrize("way", ["form", "letter"])
def test_the_merchant_is_told_at_once_and_again_after_two_and_five_working_days(
    ctx, make, claire, subscription, left, way
):
    received = (
        by_form(ctx, subscription, now=THURSDAY, message="Merci")
        if way == "form"
        else by_letter(ctx, claire, now=THURSDAY, message="Merci")
    )
    (letter,) = to_desk(left(THURSDAY))
    assert received.reference in letter.subject + letter.text
    assert "Claire Martin" in letter.text
    assert "Merci" in letter.text
    assert f"/admin/received/{received.id}" in letter.text
    # Thursday; Monday is the second working day after it, Thursday the fifth.
    assert days_reminded(ctx, left, THURSDAY + HOUR, 14) == [4, 7]


def test_the_next_payment_brings_it_back_to_mind_earlier(ctx, make, merchant, claire, left):
    subscription = make.subscription(merchant=merchant, customer=claire, next_payment_at=THURSDAY + 3 * DAY)
    by_form(ctx, subscription, now=THURSDAY)
    assert len(to_desk(left(THURSDAY + MINUTE))) == 1
    # Two days and one day before the payment of Sunday; then the second working day and the fifth.
    assert days_reminded(ctx, left, THURSDAY + HOUR, 14) == [1, 2, 4, 7]


def test_a_letter_knows_the_payment_of_whoever_has_its_address(ctx, make, merchant, claire, left):
    make.subscription(merchant=merchant, customer=claire, next_payment_at=THURSDAY + 2 * DAY - HOUR)
    by_letter(ctx, claire, now=THURSDAY)
    assert len(to_desk(left(THURSDAY + MINUTE))) == 1, "told at once: the two days are in it"
    assert days_reminded(ctx, left, THURSDAY + HOUR, 2) == [1]


def test_what_is_settled_is_brought_to_mind_no_more(ctx, subscription, left):
    received = by_form(ctx, subscription, now=THURSDAY)
    staff_ask(ctx, subscription, now=THURSDAY + timedelta(seconds=20))
    assert to_desk(left(THURSDAY + MINUTE)) == [], "settled before anything left"
    for days in range(10):
        aging.run(ctx, now=THURSDAY + days * DAY)
    with ctx.db.read() as session:
        kept = session.scalars(select(Mail).where(Mail.state != MailState.SUPERSEDED)).all()
    assert "merchant_notified" not in {mail.kind for mail in kept}
    assert row_of(ctx, received).state is ReceivedState.MATCHED


def test_many_are_told_in_one_mail(ctx, make, merchant, left):
    references = []
    for _ in range(30):
        customer = make.customer(merchant)
        bought = make.subscription(merchant=merchant, customer=customer, at_paypal=False)
        references.append(by_form(ctx, bought, now=THURSDAY).reference)
    (letter,) = to_desk(left(THURSDAY + MINUTE))
    assert sum(reference in letter.text for reference in references) == 20
    assert "10 other" in letter.text


def test_without_an_address_every_owner_is_told(ctx, make, claire, left):
    merchant = make.merchant(support_email=None, locale="en", self_cancellation=False)
    make.add(*(_member(merchant, name, role) for name, role in PEOPLE))
    customer = make.customer(merchant)
    by_form(ctx, make.subscription(merchant=merchant, customer=customer), now=THURSDAY)
    letters = [letter.to for letter in left(THURSDAY + MINUTE) if letter.to != customer.email]
    assert sorted(letters) == ["anne@desk.test", "zoe@desk.test"]
    aging.run(ctx, now=THURSDAY + 4 * DAY + HOUR)
    letters = [letter.to for letter in left(THURSDAY + 4 * DAY + HOUR + MINUTE) if letter.to != customer.email]
    assert sorted(letters) == ["anne@desk.test", "zoe@desk.test"]


def test_an_owner_who_records_a_letter_herself_is_not_told_of_it_and_is_reminded_like_the_others(ctx, make, left):
    merchant = make.merchant(support_email=None, locale="en", self_cancellation=False)
    anne, zoe = _member(merchant, "anne", Role.OWNER), _member(merchant, "zoe", Role.OWNER)
    make.add(anne, zoe)
    by = By(actor=Actor.STAFF, actor_id=anne.id, channel=Channel.STAFF)
    by_letter(ctx, make.customer(merchant, email=None), now=THURSDAY, by=by)
    assert [letter.to for letter in left(THURSDAY)] == ["zoe@desk.test"]
    aging.run(ctx, now=THURSDAY + HOUR)
    assert left(THURSDAY + HOUR + MINUTE) == []
    aging.run(ctx, now=THURSDAY + 4 * DAY + HOUR)
    assert len(left(THURSDAY + 4 * DAY + HOUR + MINUTE)) == 2


PEOPLE = (("anne", Role.OWNER), ("zoe", Role.OWNER), ("lea", Role.SUPPORT), ("gone", Role.OWNER))


def _member(merchant, name, role):
    return Staff(
        id=uuid.uuid4(),
        merchant_id=merchant.id,
        email=f"{name}@desk.test",
        name=name,
        role=role,
        password_hash="-",
        totp_secret=b"-",
        disabled_at=THURSDAY if name == "gone" else None,
    )


# It is an end asked for, in the timeline and among the dates


def test_it_stands_in_the_timeline_once_and_among_the_dates(ctx, subscription):
    received = by_form(ctx, subscription, now=THURSDAY)
    staff_ask(ctx, subscription, now=THURSDAY + DAY)
    with ctx.db.read() as session:
        lines = session.scalars(select(TimelineEntry).order_by(TimelineEntry.at)).all()
    assert [(line.kind, line.actor, line.at) for line in lines] == [
        ("notified", Actor.CUSTOMER, THURSDAY),
        ("end_requested", Actor.STAFF, THURSDAY + DAY),
    ]
    assert lines[0].details["reference"] == received.reference
    assert asked_at(ctx, subscription) == THURSDAY


def test_a_letter_stands_there_once_its_subscription_is_known(ctx, claire, subscription):
    letter = by_letter(ctx, claire, now=THURSDAY, received_at=THURSDAY - 2 * DAY)
    assert asked_at(ctx, subscription) is None
    staff_ask(ctx, subscription, now=THURSDAY + DAY, received=letter)
    with ctx.db.read() as session:
        line = session.scalars(select(TimelineEntry).where(TimelineEntry.kind == "notified")).one()
    assert (line.at, line.details["reference"]) == (THURSDAY - 2 * DAY, letter.reference)
    assert asked_at(ctx, subscription) == THURSDAY - 2 * DAY


def test_one_closed_without_an_end_is_no_end_asked_for_and_says_so_in_the_timeline(ctx, merchant, subscription):
    received = by_form(ctx, subscription, now=THURSDAY)
    received_requests.dismiss(ctx, merchant.id, received.id, reason="owes a year", by="Léa", now=THURSDAY + DAY)
    assert asked_at(ctx, subscription) is None
    with ctx.db.read() as session:
        lines = session.scalars(select(TimelineEntry).order_by(TimelineEntry.at)).all()
    assert [line.kind for line in lines] == ["notified", "notification_closed"]
    assert "year" not in str([line.details for line in lines]), "an internal note"


# The end that answers it is the customer's


@pytest.mark.parametrize("way", ["form", "letter"])
def test_the_end_that_answers_it_says_that_the_customer_asked_when_and_under_which_reference(
    ctx, claire, subscription, left, way, now
):
    before = now - 3 * DAY
    received = by_form(ctx, subscription, now=before) if way == "form" else by_letter(ctx, claire, now=before)
    staff_end(ctx, subscription, now=now, received=received if way == "letter" else None)
    facts, request = facts_of(ctx), one_request(ctx)
    assert request.state is RequestState.CONFIRMED
    assert (request.outcome, facts.outcome) == (Status.CANCELLED, Status.CANCELLED)
    said = wording(facts, locale="en")
    rows = dict(said.rows)
    assert rows["Asked by"].startswith("Claire Martin")
    assert (rows["Reference"], rows["Internal reference"]) == (received.reference, request.reference)
    asked = rows["Asked on"]
    assert asked == dict(public_rows(facts, locale="en"))["Asked on"]
    assert received.reference in said.lede
    letters = left(now + MINUTE)
    (told,) = [letter for letter in letters if letter.to == claire.email and "is cancelled" in letter.subject]
    assert asked in told.text
    assert received.reference in told.text
    (attached,) = told.attachments
    paper = words_of(attached.content)
    assert received.reference in paper
    assert "ClaireMartin" in paper
    assert "internal" not in told.text + paper


def test_an_end_seen_at_paypal_answers_it_too(ctx, paypal, claire, subscription, left, now):
    received = by_form(ctx, subscription, now=now - DAY)
    paypal.happen(subscription.provider_id, "buyer-cancels")
    refresh(ctx, subscription.merchant_id, subscription.id, now=now)
    rows = dict(wording(facts_of(ctx), locale="en").rows)
    assert rows["Asked by"].startswith("Claire Martin")
    assert rows["Reference"] == received.reference
    assert asked_at(ctx, subscription) == now - DAY
    (told,) = [letter for letter in to_desk(left(now + MINUTE)) if "ended" in letter.subject]
    assert "without a request here" not in told.text


@pytest.mark.parametrize("action", [Action.COMPLETE, Action.ABANDON])
def test_it_is_always_cancelled_and_abandoned_may_follow(ctx, subscription, action, now):
    by_form(ctx, subscription, now=now - DAY)
    with pytest.raises(NotAllowed) as refused:
        staff_ask(ctx, subscription, action, now=now)
    assert refused.value.denial is Denial.NOTIFIED
    staff_end(ctx, subscription, now=now)
    wish = Wish(
        merchant_id=subscription.merchant_id,
        subscription_id=subscription.id,
        action=Action.ABANDON,
        actor=Actor.STAFF,
        role=Role.SUPPORT,
        channel=Channel.STAFF,
    )
    end_requests.mark_abandoned(ctx, wish, now=now + HOUR)
    assert facts_of(ctx).outcome is Status.CANCELLED


def test_a_letter_is_answered_by_cancelled_alone(ctx, claire, subscription, now):
    letter = by_letter(ctx, claire, now=now - DAY)
    with pytest.raises(NotAllowed):
        staff_ask(ctx, subscription, Action.COMPLETE, now=now, received=letter)


def test_a_letter_found_to_be_answered_by_what_is_under_way_makes_that_cancelled(ctx, claire, subscription, now):
    letter = by_letter(ctx, claire, now=now - DAY)
    staff_ask(ctx, subscription, Action.COMPLETE, now=now)
    merchant_id = subscription.merchant_id
    assert received_answers.match_standing(ctx, merchant_id, letter.id, subscription.id, by="Léa", now=now)
    assert one_request(ctx).outcome is Status.CANCELLED
    end_carrying.carry_out(ctx, merchant_id, one_request(ctx).id)
    assert dict(wording(facts_of(ctx), locale="en").rows)["Asked by"].startswith("Claire Martin")


def test_what_staff_asked_first_stays_theirs(ctx, paypal, claire, subscription, now):
    """A letter that comes while PayPal is down: the end had been asked for before it."""
    paypal.rule("any", "500")
    staff_end(ctx, subscription, now=now)
    letter = by_letter(ctx, claire, now=now + HOUR)
    assert received_answers.match_standing(
        ctx, subscription.merchant_id, letter.id, subscription.id, by="Léa", now=now + HOUR
    )
    assert one_request(ctx).asked_by is Actor.STAFF


def test_a_day_without_paypals_answer_is_told_to_whoever_notified(ctx, paypal, claire, subscription, left, now):
    paypal.rule("any", "500")
    received = by_form(ctx, subscription, now=now - DAY)
    staff_end(ctx, subscription, now=now)
    left(now + MINUTE)
    aging.run(ctx, now=now + DAY + HOUR)
    (told,) = [letter for letter in left(now + DAY + HOUR + MINUTE) if letter.to == claire.email]
    assert "still waiting for PayPal" in told.subject
    assert received.reference in told.text


# Its reference opens the same page


def test_its_reference_is_another_name_of_the_end_that_answers_it(ctx, make, merchant, claire, subscription, now):
    received = by_form(ctx, subscription, now=now - DAY)
    asked = staff_end(ctx, subscription, now=now)
    with ctx.db.read() as session:
        for reference in (received.reference, asked.reference):
            assert holdings.of_request(session, merchant.id, claire.id, reference).request.id == asked.request_id
            assert proofs.of_customer(session, merchant.id, claire.id, reference).end_request_id == asked.request_id
            assert proofs.by_reference(session, reference).end_request_id == asked.request_id


def test_a_plan_taken_back_lets_it_wait_again_and_be_brought_to_mind_anew(ctx, merchant, subscription, left):
    received = by_form(ctx, subscription, now=THURSDAY)
    planned = staff_ask(ctx, subscription, now=THURSDAY + HOUR, wished_on=(THURSDAY + 70 * DAY).date())
    left(THURSDAY + 2 * HOUR)
    assert one_request(ctx).due_at is not None
    assert one_request(ctx).notified_reference == received.reference
    wish = Wish(
        merchant_id=merchant.id,
        subscription_id=subscription.id,
        action=Action.CANCEL,
        actor=Actor.STAFF,
        role=Role.SUPPORT,
        channel=Channel.STAFF,
    )
    friday = THURSDAY + 8 * DAY
    end_withdrawals.withdraw_planned(ctx, wish, planned.request_id, now=friday)
    assert row_of(ctx, received).state is ReceivedState.OPEN
    assert asked_at(ctx, subscription) == THURSDAY
    assert one_request(ctx).notified_reference == ""
    assert days_reminded(ctx, left, friday + HOUR, 14) == [0, 4, 7], "told at once; Tuesday and Friday"
    with ctx.db.read() as session:
        assert stored.open_of(session, subscription.id).id == received.id


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


# Who asked hears of the day that is planned, and of a plan that is taken back


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
    assert "take your request back" not in told.text, "it is the merchant's plan"
    asked = "Thursday 26 November 2026"
    assert (f"{asked} at 15:30" if way == "form" else asked) in told.text, "when they asked"

    take_back(ctx, subscription, planned.request_id, now=saturday)
    (told,) = to_claire(left(saturday + MINUTE), claire)
    assert received.reference in told.subject
    assert "still stands" in told.text
    assert "You took back" not in told.text


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


# One that names its subscription is answered by the end of that one alone


@pytest.mark.parametrize("whose", ["theirs", "anothers"])
@pytest.mark.parametrize("stands", [False, True])
def test_a_notification_is_never_answered_by_the_end_of_another_subscription(
    ctx, make, merchant, claire, subscription, left, now, whose, stands
):
    received = by_form(ctx, subscription, now=now - DAY)
    bob = make.customer(merchant, name="Bob", locale="en")
    other = make.subscription(merchant=merchant, customer=claire if whose == "theirs" else bob)
    if stands:
        staff_ask(ctx, other, now=now)
        with pytest.raises(NotAllowed):
            received_answers.match_standing(ctx, merchant.id, received.id, other.id, by="Léa", now=now)
    with pytest.raises(NotAllowed) as refused:
        staff_ask(ctx, other, now=now, received=received)
    assert refused.value.denial is Denial.NAMES_ANOTHER
    assert row_of(ctx, received).is_open
    assert len(holders(ctx, other)) == stands, "what was refused left nothing"
    assert not any(received.reference in letter.text for letter in left(now + MINUTE) if letter.to == bob.email)


def holders(ctx, subscription):
    with ctx.db.read() as session:
        return session.scalars(select(EndRequest).where(EndRequest.subscription_id == subscription.id)).all()


def test_a_letter_is_answered_by_whichever_subscription_staff_know_it_to_be_about(ctx, make, merchant, claire, now):
    letter = by_letter(ctx, claire, now=now - DAY)
    bought = make.subscription(merchant=merchant, customer=make.customer(merchant, name="Bob"))
    staff_ask(ctx, bought, now=now, received=letter)
    assert row_of(ctx, letter).state is ReceivedState.MATCHED


# The payment at risk is that of the subscription it names


@pytest.mark.parametrize("others", [2 * DAY, -40 * DAY], ids=["near", "stale"])
def test_another_subscription_of_theirs_neither_warns_nor_silences(ctx, make, merchant, claire, left, others):
    make.subscription(merchant=merchant, customer=claire, next_payment_at=THURSDAY + others, at_paypal=False)
    bought = make.subscription(merchant=merchant, customer=claire, next_payment_at=THURSDAY + 20 * DAY)
    by_form(ctx, bought, now=THURSDAY)
    (letter,) = to_desk(left(THURSDAY + MINUTE))
    assert "16 December 2026" in letter.text
    # Two working days and five; then two days and one day before its own payment.
    assert days_reminded(ctx, left, THURSDAY + HOUR, 21) == [4, 7, 18, 19]


def test_a_letter_is_not_silenced_by_a_date_that_is_past(ctx, make, merchant, claire, left):
    for days in (-40, 20, 30):
        make.subscription(merchant=merchant, customer=claire, next_payment_at=THURSDAY + days * DAY, at_paypal=False)
    by_letter(ctx, claire, now=THURSDAY)
    left(THURSDAY + MINUTE)
    assert days_reminded(ctx, left, THURSDAY + HOUR, 21) == [4, 7, 18, 19]


def test_where_no_payment_is_to_come_the_last_date_that_is_known_still_orders_the_desk(ctx, make, merchant, claire):
    for days in (-3, -40):
        make.subscription(merchant=merchant, customer=claire, next_payment_at=THURSDAY + days * DAY, at_paypal=False)
    letter = by_letter(ctx, claire, now=THURSDAY)
    with ctx.db.read() as session:
        rows, _count = stored.at_risk(session, ReceivedRequest.id == letter.id, limit=1, now=THURSDAY)
    assert [at for _row, at in rows] == [THURSDAY - 3 * DAY]


# Whoever notifies beside a plan, or once more, is heard


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
        assert "An end that is planned stands" in letter.text
        assert "Nothing stops by itself" not in letter.text
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


# Of a letter only the day is known


@pytest.mark.parametrize("way", ["form", "letter"])
def test_no_hour_is_made_up_for_a_letter(ctx, claire, subscription, left, way):
    received = by_form(ctx, subscription, now=THURSDAY) if way == "form" else by_letter(ctx, claire, now=THURSDAY)
    letters = left(THURSDAY + MINUTE)
    staff_ask(ctx, subscription, now=THURSDAY + DAY, received=received, wished_on=(THURSDAY + 70 * DAY).date())
    letters += left(THURSDAY + DAY + MINUTE)
    assert len(letters) >= 3
    for letter in letters:
        assert "26 November 2026" in letter.text
        assert ("15:30" in letter.text) == (way == "form"), letter.subject

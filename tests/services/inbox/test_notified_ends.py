"""Where customers may not end by themselves, what they notify is an end asked for: told, brought to mind, and theirs.

Deciding test 18 of cancellation.md: one notification by form and one by letter."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.documents.facts import ProofFacts
from portal.documents.proofs import public_rows, wording
from portal.domain.audit import By
from portal.domain.ends.end_requests import Channel, RequestState
from portal.domain.ends.received_requests import ReceivedState
from portal.domain.errors import Denial, NotAllowed
from portal.domain.policies import Actor, Role
from portal.domain.subscriptions import Action, Status
from portal.models import EndRequest, Proof, TimelineEntry
from portal.queries import holdings
from portal.queries.law import proofs
from portal.queries.people import customers
from portal.services.arrivals.refreshing import refresh
from portal.services.carrying import end_carrying
from portal.services.ends import end_requests
from portal.services.inbox import received_answers, received_requests
from portal.services.people import customer_addresses
from tests.pdf_text import words_of
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
    one_request,
    row_of,
    staff_ask,
    staff_end,
    to_desk,
)


def facts_of(ctx):
    with ctx.db.read() as session:
        return ProofFacts.read(session.scalars(select(Proof)).one().facts)


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


@pytest.mark.parametrize("former", ["claire@ancien.example", None])
def test_whoever_has_another_address_since_is_told_there_and_the_former_mailbox_hears_no_more(
    ctx, make, merchant, left, former
):
    zoe = make.customer(merchant, email=former, locale="en")
    held = make.subscription(merchant=merchant, customer=zoe)
    received = by_form(ctx, held, now=THURSDAY)
    left(THURSDAY + HOUR)
    with ctx.db.begin() as session:
        (locked,) = customers.lock(session, merchant.id, zoe.id)
        staff = By(actor=Actor.STAFF, channel=Channel.STAFF)
        customer_addresses.change(ctx, session, locked, "claire@neuf.example", by=staff, now=THURSDAY + HOUR)
    left(THURSDAY + 2 * HOUR)
    by_form(ctx, held, now=THURSDAY + 3 * HOUR, message="Encore un mot")
    received_requests.dismiss(ctx, merchant.id, received.id, reason="owes a year", by="Léa", now=THURSDAY + 4 * HOUR)
    told = [letter for letter in left(THURSDAY + 5 * HOUR) if received.reference in letter.subject]
    theirs = [(letter.to, former is not None and former in letter.text) for letter in told if letter.to != DESK]
    assert theirs == [("claire@neuf.example", False)] * 2


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
    assert rows["Requested by"].startswith("Claire Martin")
    assert (rows["Reference"], rows["Internal reference"]) == (received.reference, request.reference)
    asked = rows["Requested on"]
    assert dict(public_rows(facts, locale="en"))["Requested on"].removesuffix(" (Paris time)") == asked
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


@pytest.mark.parametrize("way", ["form", "letter", "seen at PayPal"])
def test_what_the_customer_wrote_with_it_stands_in_the_proof_of_the_end_that_answers_it(
    ctx, paypal, claire, subscription, left, now, way
):
    words = {"message": "Je déménage en mai"}
    before = now - 3 * DAY
    received = by_letter(ctx, claire, now=before, **words) if way == "letter" else None
    if received is None:
        by_form(ctx, subscription, now=before, **words)
    if way == "seen at PayPal":
        paypal.happen(subscription.provider_id, "buyer-cancels")
        refresh(ctx, subscription.merchant_id, subscription.id, now=now)
    else:
        staff_end(ctx, subscription, now=now, received=received)
    facts = facts_of(ctx)
    assert dict(wording(facts, locale="fr").rows)["Votre commentaire"] == "Je déménage en mai"
    assert "déménage" not in str(public_rows(facts, locale="fr")), "a third party reads nothing personal"
    (told,) = [letter for letter in left(now + MINUTE) if letter.to == claire.email and letter.attachments]
    assert "déménage" in words_of(told.attachments[0].content)


@pytest.mark.parametrize("way", ["form", "letter"])
def test_the_mail_of_a_plan_that_answers_it_declares_what_the_customer_told_not_what_staff_chose(
    ctx, claire, subscription, left, way
):
    told = {"message": "Je déménage en mai", "wished_on": (THURSDAY + 50 * DAY).date()}
    by = by_form if way == "form" else by_letter
    received = by(ctx, subscription if way == "form" else claire, now=THURSDAY, **told)
    left(THURSDAY + MINUTE)
    staff_ask(ctx, subscription, now=THURSDAY + DAY, received=received, wished_on=(THURSDAY + 70 * DAY).date())
    (letter,) = [letter for letter in left(THURSDAY + DAY + MINUTE) if letter.to == claire.email]
    declared = letter.text.partition("What you told us:")[2]
    assert "Chosen end date: Friday 15 January 2027" in declared
    assert "4 February 2027" not in declared
    assert "Je déménage en mai" in declared
    with ctx.db.read() as session:
        held = holdings.of_request(session, subscription.merchant_id, claire.id, received.reference)
    assert held.comment == "Je déménage en mai"


def test_an_end_seen_at_paypal_answers_it_too(ctx, paypal, claire, subscription, left, now):
    received = by_form(ctx, subscription, now=now - DAY)
    paypal.happen(subscription.provider_id, "buyer-cancels")
    refresh(ctx, subscription.merchant_id, subscription.id, now=now)
    rows = dict(wording(facts_of(ctx), locale="en").rows)
    assert rows["Requested by"].startswith("Claire Martin")
    assert rows["Reference"] == received.reference
    assert asked_at(ctx, subscription) == now - DAY
    (told,) = [letter for letter in to_desk(left(now + MINUTE)) if "End recorded" in letter.subject]
    assert "without a request here" not in told.text


@pytest.mark.parametrize("action", [Action.COMPLETE, Action.ABANDON])
def test_it_is_always_cancelled_and_abandoned_may_follow(ctx, subscription, action, now):
    by_form(ctx, subscription, now=now - DAY)
    with pytest.raises(NotAllowed) as refused:
        staff_ask(ctx, subscription, action, now=now)
    assert refused.value.denial is Denial.NOTIFIED
    staff_end(ctx, subscription, now=now)
    wish = wish_of(subscription, Action.ABANDON, actor=Actor.STAFF, role=Role.SUPPORT)
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
    assert dict(wording(facts_of(ctx), locale="en").rows)["Requested by"].startswith("Claire Martin")


def test_what_staff_asked_first_stays_theirs(ctx, paypal, claire, subscription, now):
    """A letter that comes while PayPal is down: the end had been asked for before it."""
    paypal.rule("any", "500")
    staff_end(ctx, subscription, now=now)
    letter = by_letter(ctx, claire, now=now + HOUR)
    assert received_answers.match_standing(
        ctx, subscription.merchant_id, letter.id, subscription.id, by="Léa", now=now + HOUR
    )
    assert one_request(ctx).asked_by is Actor.STAFF


def test_its_reference_is_another_name_of_the_end_that_answers_it(ctx, make, merchant, claire, subscription, now):
    received = by_form(ctx, subscription, now=now - DAY)
    asked = staff_end(ctx, subscription, now=now)
    with ctx.db.read() as session:
        for reference in (received.reference, asked.reference):
            assert holdings.of_request(session, merchant.id, claire.id, reference).request.id == asked.request_id
            assert proofs.of_customer(session, merchant.id, claire.id, reference).end_request_id == asked.request_id
            assert proofs.by_reference(session, reference).end_request_id == asked.request_id


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

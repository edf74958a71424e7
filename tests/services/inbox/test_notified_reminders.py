"""The merchant is told of a notification, and reminded while it waits."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.domain.audit import By
from portal.domain.ends.end_requests import Channel
from portal.domain.ends.received_requests import ReceivedState
from portal.domain.policies import Actor, Role
from portal.models import Mail, MailState, Membership, ReceivedRequest, Staff
from portal.queries.ends import received_requests as stored
from portal.services import aging
from tests.services.inbox.notified import (
    DAY,
    HOUR,
    MINUTE,
    THURSDAY,
    by_form,
    by_letter,
    days_reminded,
    row_of,
    staff_ask,
    to_desk,
)


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
    if way == "form":
        assert "Claire Martin has sent a cancellation notice for “Cours de piano”" in letter.subject
        assert received.contract == f"Cours de piano – {subscription.provider_id}", "two words, not one"
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
    for _ in range(22):  # a mail lists twenty
        customer = make.customer(merchant)
        bought = make.subscription(merchant=merchant, customer=customer, at_paypal=False)
        references.append(by_form(ctx, bought, now=THURSDAY).reference)
    (letter,) = to_desk(left(THURSDAY + MINUTE))
    assert sum(reference in letter.text for reference in references) == 20
    assert "2 other" in letter.text


def test_without_an_address_every_owner_is_told(ctx, make, claire, left):
    merchant = make.merchant(support_email=None, locale="en", self_cancellation=False)
    for name, role in PEOPLE:
        _member(make, merchant, name, role)
    customer = make.customer(merchant)
    by_form(ctx, make.subscription(merchant=merchant, customer=customer), now=THURSDAY)
    letters = [letter.to for letter in left(THURSDAY + MINUTE) if letter.to != customer.email]
    assert sorted(letters) == ["anne@desk.test", "zoe@desk.test"]
    aging.run(ctx, now=THURSDAY + 4 * DAY + HOUR)
    letters = [letter.to for letter in left(THURSDAY + 4 * DAY + HOUR + MINUTE) if letter.to != customer.email]
    assert sorted(letters) == ["anne@desk.test", "zoe@desk.test"]


def test_an_owner_who_records_a_letter_herself_is_not_told_of_it_and_is_reminded_like_the_others(ctx, make, left):
    merchant = make.merchant(support_email=None, locale="en", self_cancellation=False)
    anne, _zoe = (_member(make, merchant, name, Role.OWNER) for name in ("anne", "zoe"))
    by = By(actor=Actor.STAFF, actor_id=anne.id, channel=Channel.STAFF)
    by_letter(ctx, make.customer(merchant, email=None), now=THURSDAY, by=by)
    assert [letter.to for letter in left(THURSDAY)] == ["zoe@desk.test"]
    aging.run(ctx, now=THURSDAY + HOUR)
    assert left(THURSDAY + HOUR + MINUTE) == []
    aging.run(ctx, now=THURSDAY + 4 * DAY + HOUR)
    assert len(left(THURSDAY + 4 * DAY + HOUR + MINUTE)) == 2


PEOPLE = (("anne", Role.OWNER), ("zoe", Role.OWNER), ("lea", Role.SUPPORT), ("gone", Role.OWNER))


def _member(make, merchant, name, role):
    secrets = {"password_hash": "-", "totp_secret": b"-"}
    person = Staff(id=uuid.uuid4(), merchant_id=merchant.id, email=f"{name}@desk.test", name=name, **secrets)
    make.add(person)
    left = THURSDAY if name == "gone" else None
    make.add(Membership(merchant_id=merchant.id, staff_id=person.id, role=role, disabled_at=left))
    return person


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

"""A payment that did not come: told at once, again before access closes, and when it is there; nothing to who waits."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.dates.periods import add_months
from portal.domain.subscriptions import Status
from portal.models import Grant, Mail, Merchant, Subscription
from portal.providers.ports import Reading
from portal.queries import subscriptions
from portal.services.ends import endings
from portal.services.inbox import notifications
from portal.services.inbox.notifications import Notification
from portal.services.money import missed_payments
from portal.services.notices import missed_payment_notices, outbox
from portal.services.notices.missed_payment_notices import Standing
from tests.services.carrying.carried import ask

DAY = timedelta(days=1)


@pytest.fixture
def merchant(make):
    return make.merchant(name="L’Atelier", locale="en", time_zone="UTC")


@pytest.fixture
def course(make, merchant):
    """Seven days of grace."""
    return make.product(merchant, name="Guitar", grace_days=7)


@pytest.fixture
def due(make, merchant, course, now):
    """Make one that was paid for one month, and whose next payment nobody has seen."""

    def due(began, product=course):
        customer = make.customer(merchant, email="zoe@client.test", name="Zoé")
        return make.subscription(
            merchant=merchant,
            customer=customer,
            product=product,
            started_at=began,
            last_payment_at=began,
            paid_until=add_months(began, 1),
        )

    return due


@pytest.fixture
def paid(due, now):
    """Its last paid day was two to five days ago: within the days of grace."""
    return due(now - 33 * DAY)


@pytest.fixture
def show(ctx):
    """Let PayPal show something at a moment."""

    def show(subscription, *, failed, status="ACTIVE", at=None):
        reading = Reading(
            provider_id=subscription.provider_id,
            status=status,
            failed_payments=failed,
            last_payment_at=subscription.last_payment_at,
            next_billing_at=subscription.next_payment_at,
        )
        with ctx.db.begin() as session:
            locked = subscriptions.lock(session, subscription.merchant_id, subscription.id)
            endings.record_reading(ctx, session, locked, reading, now=at or utc_now())

    return show


@pytest.fixture
def told(ctx):
    """What was written, oldest first: the kind and the text."""

    def told():
        with ctx.db.read() as session:
            return [
                (row.kind, text_of(row)) for row in session.scalars(select(Mail).order_by(Mail.created_at, Mail.id))
            ]

    def text_of(mail):
        return json.loads(ctx.vault.open(mail.content, purpose=outbox.CONTENT))["text"] if mail.content else ""

    return told


def kinds(told):
    return [kind for kind, _text in told()]


def test_a_first_failure_is_told_once_with_the_last_day_that_is_open(show, told, paid):
    show(paid, failed=1)
    show(paid, failed=2)
    [(kind, text)] = told()
    assert kind == "payment_missed"
    last = paid.paid_until + 7 * DAY - timedelta(microseconds=1)
    assert f"{last.day} {last:%B %Y}" in text
    assert "is cancelled" not in text


def test_a_merchant_who_leaves_this_out_still_warns_before_access_closes(ctx, show, told, paid, merchant, now):
    with ctx.db.begin() as session:
        session.get_one(Merchant, merchant.id).notices_left_out = ["access_closes_soon", "payment_missed"]
    show(paid, failed=1)
    assert kinds(told) == []
    with ctx.db.begin() as session:
        locked = subscriptions.lock(session, paid.merchant_id, paid.id)
        missed_payment_notices.access_closes(ctx, session, locked, now=utc_now())
    assert kinds(told) == ["access_closes_soon"]
    show(paid, failed=0)
    assert kinds(told) == ["access_closes_soon"], "nobody was told that it was missing"


def test_what_came_after_all_is_told_to_who_was_told_that_it_was_missing(show, told, paid):
    show(paid, failed=1)
    show(paid, failed=0)
    assert kinds(told) == ["payment_missed", "payment_settled"]
    assert "has stayed open" in told()[1][1]
    show(paid, failed=0)
    assert len(told()) == 2


def test_a_payment_on_its_way_is_told_once_it_is_there(ctx, show, told, paid, now):
    show(paid, failed=1)
    with ctx.db.begin() as session:
        session.get_one(Subscription, paid.id).pending_at = now
    show(paid, failed=0)
    assert kinds(told) == ["payment_missed"], "PayPal calls it active, and the money may still not come"
    with ctx.db.begin() as session:
        session.get_one(Subscription, paid.id).pending_at = None
        before = Standing(Status.ACTIVE, None, True, paid.facts)
        locked = subscriptions.lock(session, paid.merchant_id, paid.id)
        missed_payment_notices.follow(ctx, session, locked, before, now=utc_now())
    assert kinds(told) == ["payment_missed", "payment_settled"]


def test_access_that_had_closed_is_told_to_be_open_again(show, told, due, now):
    old = due(now - 90 * DAY)
    show(old, failed=3, status="SUSPENDED")
    show(old, failed=0)
    (_, missed), (_, settled) = told()
    assert "closed for the moment" in missed
    assert "open again" in settled


def test_one_that_was_late_when_it_was_first_seen_is_not_told_as_news(show, told, make, merchant, course, now):
    late = make.subscription(
        merchant=merchant, product=course, status=Status.PAST_DUE, past_due_since=now - DAY, paid_until=now - DAY
    )
    show(late, failed=2)
    show(late, failed=0)
    assert told() == []


def test_who_waits_for_an_end_hears_nothing_of_money(ctx, make, show, told, paid):
    ask(ctx, make, paid)
    before = kinds(told)
    show(paid, failed=1)
    assert kinds(told) == before


@pytest.mark.parametrize(("wished_in", "is_told"), [(None, False), (0, False), (30, True)], ids=str)
def test_who_has_sent_a_notice_hears_nothing_of_money_either(ctx, show, told, paid, now, wished_in, is_told):
    """Where customers may not end by themselves, the notice is how they ask; before the day that it names, they owe."""
    notice = Notification(
        merchant_id=paid.merchant_id,
        customer_id=paid.customer_id,
        subscription_id=paid.id,
        wished_on=(now + wished_in * DAY).date() if wished_in is not None else None,
    )
    notifications.notify(ctx, notice, now=now)
    show(paid, failed=1)
    missed_payments.warn(ctx, now=paid.paid_until + 6 * DAY)
    money = [kind for kind in kinds(told) if kind in ("payment_missed", "access_closes_soon")]
    assert bool(money) is is_told


@pytest.mark.parametrize(
    ("days", "is_warned"), [(3, False), (4.01, True), (6.9, True), (7, False), (30, False)], ids=str
)
def test_the_warning_comes_in_the_last_three_days_of_grace_and_once(
    ctx, make, told, merchant, course, now, days, is_warned
):
    since = now - timedelta(days=days)
    make.subscription(merchant=merchant, product=course, status=Status.PAST_DUE, past_due_since=since, paid_until=since)
    for _ in range(2):
        missed_payments.warn(ctx, now=now)
    assert kinds(told) == (["access_closes_soon"] if is_warned else [])


def test_no_warning_a_day_after_the_first_message_nor_where_a_gift_keeps_it_open(
    ctx, make, show, told, due, merchant, now
):
    short = make.product(merchant, grace_days=2)
    fresh = due(add_months(now - timedelta(hours=1), -1), short)
    show(fresh, failed=1)
    assert kinds(told) == ["payment_missed"]
    since = now - DAY
    given = make.subscription(
        merchant=merchant, product=short, status=Status.PAST_DUE, past_due_since=since, paid_until=since
    )
    make.add(
        Grant(
            merchant_id=merchant.id,
            customer_id=given.customer_id,
            product_id=short.id,
            since=since,
            until=None,
            created_at=since,
        )
    )
    missed_payments.warn(ctx, now=now)
    assert kinds(told) == ["payment_missed"]
    missed_payments.warn(ctx, now=now + timedelta(days=1, minutes=5))
    assert kinds(told) == ["payment_missed", "access_closes_soon"]


def test_what_is_paid_longer_than_the_grace_closes_no_earlier(ctx, make, told, merchant, course, now):
    make.subscription(
        merchant=merchant,
        product=course,
        status=Status.PAST_DUE,
        past_due_since=now - 6 * DAY,
        paid_until=now + 20 * DAY,
    )
    missed_payments.warn(ctx, now=now)
    assert told() == []
    missed_payments.warn(ctx, now=now + 18 * DAY)
    assert kinds(told) == ["access_closes_soon"]

"""An end that is free of charge: at once, whatever commitment and notice say; and what goes back within thirty days."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from portal.clock import utc_now
from portal.domain.dates.periods import add_months
from portal.domain.ends.end_requests import RequestState
from portal.domain.law.withdrawals import ConsentKind, Verdict
from portal.domain.policies import Actor
from portal.domain.subscriptions import Action
from portal.models import AuditEntry, EndRequest, Mail, Payment, RenewalRefund, Subscription
from portal.queries import inbox
from portal.queries.inbox import Kind
from portal.services.notices import renewal_notices
from portal.services.renewals import advances
from tests.services.carrying.carried import ask, carry, mails
from tests.services.dates.planning import days_ahead
from tests.services.ends.withdrawing import declare as withdraw
from tests.services.ends.withdrawing import request_of, say
from tests.services.renewals.test_reminders import BY_SAM
from tests.waiting_mails import said

BOUND = {"commitment_binds": True, "notice_days": 60}


@pytest.fixture
def bound(make):
    """Bound for four more months, and by two months of notice; it began on a day that every month has."""
    product = make.product(make.merchant(), **BOUND)
    next_payment = make.now() + timedelta(days=20)
    return make.subscription(
        product=product, committed_until=make.now() + timedelta(days=125), next_payment_at=next_payment
    )


def free(ctx, subscription, *, since):
    with ctx.db.begin() as session:
        session.execute(update(Subscription).where(Subscription.id == subscription.id).values(free_from=since))


def owed(ctx) -> list[RenewalRefund]:
    with ctx.db.read() as session:
        return list(session.scalars(select(RenewalRefund)))


@pytest.mark.law("R-FR-23")
def test_commitment_and_notice_bind_until_the_renewal_that_was_not_told_and_not_after(ctx, make, bound):
    free(ctx, bound, since=utc_now() + timedelta(hours=1))
    waits = ask(ctx, make, bound)
    assert waits.due_at is not None, "it is free from the renewal on, not before"


@pytest.mark.law("R-FR-23")
def test_the_end_is_at_once_and_what_was_paid_ahead_is_a_task_of_thirty_days(ctx, make, paypal, bound):
    make.payment(bound, 10)
    make.payment(bound, 45)  # before the renewal: of a term that is over
    free(ctx, bound, since=utc_now() - timedelta(days=12))
    request = carry(ctx, ask(ctx, make, bound))
    assert (request.state, request.due_at) == (RequestState.CONFIRMED, None)
    assert paypal.cancelled == [bound.provider_id]
    (task,) = owed(ctx)
    assert task.due_at == request.created_at + timedelta(days=30)
    # 29.90 for a month of which eleven days were performed, that of the end with them: what is left, by the day.
    period = (add_months(bound.next_payment_at, 0).date() - add_months(bound.next_payment_at, -1).date()).days
    begun = (utc_now().date() - (utc_now() - timedelta(days=10)).date()).days + 1
    exact = Decimal("29.90") * (period - begun) / period
    assert 0 <= task.amount - exact < Decimal("1.10"), "by the day, from the day of the payment"
    with ctx.db.read() as session:
        (item,) = inbox.page(session, bound.merchant_id, now=utc_now()).items
        assert (item.kind, item.about.id) == (Kind.RENEWAL_REFUND, task.id)
        assert inbox.count(session, bound.merchant_id, now=utc_now()) == 1
        assert session.scalars(select(AuditEntry.act).where(AuditEntry.act == "renewal.refund_owed")).all()


def test_what_goes_back_after_a_day_that_was_chosen_is_due_thirty_days_after_that_day(ctx, make, paypal, bound):
    """The law counts from the end, not from the day on which it was asked for."""
    make.payment(bound, 10)
    free(ctx, bound, since=utc_now() - timedelta(days=12))
    request = ask(ctx, make, bound, wished_on=days_ahead(bound, 15))
    with ctx.db.begin() as session:
        session.execute(update(EndRequest).values(due_at=utc_now()))
    assert carry(ctx, request).state is RequestState.CONFIRMED
    (task,) = owed(ctx)
    assert task.due_at.astimezone(ZoneInfo("Europe/Paris")).date() in (
        request.wished_on + timedelta(days=30),
        request.wished_on + timedelta(days=29),  # an hour less, where the clocks go back between
    )


@pytest.mark.law("R-FR-23")
@pytest.mark.parametrize(("actor", "tasks"), [(Actor.CUSTOMER, 1), (Actor.STAFF, 0)])
def test_only_the_customers_own_end_is_one_of_the_laws(ctx, make, bound, actor, tasks):
    make.payment(bound, 10)
    free(ctx, bound, since=utc_now() - timedelta(days=12))
    carry(ctx, ask(ctx, make, bound, Action.CANCEL, actor=actor))
    assert len(owed(ctx)) == tasks


@pytest.mark.law("R-FR-23")
@pytest.mark.parametrize("since", [None, timedelta(days=1)])
def test_without_an_advance_or_a_renewal_there_is_no_task(ctx, make, since):
    held = make.subscription()
    make.payment(held, 10)
    if since is not None:
        free(ctx, held, since=utc_now() - since)  # the payment came before the renewal
    assert carry(ctx, ask(ctx, make, held)).state is RequestState.CONFIRMED
    assert owed(ctx) == []


@pytest.mark.law("R-FR-23")
@pytest.mark.parametrize(("back", "is_open"), [("0", True), ("5.00", True), ("29.90", False)])
def test_refunds_that_cover_it_close_it(ctx, make, bound, back, is_open):
    payment = make.payment(bound, 10)
    free(ctx, bound, since=utc_now() - timedelta(days=12))
    carry(ctx, ask(ctx, make, bound))
    with ctx.db.begin() as session:
        refunds = {"r1": back} if back != "0" else {}
        session.execute(update(Payment).where(Payment.id == payment.id).values(refunded=Decimal(back), refunds=refunds))
    advances.follow(ctx, now=utc_now())
    (task,) = owed(ctx)
    assert (task.settled_at is None) is is_open


@pytest.mark.law("R-FR-23")
def test_staff_may_close_it_when_it_went_back_another_way(ctx, make, bound):
    make.payment(bound, 10)
    free(ctx, bound, since=utc_now() - timedelta(days=12))
    carry(ctx, ask(ctx, make, bound))
    (task,) = owed(ctx)
    assert advances.settle(ctx, bound.merchant_id, task.id, by=BY_SAM, now=utc_now()) == bound.id
    assert owed(ctx)[0].settled_by == "Sam"


def test_nothing_is_owed_twice_beside_a_withdrawal_in_time(ctx, make, paypal, bound):
    make.payment(bound, 3)
    say(ctx, bound, ConsentKind.INFORMED, is_given=False, at=utc_now())  # twelve months more
    free(ctx, bound, since=utc_now() - timedelta(days=5))
    said = withdraw(ctx, bound, now=utc_now())
    carry(ctx, request_of(ctx, said))
    assert said.verdict is Verdict.IN_TIME
    assert owed(ctx) == []


def test_a_withdrawal_in_time_closes_what_the_end_before_it_made_due(ctx, make, paypal, bound):
    make.payment(bound, 3)
    say(ctx, bound, ConsentKind.INFORMED, is_given=False, at=utc_now())  # twelve months more
    free(ctx, bound, since=utc_now() - timedelta(days=5))
    carry(ctx, ask(ctx, make, bound))
    (task,) = owed(ctx)
    assert task.settled_at is None
    said = withdraw(ctx, bound, now=utc_now())
    (task,) = owed(ctx)
    assert (task.settled_at is None, said.is_open) == (False, True)


def test_a_doubtful_withdrawal_leaves_what_the_end_has_made_due(ctx, make, paypal, bound):
    make.payment(bound, 3)
    with ctx.db.begin() as session:
        session.get_one(Subscription, bound.id).started_at = utc_now() - timedelta(days=370)
    free(ctx, bound, since=utc_now() - timedelta(days=5))
    said = withdraw(ctx, bound, now=utc_now())
    carry(ctx, request_of(ctx, said))
    assert said.verdict is Verdict.DOUBTFUL
    (task,) = owed(ctx)
    assert task.settled_at is None, "the merchant may find that the withdrawal came too late"


@pytest.mark.law("R-FR-23")
def test_the_merchant_is_told_once_and_warned_until_it_is_settled(ctx, make):
    merchant = make.merchant(support_email="aide@atelier.test", locale="en")
    product = make.product(merchant, **BOUND)
    held = make.subscription(merchant=merchant, product=product, next_payment_at=make.now() + timedelta(days=20))
    make.payment(held, 10)
    free(ctx, held, since=utc_now() - timedelta(days=12))
    carry(ctx, ask(ctx, make, held))
    assert mails(ctx).count("merchant_renewal_refund") == 1
    (task,) = owed(ctx)
    for before, told in ((8, 1), (6.5, 2), (6, 2), (2, 3), (0.5, 4), (-1, 5), (-9, 5)):
        renewal_notices.warn(ctx, now=task.due_at - timedelta(days=before))
        assert mails(ctx).count("merchant_renewal_refund") == told, f"{before} days before"
    advances.settle(ctx, held.merchant_id, task.id, by=BY_SAM, now=utc_now())
    renewal_notices.warn(ctx, now=task.due_at + timedelta(days=40))
    assert mails(ctx).count("merchant_renewal_refund") == 5


def test_a_warning_that_comes_late_says_the_days_that_are_left(ctx, make):
    held = make.subscription(merchant=make.merchant(support_email="aide@atelier.test", locale="en"))
    make.payment(held, 10)
    free(ctx, held, since=utc_now() - timedelta(days=12))
    carry(ctx, ask(ctx, make, held))
    (task,) = owed(ctx)
    renewal_notices.warn(ctx, now=task.due_at - timedelta(days=5))
    with ctx.db.read() as session:
        found = session.scalars(select(Mail).where(Mail.kind == "merchant_renewal_refund")).all()
    subjects = [said(ctx, mail).subject for mail in found]
    assert sum("due in 5 days" in subject for subject in subjects) == 1

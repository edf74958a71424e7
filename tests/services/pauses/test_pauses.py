"""Pauses and resumes against PayPal's possible answers, deaths at each point, two of everything, and ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text, update

from portal.clock import utc_now
from portal.domain.ends.pauses import PauseKind, PauseRefusal, PauseState
from portal.domain.errors import Denial, NotAllowed
from portal.domain.policies import Actor
from portal.domain.subscriptions import IllegalTransition, Status
from portal.models import PauseRequest, TimelineEntry
from portal.services import tries
from portal.services.arrivals import refreshing
from portal.services.carrying import answers, engine, pause_carrying
from portal.services.carrying.pause_carrying import PAUSES
from portal.services.pauses import pause_reminders, pauses
from tests.services.pauses.pausing import ask, at_paypal, carry, due_now, kinds, mails, row, rows, wish_of


def test_a_pause_is_done_by_a_read_keeps_the_paid_time_and_plans_its_own_end(ctx, make, paypal, subscription):
    asked = ask(ctx, subscription)
    done = carry(ctx, asked)

    after = make.reload(subscription)
    assert (done.state, after.status) == (PauseState.DONE, Status.PAUSED)
    assert at_paypal(paypal, subscription) == "SUSPENDED"
    assert after.paid_until == subscription.paid_until
    assert after.next_payment_at is None
    (resume,) = rows(ctx, subscription, PauseKind.RESUME)
    assert (resume.state, resume.due_at, resume.actor) == (PauseState.RECORDED, done.resume_at, Actor.CUSTOMER)
    assert kinds(ctx, subscription) == ["pause_requested", "paused"]
    assert mails(ctx) == ["merchant_pause", "pause_confirmed"]

    early = carry(ctx, resume)
    assert (early.state, early.attempts) == (PauseState.RECORDED, 0), "its day has not come"

    due_now(ctx, resume)
    ended = carry(ctx, resume)
    assert ended.state is PauseState.DONE
    assert make.reload(subscription).status is Status.ACTIVE
    assert make.reload(subscription).next_payment_at is not None
    assert (paypal.count("suspend"), paypal.count("activate")) == (1, 1)
    assert kinds(ctx, subscription) == ["pause_requested", "paused", "resumed"]
    assert mails(ctx).count("resume_confirmed") == 1


def test_8_a_planned_resume_falls_as_soon_as_paypal_shows_too_many_failures(ctx, make, paypal, subscription):
    carry(ctx, ask(ctx, subscription))
    paypal.subscriptions[subscription.provider_id].failed_payments = 3
    refreshing.refresh(ctx, subscription.merchant_id, subscription.id, now=utc_now())
    (resume,) = rows(ctx, subscription, PauseKind.RESUME)
    assert (resume.state, resume.refused_for) == (PauseState.REFUSED, PauseRefusal.THRESHOLD)
    assert make.reload(subscription).status is Status.PAST_DUE
    with pytest.raises(IllegalTransition):
        ask(ctx, subscription, PauseKind.RESUME, staff=True, days=None)


def test_a_state_that_changed_meanwhile_refuses_with_words(ctx, make, paypal, subscription):
    request = ask(ctx, subscription)
    at = paypal.subscriptions[subscription.provider_id]
    at.failed_payments, at.outstanding = 1, "29.90"
    request = carry(ctx, request)
    assert (request.state, request.refused_for) == (PauseState.REFUSED, PauseRefusal.LATE)
    assert make.reload(subscription).status is Status.PAST_DUE
    assert make.reload(subscription).outstanding == Decimal("29.90")
    assert paypal.count("suspend") == 0


def test_a_pause_whose_end_came_first_is_not_begun(ctx, make, paypal, subscription):
    request = ask(ctx, subscription)
    with ctx.db.begin() as session:
        session.execute(update(PauseRequest).values(resume_at=utc_now() - timedelta(minutes=1)))
    request = carry(ctx, request)
    assert (request.state, request.refused_for) == (PauseState.REFUSED, PauseRefusal.TOO_LATE)
    assert at_paypal(paypal, subscription) == "ACTIVE"


def test_already_so_at_paypal_is_success_without_a_call(ctx, make, paypal, subscription, resting):
    paypal.subscriptions[subscription.provider_id].status = "SUSPENDED"
    assert carry(ctx, ask(ctx, subscription)).state is PauseState.DONE
    paypal.subscriptions[resting.provider_id].status = "ACTIVE"
    assert carry(ctx, ask(ctx, resting, PauseKind.RESUME, days=None)).state is PauseState.DONE
    assert (paypal.count("suspend"), paypal.count("activate")) == (0, 0)


def test_the_message_before_our_own_answer_gives_one_entry(ctx, make, paypal, subscription):
    """PayPal's event is read while our call is under way; our own answer then finds it settled."""
    request = ask(ctx, subscription)
    claim = engine.claim(PAUSES, ctx, request.merchant_id, request.id, now=utc_now(), insist=False)
    gateway = answers.gateway_for(ctx, request.merchant_id)
    gateway.suspend_subscription(subscription.provider_id, reason="Pause")
    refreshing.refresh(ctx, subscription.merchant_id, subscription.id, now=utc_now())
    assert row(ctx, request.id).state is PauseState.DONE
    reading = gateway.show_subscription(subscription.provider_id)
    verdict, refusal = claim.verdict(reading, now=utc_now())
    answer = pause_carrying.PauseAnswer(reading=reading, verdict=verdict, refusal=refusal, accepted=True)
    engine.settle(PAUSES, ctx, claim, answer, now=utc_now())
    refreshing.refresh(ctx, subscription.merchant_id, subscription.id, now=utc_now())
    assert kinds(ctx, subscription) == ["pause_requested", "paused"]
    assert mails(ctx) == ["merchant_pause", "pause_confirmed"]


def test_a_pause_made_at_paypal_is_only_a_state_seen(ctx, make, paypal, subscription):
    gateway = answers.gateway_for(ctx, subscription.merchant_id)
    gateway.suspend_subscription(subscription.provider_id, reason="Pause")
    refreshing.refresh(ctx, subscription.merchant_id, subscription.id, now=utc_now())
    assert make.reload(subscription).status is Status.PAUSED
    assert kinds(ctx, subscription) == ["status_seen"]
    assert mails(ctx) == []


def test_a_day_is_changed_by_a_new_request_and_the_former_one_stays(ctx, make, paypal, subscription):
    carry(ctx, ask(ctx, subscription))
    later = ask(ctx, subscription, PauseKind.RESUME, days=60)
    former, new = rows(ctx, subscription, PauseKind.RESUME)
    assert (former.state, new.id, new.state) == (PauseState.WITHDRAWN, later.id, PauseState.RECORDED)
    now_ = ask(ctx, subscription, PauseKind.RESUME, days=None)
    with ctx.db.read() as session:
        taken_back = session.scalars(select(TimelineEntry).where(TimelineEntry.kind == "pause_withdrawn")).all()
    assert [entry.details.get("is_replaced") for entry in taken_back] == [True, True], "nobody withdrew one"
    assert carry(ctx, now_).state is PauseState.DONE
    assert make.reload(subscription).status is Status.ACTIVE


@pytest.mark.parametrize("days", [-5, 90, 400])
def test_a_customer_chooses_within_what_the_merchant_allows(ctx, make, subscription, days):
    with pytest.raises(NotAllowed) as denied:
        ask(ctx, subscription, days=days)
    assert denied.value.denial is Denial.RESUME_DAY
    with pytest.raises(NotAllowed):
        ask(ctx, subscription, days=None)
    assert ask(ctx, subscription, staff=True, days=None).resume_at is None


def test_the_longest_pause_counts_from_its_beginning(ctx, make, paypal, subscription):
    carry(ctx, ask(ctx, subscription))
    with ctx.db.begin() as session:
        started = utc_now() - timedelta(days=40)
        session.execute(
            update(PauseRequest).where(PauseRequest.kind == PauseKind.PAUSE).values(done_at=started, created_at=started)
        )
    with pytest.raises(NotAllowed):
        ask(ctx, subscription, PauseKind.RESUME, days=60)
    ask(ctx, subscription, PauseKind.RESUME, days=45)


def test_a_request_is_taken_back_only_before_anything_was_sent(ctx, make, paypal, subscription):
    paypal.rule("show", "500", times=1)
    request = carry(ctx, ask(ctx, subscription))
    pauses.withdraw(ctx, request.id, wish_of(subscription), now=utc_now())
    assert row(ctx, request.id).state is PauseState.WITHDRAWN
    paypal.rule("suspend", "500", times=1)
    sent = carry(ctx, ask(ctx, subscription))
    with pytest.raises(NotAllowed) as denied:
        pauses.withdraw(ctx, sent.id, wish_of(subscription), now=utc_now())
    assert denied.value.denial is Denial.ALREADY_SENT


def test_who_counts_on_a_pause_or_on_its_end_is_told_when_staff_take_it_back(ctx, make, paypal, subscription):
    by_staff = wish_of(subscription, staff=True)
    paypal.rule("show", "500", times=1)
    pauses.withdraw(ctx, carry(ctx, ask(ctx, subscription)).id, by_staff, now=utc_now())
    assert mails(ctx).count("pause_taken_back") == 1
    carry(ctx, ask(ctx, subscription))
    (planned,) = [one for one in rows(ctx, subscription, PauseKind.RESUME) if one.is_open]
    pauses.withdraw(ctx, planned.id, by_staff, now=utc_now())
    assert mails(ctx).count("pause_taken_back") == 2


def test_a_lost_job_is_found_and_a_missed_day_is_made_up_for(ctx, make, paypal, subscription):
    carry(ctx, ask(ctx, subscription))
    (resume,) = rows(ctx, subscription, PauseKind.RESUME)
    with ctx.db.begin() as session:
        session.execute(text("DELETE FROM procrastinate_jobs"))
    assert engine.sweep(PAUSES, ctx, now=utc_now()) == 0, "its day has not come"
    due_now(ctx, resume)
    assert engine.sweep(PAUSES, ctx, now=utc_now()) == 1
    with ctx.db.read() as session:
        jobs = session.scalar(text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'pauses.carry_out'"))
    assert jobs == 1
    assert carry(ctx, resume).state is PauseState.DONE


def test_the_day_before_is_told_once(ctx, make, paypal, subscription):
    request = carry(ctx, ask(ctx, subscription))
    for hours in (30, 23, 22, 1):
        pause_reminders.remind(ctx, now=request.resume_at - timedelta(hours=hours))
        assert mails(ctx).count("resume_soon") == (hours < 24)


def test_before_the_night_of_the_clocks_it_is_told_on_the_day_before_and_not_two_days(ctx, subscription):
    carry(ctx, ask(ctx, subscription))
    monday = datetime(2027, 3, 28, 22, tzinfo=UTC)  # its first moment in Paris, after a Sunday of 23 hours
    with ctx.db.begin() as session:
        session.execute(update(PauseRequest).where(PauseRequest.kind == PauseKind.RESUME).values(due_at=monday))
    saturday, sunday = datetime(2027, 3, 27, 22, 59, tzinfo=UTC), datetime(2027, 3, 28, 10, tzinfo=UTC)
    for now, number in ((saturday, 0), (sunday, 1)):
        pause_reminders.remind(ctx, now=now)
        assert mails(ctx).count("resume_soon") == number


def test_a_binding_commitment_keeps_customers_from_pausing_not_staff(ctx, make):
    merchant = make.merchant()
    product = make.product(merchant, pause_offered=True, commitment_binds=True)
    bound = make.subscription(product=product, committed_until=make.now() + timedelta(days=100))
    with pytest.raises(NotAllowed) as denied:
        ask(ctx, bound)
    assert denied.value.denial is Denial.PAUSE_NOT_OFFERED
    assert ask(ctx, bound, staff=True).state is PauseState.RECORDED


def test_a_classic_profile_is_paused_and_resumed_the_same_way(ctx, make, paypal):
    merchant = make.merchant()
    make.classic_key(merchant)
    profile = make.profile(merchant=merchant, product=make.product(merchant, pause_offered=True))
    assert carry(ctx, ask(ctx, profile)).state is PauseState.DONE
    assert make.reload(profile).status is Status.PAUSED
    now_ = ask(ctx, profile, PauseKind.RESUME, days=None)
    assert carry(ctx, now_).state is PauseState.DONE
    assert make.reload(profile).status is Status.ACTIVE


def test_a_key_that_works_again_frees_what_waits(ctx, make, paypal, subscription):
    paypal.rule("suspend", "403")
    request = carry(ctx, ask(ctx, subscription))
    assert request.state is PauseState.NEEDS_MERCHANT
    assert mails(ctx) == ["merchant_pause_stuck"]
    with ctx.db.begin() as session:
        assert tries.retry_all(session, subscription.merchant_id, now=utc_now()) == 1

"""Pauses and resumes against PayPal's possible answers, deaths at each point, two of everything, and ends."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text, update

from portal.clock import utc_now
from portal.domain.end_requests import Channel, RequestState, Trouble
from portal.domain.errors import Denial, NotAllowed
from portal.domain.pauses import PauseKind, PauseRefusal, PauseState
from portal.domain.policies import Actor, Role
from portal.domain.subscriptions import Action, IllegalTransition, Status
from portal.models import Mail, PauseRequest, PayPalAccount, TimelineEntry
from portal.providers.ports import GatewayRefused
from portal.services import tries
from portal.services.arrivals import refreshing
from portal.services.carrying import answers, end_carrying, engine, pause_carrying
from portal.services.carrying.answers import Patience
from portal.services.carrying.pause_carrying import PAUSES
from portal.services.ends import end_requests, end_withdrawals
from portal.services.ends.end_wishes import Wish
from portal.services.pauses import pause_reminders, pauses
from portal.services.pauses.pauses import PauseWish

IMPATIENT = Patience(answer=0.3, whole=None)


@pytest.fixture
def subscription(make):
    merchant = make.merchant()
    product = make.product(merchant, pause_offered=True)
    return make.subscription(product=product)


@pytest.fixture
def resting(make):
    """One that is paused already."""
    merchant = make.merchant()
    product = make.product(merchant, pause_offered=True)
    return make.subscription(product=product, status=Status.PAUSED, next_payment_at=None, paid_until=None)


def wish_of(subscription, kind=PauseKind.PAUSE, *, staff=False, days=30) -> PauseWish:
    tomorrow = pauses.earliest_resume(utc_now(), zone="Europe/Paris")
    person = (
        {"actor": Actor.STAFF, "channel": Channel.STAFF, "actor_name": "Anne", "role": Role.SUPPORT}
        if staff
        else {"actor": Actor.CUSTOMER, "channel": Channel.PORTAL, "customer_id": subscription.customer_id}
    )
    return PauseWish(
        merchant_id=subscription.merchant_id,
        subscription_id=subscription.id,
        kind=kind,
        resume_at=None if days is None else tomorrow + timedelta(days=days),
        **person,
    )


def ask(ctx, subscription, kind=PauseKind.PAUSE, **how) -> PauseRequest:
    return row(ctx, pauses.record(ctx, wish_of(subscription, kind, **how), now=utc_now()).request_id)


def row(ctx, request_id) -> PauseRequest:
    with ctx.db.read() as session:
        return session.get_one(PauseRequest, request_id)


def rows(ctx, subscription, kind=None) -> list[PauseRequest]:
    with ctx.db.read() as session:
        found = session.scalars(
            select(PauseRequest)
            .where(PauseRequest.subscription_id == subscription.id)
            .order_by(PauseRequest.created_at)
        ).all()
        return [one for one in found if kind in (None, one.kind)]


def carry(ctx, request, *, times=1) -> PauseRequest:
    """Try as if the planned time had come."""
    for _ in range(times):
        with ctx.db.begin() as session:
            session.execute(update(PauseRequest).where(PauseRequest.id == request.id).values(next_try_at=None))
            session.execute(update(PayPalAccount).values(calm_until=None))
        pause_carrying.carry_out(ctx, request.merchant_id, request.id, patience=IMPATIENT)
    return row(ctx, request.id)


def kinds(ctx, subscription) -> list[str]:
    """The subscription's facts but those of the beginning, in the order of their writing."""
    with ctx.db.read() as session:
        entries = session.scalars(
            select(TimelineEntry).where(TimelineEntry.subscription_id == subscription.id).order_by(TimelineEntry.at)
        ).all()
        return [entry.kind.value for entry in entries]


def mails(ctx) -> list[str]:
    with ctx.db.read() as session:
        return sorted(mail.kind for mail in session.scalars(select(Mail)))


def due_now(ctx, request) -> None:
    with ctx.db.begin() as session:
        session.execute(
            update(PauseRequest).where(PauseRequest.id == request.id).values(due_at=utc_now() - timedelta(minutes=5))
        )


def at_paypal(paypal, subscription) -> str:
    return paypal.subscriptions[subscription.provider_id].status


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


ANSWERS = [
    ("show", "500", PauseState.RETRYING, Trouble.UNAVAILABLE),
    ("show", "other-id", PauseState.RETRYING, Trouble.UNAVAILABLE),
    ("act", "503", PauseState.RETRYING, Trouble.UNAVAILABLE),
    ("act", "cut", PauseState.RETRYING, Trouble.UNAVAILABLE),
    ("act", "429", PauseState.RETRYING, Trouble.RATE_LIMITED),
    ("act", "422-status-invalid", PauseState.RETRYING, Trouble.STILL_LIVE),
    ("act", "401", PauseState.NEEDS_MERCHANT, Trouble.BAD_CREDENTIALS),
    ("act", "403", PauseState.NEEDS_MERCHANT, Trouble.FORBIDDEN),
    ("show", "404", PauseState.NEEDS_MERCHANT, Trouble.NOT_FOUND),
    ("act", "422-account-closed", PauseState.NEEDS_MERCHANT, Trouble.ACCOUNT_CLOSED),
]


@pytest.mark.parametrize("kind", PauseKind)
@pytest.mark.parametrize(("operation", "behaviour", "state", "trouble"), ANSWERS)
def test_each_of_paypals_answers_has_its_way_for_both_operations(
    ctx, make, paypal, operation, behaviour, state, trouble, kind
):
    merchant = make.merchant()
    before = Status.ACTIVE if kind is PauseKind.PAUSE else Status.PAUSED
    subscription = make.subscription(status=before, product=make.product(merchant, pause_offered=True))
    act = "suspend" if kind is PauseKind.PAUSE else "activate"
    paypal.rule(act if operation == "act" else operation, behaviour)

    request = carry(ctx, ask(ctx, subscription, kind, days=30 if kind is PauseKind.PAUSE else None))

    assert (request.state, request.trouble) == (state, trouble)
    assert make.reload(subscription).status is before
    assert request.next_try_at > make.now(), "somebody will try again"
    assert not {"pause_confirmed", "resume_confirmed"} & set(mails(ctx))
    paypal.clear_rules()
    assert carry(ctx, request).state is PauseState.DONE
    assert {"pause_confirmed", "resume_confirmed"} & set(mails(ctx))


@pytest.mark.parametrize("kind", PauseKind)
def test_a_read_that_lags_is_waited_for_without_a_second_call(ctx, make, paypal, subscription, resting, kind):
    subject, act = (subscription, "suspend") if kind is PauseKind.PAUSE else (resting, "activate")
    paypal.rule(act, "stale", reads=2)
    request = carry(ctx, ask(ctx, subject, kind, days=30 if kind is PauseKind.PAUSE else None))
    assert request.state is PauseState.VERIFYING
    assert make.reload(subject).status is subject.status
    request = carry(ctx, request, times=2)
    assert request.state is PauseState.DONE
    assert paypal.count(act) == 1


def test_a_timeout_after_paypal_did_it_is_found_by_the_read(ctx, make, paypal, subscription):
    paypal.rule("suspend", "silent", times=1, seconds=2)
    request = carry(ctx, ask(ctx, subscription))
    assert request.state is PauseState.RETRYING
    assert make.reload(subscription).status is Status.ACTIVE
    assert carry(ctx, request).state is PauseState.DONE
    assert paypal.count("suspend") == 1


def test_8_paypal_refuses_to_activate_and_nobody_may_ask_again(ctx, make, paypal, resting):
    """The plan's threshold is not known here: PayPal's own word then counts."""
    paypal.rule("activate", "422-cannot-be-activated")
    request = carry(ctx, ask(ctx, resting, PauseKind.RESUME, days=None))
    assert (request.state, request.refused_for) == (PauseState.REFUSED, PauseRefusal.THRESHOLD)
    assert make.reload(resting).status is Status.PAUSED
    assert kinds(ctx, resting)[-1] == "pause_refused"
    assert mails(ctx) == ["merchant_pause", "pause_refused"]
    paypal.clear_rules()
    for staff in (True, False):
        with pytest.raises(NotAllowed) as denied:
            ask(ctx, resting, PauseKind.RESUME, days=None, staff=staff)
        assert denied.value.denial is Denial.PAYPAL_FORBIDS_RESUME


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


DEATHS = {
    "claimed": (pause_carrying, "read"),
    "read": (pause_carrying, "note_call"),
    "called": (pause_carrying, "read_back"),
    "read back": (engine, "settle"),
}


class Killed(BaseException):
    """As `kill -9`: no handler of ours may see it."""


@pytest.mark.parametrize("point", list(DEATHS))
def test_16_a_process_killed_at_each_point_is_followed_by_another(ctx, make, paypal, subscription, monkeypatch, point):
    request = ask(ctx, subscription)

    def die(*_args, **_more):
        raise Killed

    where, name = DEATHS[point]
    with monkeypatch.context() as patch:
        patch.setattr(where, name, die)
        with pytest.raises(Killed):
            carry(ctx, request)
    assert row(ctx, request.id).state is PauseState.CALLING
    assert carry(ctx, request).state is PauseState.CALLING, "the first one's lease still runs"
    with ctx.db.begin() as session:
        session.execute(update(PauseRequest).values(claimed_at=utc_now() - timedelta(minutes=5)))
    assert carry(ctx, request).state is PauseState.DONE
    assert paypal.count("suspend") == 1
    assert kinds(ctx, subscription) == ["pause_requested", "paused"]
    assert mails(ctx).count("pause_confirmed") == 1


def test_two_clicks_are_one_request_and_two_workers_one_call(ctx, make, paypal, subscription):
    first = pauses.record(ctx, wish_of(subscription), now=utc_now())
    second = pauses.record(ctx, wish_of(subscription), now=utc_now())
    assert (first.is_new, second.is_new, second.request_id) == (True, False, first.request_id)
    threads = [
        threading.Thread(target=pause_carrying.carry_out, args=(ctx, subscription.merchant_id, first.request_id))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert row(ctx, first.request_id).state is PauseState.DONE
    assert paypal.count("suspend") == 1
    assert mails(ctx).count("pause_confirmed") == 1


def end_it(ctx, subscription, action=Action.CANCEL):
    wish = Wish(
        merchant_id=subscription.merchant_id,
        subscription_id=subscription.id,
        customer_id=subscription.customer_id,
        action=action,
        actor=Actor.CUSTOMER,
        channel=Channel.PORTAL,
    )
    return end_requests.record(ctx, wish, now=utc_now())


def test_an_end_outranks_what_is_open_and_no_pause_is_asked_beside_it(ctx, make, paypal, subscription):
    request = ask(ctx, subscription)
    claim = engine.claim(PAUSES, ctx, request.merchant_id, request.id, now=utc_now(), insist=False)
    end = end_it(ctx, subscription)
    assert row(ctx, request.id).state is PauseState.WITHDRAWN
    before = answers.gateway_for(ctx, subscription.merchant_id).show_subscription(subscription.provider_id)
    assert not pause_carrying.note_call(ctx, claim, before, now=utc_now()), "no suspend leaves any more"
    with pytest.raises(NotAllowed) as denied:
        ask(ctx, subscription)
    assert denied.value.denial is Denial.END_UNDER_WAY
    end_carrying.carry_out(ctx, subscription.merchant_id, end.request_id)
    assert make.reload(subscription).status is Status.CANCELLED
    assert paypal.count("suspend") == 0
    assert set(kinds(ctx, subscription)) == {"pause_requested", "pause_withdrawn", "end_requested", "ended"}


def test_an_activate_that_leaves_after_the_cancel_changes_nothing(ctx, make, paypal, subscription):
    carry(ctx, ask(ctx, subscription))
    (resume,) = rows(ctx, subscription, PauseKind.RESUME)
    due_now(ctx, resume)
    claim = engine.claim(PAUSES, ctx, resume.merchant_id, resume.id, now=utc_now(), insist=False)
    end = end_it(ctx, subscription)
    end_carrying.carry_out(ctx, subscription.merchant_id, end.request_id)
    with pytest.raises(GatewayRefused):
        answers.gateway_for(ctx, resume.merchant_id).activate_subscription(claim.provider_id, reason="late")
    assert at_paypal(paypal, subscription) == "CANCELLED"
    assert make.reload(subscription).status is Status.CANCELLED


def test_an_end_seen_at_paypal_takes_the_place_of_a_planned_resume(ctx, make, paypal, subscription):
    carry(ctx, ask(ctx, subscription))
    paypal.happen(subscription.provider_id, "buyer-cancels")
    refreshing.refresh(ctx, subscription.merchant_id, subscription.id, now=utc_now())
    (resume,) = rows(ctx, subscription, PauseKind.RESUME)
    assert resume.state is PauseState.WITHDRAWN


def test_an_end_that_is_taken_back_gives_the_planned_resume_back(ctx, make, paypal, subscription):
    carry(ctx, ask(ctx, subscription))
    paypal.rule("show", "500")
    end = end_it(ctx, subscription)
    end_carrying.carry_out(ctx, subscription.merchant_id, end.request_id, patience=IMPATIENT)
    paypal.clear_rules()
    (only,) = make.requests(subscription)
    assert only.state is RequestState.RETRYING
    end_withdrawals.withdraw(ctx, subscription.merchant_id, subscription.customer_id, only.reference, now=utc_now())
    former, again = rows(ctx, subscription, PauseKind.RESUME)
    assert (former.state, again.state) == (PauseState.WITHDRAWN, PauseState.RECORDED)
    assert again.due_at == former.due_at


def test_a_day_is_changed_by_a_new_request_and_the_former_one_stays(ctx, make, paypal, subscription):
    carry(ctx, ask(ctx, subscription))
    later = ask(ctx, subscription, PauseKind.RESUME, days=60)
    former, new = rows(ctx, subscription, PauseKind.RESUME)
    assert (former.state, new.id, new.state) == (PauseState.WITHDRAWN, later.id, PauseState.RECORDED)
    now_ = ask(ctx, subscription, PauseKind.RESUME, days=None)
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


def test_a_pause_that_had_left_keeps_its_end_when_the_end_that_took_its_place_is_taken_back(ctx, make, paypal):
    """Whether it began at PayPal nobody knows: without its day it might never be over."""
    merchant = make.merchant()
    held = make.subscription(product=make.product(merchant, pause_offered=True))
    paypal.rule("suspend", "silent", times=1, seconds=2)
    left = carry(ctx, ask(ctx, held))
    assert (left.is_open, left.sent_at is not None) == (True, True)
    wish = Wish(
        merchant_id=held.merchant_id,
        subscription_id=held.id,
        customer_id=held.customer_id,
        action=Action.CANCEL,
        actor=Actor.CUSTOMER,
        channel=Channel.PORTAL,
        wished_on=(utc_now() + timedelta(days=60)).date(),
    )
    end = end_requests.record(ctx, wish, now=utc_now())
    end_withdrawals.withdraw(ctx, held.merchant_id, held.customer_id, end.reference, now=utc_now())
    with ctx.db.read() as session:
        (planned,) = session.scalars(select(PauseRequest).where(PauseRequest.state == PauseState.RECORDED)).all()
    assert (planned.kind, planned.due_at) == (PauseKind.RESUME, left.resume_at)


def test_a_resume_whose_call_left_in_vain_comes_back_when_the_end_is_taken_back(ctx, make, paypal, resting):
    """PayPal did not do it, or the next try's read shows that it did: without it the pause would never end."""
    paypal.rule("activate", "timeout", times=1, seconds=2)
    left = carry(ctx, ask(ctx, resting, PauseKind.RESUME, days=None))
    assert (left.state, left.sent_at is not None) == (PauseState.RETRYING, True)
    end = end_it(ctx, resting)
    end_withdrawals.withdraw(ctx, resting.merchant_id, resting.customer_id, end.reference, now=utc_now())
    former, again = rows(ctx, resting, PauseKind.RESUME)
    assert (former.state, again.is_open) == (PauseState.WITHDRAWN, True)
    assert carry(ctx, again).state is PauseState.DONE
    assert at_paypal(paypal, resting) == "ACTIVE"

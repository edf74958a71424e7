"""The engine against PayPal's possible answers (cancellation.md). Numbers name its deciding tests."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from portal.clock import utc_now
from portal.domain.ends.end_requests import Basis, RequestState, Trouble
from portal.domain.errors import NotAllowed
from portal.domain.policies import Actor
from portal.domain.subscriptions import Action, IllegalTransition, Status
from portal.models import EndRequest, Mail, MailState, PayPalAccount, TimelineKind
from portal.services import tries
from portal.services.carrying import answers, end_carrying, engine
from portal.services.carrying.end_carrying import ENDS
from portal.services.ends import end_requests, end_withdrawals
from portal.services.notices import leaving
from tests.services.carrying.carried import Killed, ask, carry, entries, mails, row, wish_of


def customer_mails(ctx, kind) -> int:
    return mails(ctx).count(kind)


@pytest.fixture
def subscription(make):
    make.merchant()
    return make.subscription()


def test_a_cancel_is_confirmed_by_a_read_and_keeps_the_paid_time(ctx, make, paypal, subscription):
    request = carry(ctx, ask(ctx, make, subscription))

    after = make.reload(subscription)
    assert request.state is RequestState.CONFIRMED
    assert request.basis is Basis.READ_AFTER_CALL
    assert after.status is Status.CANCELLED
    assert paypal.cancelled == [subscription.provider_id]
    assert paypal.subscriptions[subscription.provider_id].status == "CANCELLED"
    assert after.paid_until == subscription.paid_until, "PayPal drops the date after the cancel: it was read before"
    assert after.ended_at == subscription.paid_until
    assert after.access_until == subscription.paid_until
    assert after.next_payment_at is None
    assert customer_mails(ctx, "end_confirmed") == 1


def test_1_a_read_that_lags_behind_the_204_is_waited_for(ctx, make, paypal, subscription):
    paypal.rule("cancel", "stale", reads=2)

    first = carry(ctx, ask(ctx, make, subscription))
    assert first.state is RequestState.VERIFYING
    assert make.reload(subscription).status is Status.ACTIVE
    second = carry(ctx, first)
    assert second.state is RequestState.VERIFYING
    third = carry(ctx, second)

    assert third.state is RequestState.CONFIRMED
    assert paypal.count("cancel") == 1
    assert customer_mails(ctx, "end_confirmed") == 1


def test_2_a_timeout_after_paypal_cancelled_is_confirmed_by_a_read_without_a_second_call(
    ctx, make, paypal, subscription
):
    paypal.rule("cancel", "silent", times=1, seconds=2)

    waiting = carry(ctx, ask(ctx, make, subscription))
    assert waiting.state is RequestState.RETRYING
    assert make.reload(subscription).status is Status.ACTIVE, "nobody knows yet what PayPal did"
    confirmed = carry(ctx, waiting)

    assert confirmed.state is RequestState.CONFIRMED
    assert paypal.count("cancel") == 1
    assert customer_mails(ctx, "end_confirmed") == 1


@pytest.mark.parametrize(
    ("operation", "behaviour", "state", "trouble"),
    [
        ("show", "500", RequestState.RETRYING, Trouble.UNAVAILABLE),
        ("show", "html-502", RequestState.RETRYING, Trouble.UNAVAILABLE),
        ("show", "empty-200", RequestState.RETRYING, Trouble.UNAVAILABLE),
        ("show", "other-id", RequestState.RETRYING, Trouble.UNAVAILABLE),
        ("show", "cut", RequestState.RETRYING, Trouble.UNAVAILABLE),
        ("token", "503", RequestState.RETRYING, Trouble.UNAVAILABLE),
        ("cancel", "500", RequestState.RETRYING, Trouble.UNAVAILABLE),
        ("cancel", "503", RequestState.RETRYING, Trouble.UNAVAILABLE),
        ("cancel", "cut", RequestState.RETRYING, Trouble.UNAVAILABLE),
        ("cancel", "409", RequestState.RETRYING, Trouble.STILL_LIVE),
        ("cancel", "429", RequestState.RETRYING, Trouble.RATE_LIMITED),
        ("cancel", "422-status-invalid", RequestState.RETRYING, Trouble.STILL_LIVE),
        ("token", "401", RequestState.NEEDS_MERCHANT, Trouble.BAD_CREDENTIALS),
        ("cancel", "401", RequestState.NEEDS_MERCHANT, Trouble.BAD_CREDENTIALS),
        ("cancel", "403", RequestState.NEEDS_MERCHANT, Trouble.FORBIDDEN),
        ("show", "404", RequestState.NEEDS_MERCHANT, Trouble.NOT_FOUND),
        ("cancel", "422-account-closed", RequestState.NEEDS_MERCHANT, Trouble.ACCOUNT_CLOSED),
    ],
)
def test_each_of_paypals_answers_has_its_way_and_none_is_a_cancellation(
    ctx, make, paypal, subscription, operation, behaviour, state, trouble
):
    paypal.rule(operation, behaviour)

    request = carry(ctx, ask(ctx, make, subscription))

    assert (request.state, request.trouble) == (state, trouble)
    assert make.reload(subscription).status is Status.ACTIVE
    assert request.next_try_at > make.now(), "somebody will try again"
    assert "end_confirmed" not in mails(ctx)

    paypal.clear_rules()
    assert carry(ctx, request).state is RequestState.CONFIRMED
    assert customer_mails(ctx, "end_confirmed") == 1


def test_a_wait_that_paypal_asks_for_is_honoured(ctx, make, paypal, subscription):
    paypal.rule("cancel", "429", retry_after=1800)
    request = carry(ctx, ask(ctx, make, subscription))
    assert request.next_try_at >= make.now() + timedelta(seconds=1790)


def test_already_over_at_paypal_is_success_and_says_so(ctx, make, paypal, subscription):
    paypal.happen(subscription.provider_id, "buyer-cancels")
    request = carry(ctx, ask(ctx, make, subscription))
    assert (request.state, request.basis) == (RequestState.CONFIRMED, Basis.ALREADY_OVER)
    assert paypal.count("cancel") == 0


def test_never_approved_ends_here_without_a_call(ctx, make, paypal, subscription):
    pending = make.subscription(status=Status.PENDING)
    request = carry(ctx, ask(ctx, make, pending))
    assert (request.state, request.basis) == (RequestState.CONFIRMED, Basis.NEVER_STARTED)
    assert make.reload(pending).stopped_at_provider_at is None
    assert paypal.count("cancel") == 0


def test_one_that_has_begun_is_never_told_that_it_had_not(ctx, make, paypal, subscription):
    """PayPal's read lags, or its buyer approved while it was on its way: nothing was called, so it is read again."""
    paypal.subscriptions[subscription.provider_id].status = "APPROVAL_PENDING"
    request = carry(ctx, ask(ctx, make, subscription))
    assert (request.state, request.trouble) == (RequestState.RETRYING, Trouble.STILL_LIVE)
    assert "end_confirmed" not in mails(ctx)
    paypal.subscriptions[subscription.provider_id].status = "ACTIVE"
    request = carry(ctx, request)
    assert (request.state, request.basis) == (RequestState.CONFIRMED, Basis.READ_AFTER_CALL)
    assert paypal.count("cancel") == 1


def test_5_a_revoked_key_gives_one_mail_for_all_requests(ctx, make, paypal, subscription):
    """Rule 5 says fifty; two more than a mail lists (20) are as many, and take half the time."""
    others = [make.subscription() for _ in range(21)]
    requests = [ask(ctx, make, each) for each in (subscription, *others)]
    paypal.rule("token", "401")

    rows = [carry(ctx, request) for request in requests]

    assert {request.state for request in rows} == {RequestState.NEEDS_MERCHANT}
    assert mails(ctx).count("merchant_needs_you") == 1
    with ctx.db.read() as session:
        assert session.scalars(select(PayPalAccount)).one().broken_since is not None

    paypal.clear_rules()
    with ctx.db.begin() as session:
        assert tries.retry_all(session, subscription.merchant_id, now=make.now()) == 22
    assert {carry(ctx, request).state for request in requests} == {RequestState.CONFIRMED}
    with ctx.db.read() as session:
        assert session.scalars(select(PayPalAccount)).one().broken_since is None


def test_without_a_key_the_request_stands_and_the_merchant_is_asked(ctx, make):
    make.merchant(key=False)
    subscription = make.subscription()
    request = carry(ctx, ask(ctx, make, subscription))
    assert (request.state, request.trouble) == (RequestState.NEEDS_MERCHANT, Trouble.NO_KEY)


def test_a_payment_at_risk_goes_to_the_merchant_after_three_tries_and_is_still_tried(ctx, make, paypal):
    make.merchant()
    subscription = make.subscription(next_payment_at=make.now() + timedelta(hours=30))
    paypal.rule("any", "500")
    request = ask(ctx, make, subscription)
    assert carry(ctx, request, times=2).state is RequestState.RETRYING
    alarmed = carry(ctx, request)
    assert alarmed.state is RequestState.NEEDS_MERCHANT
    assert alarmed.next_try_at < make.now() + timedelta(hours=1), "retries go on at their own pace"


def test_two_clicks_at_once_make_one_request(ctx, make, subscription):
    references, failures = [], []

    def click():
        try:
            references.append(end_requests.record(ctx, wish_of(subscription), now=make.now()).reference)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=click) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(references) == 6
    assert len(set(references)) == 1


def test_a_click_after_the_end_shows_the_first_request(ctx, make, subscription):
    first = carry(ctx, ask(ctx, make, subscription))
    again = end_requests.record(ctx, wish_of(subscription), now=make.now())
    assert (again.reference, again.is_new) == (first.reference, False)


def test_two_workers_at_once_call_paypal_once(ctx, make, paypal, subscription):
    request = ask(ctx, make, subscription)
    threads = [
        threading.Thread(target=end_carrying.carry_out, args=(ctx, request.merchant_id, request.id)) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert paypal.count("cancel") == 1
    assert customer_mails(ctx, "end_confirmed") == 1
    assert row(ctx, request.id).state is RequestState.CONFIRMED


@pytest.mark.parametrize("point", ["claimed", "read", "noted", "called", "read_back"])
def test_16_a_process_killed_at_any_point_leaves_exactly_one_outcome_and_one_mail(
    ctx, make, paypal, subscription, point, monkeypatch
):
    request = ask(ctx, make, subscription)
    die_at(monkeypatch, point)
    with pytest.raises(Killed):
        end_carrying.carry_out(ctx, request.merchant_id, request.id)
    monkeypatch.undo()
    assert row(ctx, request.id).state is RequestState.CALLING

    end_carrying.carry_out(ctx, request.merchant_id, request.id)
    assert row(ctx, request.id).state is RequestState.CALLING, "the dead process's claim still stands"
    with ctx.db.begin() as session:  # … until its time has run out
        session.execute(update(EndRequest).values(claimed_at=make.now() - timedelta(minutes=5)))
    end_carrying.carry_out(ctx, request.merchant_id, request.id)

    assert row(ctx, request.id).state is RequestState.CONFIRMED
    assert paypal.count("cancel") == 1
    assert customer_mails(ctx, "end_confirmed") == 1
    assert entries(ctx, subscription, TimelineKind.ENDED) == 1
    assert make.reload(subscription).access_until == subscription.paid_until


def die_at(monkeypatch, point):
    """Kill the process at a named point: the gateway's calls and our transactions are the points between them."""
    real = answers.gateway_for

    class Dying:
        def __init__(self, gateway):
            self.gateway, self.reads = gateway, 0

        def show_subscription(self, provider_id):
            self.reads += 1
            if point == "claimed":
                raise Killed
            answer = self.gateway.show_subscription(provider_id)
            if point == ("read" if self.reads == 1 else "read_back"):
                raise Killed
            return answer

        def cancel_subscription(self, provider_id, *, reason):
            if point == "noted":
                raise Killed
            answer = self.gateway.cancel_subscription(provider_id, reason=reason)
            if point == "called":
                raise Killed
            return answer

    monkeypatch.setattr(answers, "gateway_for", lambda *args, **more: Dying(real(*args, **more)))


def test_13_undo_then_cancel_again_keeps_both_reasons_under_two_references(ctx, make, paypal, subscription):
    paypal.rule("any", "500")
    first = carry(ctx, ask(ctx, make, subscription, reason_text="trop cher"))
    end_withdrawals.withdraw(ctx, subscription.merchant_id, subscription.customer_id, first.reference, now=make.now())
    paypal.clear_rules()
    assert carry(ctx, first).state is RequestState.WITHDRAWN
    assert paypal.cancelled == []
    assert make.reload(subscription).end_requested_at is None

    second = carry(ctx, ask(ctx, make, subscription, reason_text="plus le temps"))

    kept = make.requests(subscription)
    assert [each.reason_text for each in kept] == ["trop cher", "plus le temps"]
    assert [each.state for each in kept] == [RequestState.WITHDRAWN, RequestState.CONFIRMED]
    assert first.reference != second.reference


def test_an_undo_is_refused_once_something_was_sent(ctx, make, paypal, subscription):
    paypal.rule("cancel", "500")
    request = carry(ctx, ask(ctx, make, subscription))
    with pytest.raises(NotAllowed):
        end_withdrawals.withdraw(
            ctx, subscription.merchant_id, subscription.customer_id, request.reference, now=make.now()
        )


@pytest.mark.parametrize(
    ("action", "status", "relaunch"),
    [
        (Action.COMPLETE, Status.COMPLETED, True),
        (Action.ABANDON, Status.ABANDONED, False),
        (Action.CANCEL, Status.CANCELLED, True),
    ],
)
def test_staff_choose_the_meaning_and_paypal_follows(ctx, make, paypal, subscription, action, status, relaunch):
    carry(ctx, ask(ctx, make, subscription, action, actor=Actor.STAFF, provider_note="Fin de la formation"))
    after = make.reload(subscription)
    assert (after.status, after.relaunch_allowed) == (status, relaunch)
    assert paypal.subscriptions[subscription.provider_id].status_change_note == "Fin de la formation"


def test_cancelled_becomes_abandoned_here_only(ctx, make, paypal, subscription):
    carry(ctx, ask(ctx, make, subscription))
    calls = len(paypal.calls)
    end_requests.mark_abandoned(ctx, wish_of(subscription, Action.ABANDON, actor=Actor.STAFF), now=make.now())
    after = make.reload(subscription)
    assert (after.status, after.relaunch_allowed) == (Status.ABANDONED, False)
    assert len(paypal.calls) == calls
    with pytest.raises(IllegalTransition):
        end_requests.mark_abandoned(ctx, wish_of(subscription, Action.ABANDON, actor=Actor.STAFF), now=make.now())


@pytest.mark.parametrize("is_another", [False, True])
def test_14_a_confirmation_that_was_put_off_leaves_without_its_invitation_once_abandoned(
    ctx, make, mailer, subscription, is_another
):
    """Whichever of the customer's subscriptions it is that is marked."""
    request, marked = carry(ctx, ask(ctx, make, subscription)), subscription
    if is_another:
        marked = make.subscription(customer=subscription.customer, status=Status.CANCELLED, at_paypal=False)
    with ctx.db.read() as session:
        mail_id = session.scalars(select(Mail.id).where(Mail.key == f"confirmed:{request.id}")).one()
    mailer.away = True
    assert leaving.send(ctx, mail_id, now=utc_now()) is MailState.WAITING
    end_requests.mark_abandoned(ctx, wish_of(marked, Action.ABANDON, actor=Actor.STAFF), now=utc_now())
    mailer.away = False
    assert leaving.send(ctx, mail_id, now=utc_now() + timedelta(days=1)) is MailState.SENT
    (letter,) = mailer.sent
    for words in (letter.text, letter.html):
        assert request.reference in words, "it still proves the end"
        assert not re.search(r"/comeback|come back|revenir", words)


def test_a_customer_cannot_complete_abandon_or_cancel_when_the_switch_is_off(ctx, make, subscription):
    for action in (Action.COMPLETE, Action.ABANDON):
        with pytest.raises(NotAllowed):
            end_requests.record(ctx, wish_of(subscription, action), now=make.now())
    make.merchant(self_cancellation=False)
    closed = make.subscription()
    with pytest.raises(NotAllowed):
        end_requests.record(ctx, wish_of(closed), now=make.now())
    assert make.requests(subscription) == make.requests(closed) == []


def test_a_binding_commitment_waits_and_can_be_undone(ctx, make, paypal):
    merchant = make.merchant()
    product = make.product(merchant, commitment_months=12, commitment_binds=True)
    subscription = make.subscription(product=product, committed_until=make.now() + timedelta(days=100))
    request = carry(ctx, ask(ctx, make, subscription))

    assert request.state is RequestState.RECORDED
    assert subscription.next_payment_at < request.due_at < request.due_at + timedelta(days=31)
    assert len(paypal.calls) == 0, "PayPal is told after the last payment owed"
    with ctx.db.read() as session:
        planned = session.scalars(
            text("SELECT scheduled_at FROM procrastinate_jobs WHERE task_name = 'end_requests.carry_out'")
        ).all()
    assert planned == [request.due_at]


def test_the_sweep_finds_a_request_whose_job_was_lost(ctx, make, paypal, subscription):
    request = ask(ctx, make, subscription)
    with ctx.db.begin() as session:
        session.execute(text("DELETE FROM procrastinate_jobs"))
    assert engine.sweep(ENDS, ctx, now=make.now()) == 0, "it is not late yet"
    assert engine.sweep(ENDS, ctx, now=make.now() + timedelta(minutes=5)) == 1
    with ctx.db.read() as session:
        job = session.scalars(text("SELECT args FROM procrastinate_jobs")).one()
    assert job["request_id"] == str(request.id)

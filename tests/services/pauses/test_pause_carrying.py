"""Pausing and resuming at PayPal: each answer has its way, whoever is killed and however often it is tried."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import update

from portal.clock import utc_now
from portal.domain.ends.end_requests import Trouble
from portal.domain.ends.pauses import PauseKind, PauseRefusal, PauseState
from portal.domain.errors import Denial, NotAllowed
from portal.domain.subscriptions import Status
from portal.models import PauseRequest
from portal.services.carrying import engine, pause_carrying
from portal.services.pauses import pauses
from tests.services.carrying.carried import Killed
from tests.services.pauses.pausing import ask, carry, kinds, mails, row, wish_of

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


DEATHS = {
    "claimed": (pause_carrying, "read"),
    "read": (pause_carrying, "note_call"),
    "called": (pause_carrying, "read_back"),
    "read back": (engine, "settle"),
}


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

"""A pause beside an end: the end outranks it, and gives it back when it is taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.ends.end_requests import Channel, RequestState
from portal.domain.ends.pauses import PauseKind, PauseState
from portal.domain.errors import Denial, NotAllowed
from portal.domain.policies import Actor, Role
from portal.domain.subscriptions import Action, Status
from portal.models import PauseRequest, TimelineEntry
from portal.providers.ports import GatewayRefused
from portal.services.arrivals import refreshing
from portal.services.carrying import answers, end_carrying, engine, pause_carrying
from portal.services.carrying.pause_carrying import PAUSES
from portal.services.ends import end_requests, end_withdrawals
from portal.services.ends.end_wishes import Wish
from tests.services.carrying.carried import wish_of
from tests.services.pauses.pausing import PATIENT, ask, at_paypal, carry, due_now, kinds, row, rows


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
    with ctx.db.begin() as session:
        dropped = session.scalars(select(TimelineEntry).where(TimelineEntry.kind == "pause_withdrawn")).one()
        assert dropped.actor is Actor.SYSTEM, "the customer asked for the end, and withdrew nothing"
        assert dropped.details["is_for_end"]


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
    end_carrying.carry_out(ctx, subscription.merchant_id, end.request_id, patience=PATIENT)
    paypal.clear_rules()
    (only,) = make.requests(subscription)
    assert only.state is RequestState.RETRYING
    end_withdrawals.withdraw(ctx, subscription.merchant_id, subscription.customer_id, only.reference, now=utc_now())
    former, again = rows(ctx, subscription, PauseKind.RESUME)
    assert (former.state, again.state) == (PauseState.WITHDRAWN, PauseState.RECORDED)
    assert again.due_at == former.due_at


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


def test_a_resume_that_a_replaced_plan_gives_back_gives_way_to_the_end_that_replaces_it(ctx, make, subscription):
    """Both in one transaction: what the lock saw, no open resume, is no longer so when the new end is written."""
    carry(ctx, ask(ctx, subscription))
    planned = wish_of(subscription, actor=Actor.STAFF, role=Role.SUPPORT, customer_id=None)
    in_sixty_days = (utc_now() + timedelta(days=60)).date()
    end_requests.record(ctx, replace(planned, wished_on=in_sixty_days), now=utc_now())
    assert [one.is_open for one in rows(ctx, subscription, PauseKind.RESUME)] == [False]
    end_requests.record(ctx, planned, now=utc_now())
    assert [one.is_open for one in rows(ctx, subscription, PauseKind.RESUME)] == [False, False]


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

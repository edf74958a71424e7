"""Plans of staff and of customers for the same subscription, and what becomes of them."""

from __future__ import annotations

import dataclasses
import re

import pytest
from babel.dates import format_date
from sqlalchemy.exc import NoResultFound

from portal.clock import utc_now
from portal.domain.ends.end_requests import RequestState
from portal.domain.ends.received_requests import Way
from portal.domain.errors import NotAllowed
from portal.domain.policies import Actor
from portal.domain.subscriptions import Action, Status
from portal.models import ReceivedRequest
from portal.queries import inbox
from portal.services.carrying import end_carrying
from portal.services.ends import end_requests, end_withdrawals
from portal.services.inbox import received_requests
from portal.services.inbox.received_requests import Declaration
from tests.services.carrying.carried import ask, carry, mails, row, wish_of
from tests.services.dates.planning import days_ahead, letters


def test_staff_plan_an_end_and_take_it_back_but_not_a_customers(ctx, make, paypal, subscription):
    wish = wish_of(subscription, Action.COMPLETE, actor=Actor.STAFF)
    planned = ask(ctx, make, subscription, Action.COMPLETE, actor=Actor.STAFF, wished_on=days_ahead(subscription, 40))
    end_withdrawals.withdraw_planned(ctx, wish, planned.id, now=utc_now())
    assert row(ctx, planned.id).state is RequestState.WITHDRAWN
    assert make.reload(subscription).end_requested_at is None

    own = ask(ctx, make, subscription, wished_on=days_ahead(subscription, 40))
    with pytest.raises(NoResultFound):
        end_withdrawals.withdraw_planned(ctx, wish, own.id, now=utc_now())
    reader = dataclasses.replace(wish, role="reader")
    with pytest.raises(NotAllowed):
        end_withdrawals.withdraw_planned(ctx, reader, own.id, now=utc_now())
    assert row(ctx, own.id).state is RequestState.RECORDED


def test_the_mail_of_a_planned_end_names_the_chosen_day_among_what_was_declared(ctx, make, subscription):
    day = days_ahead(subscription, 40)
    ask(ctx, make, subscription, wished_on=day)
    (told,) = letters(ctx, "end_recorded")
    declared = told.partition("Ce que vous avez déclaré")[2]
    month = format_date(day, "MMMM y", locale="fr")
    assert re.search(rf"Date de résiliation souhaitée.* {day.day}(er)? {month}", declared)


def test_an_end_whose_day_has_come_is_not_taken_back(ctx, make, paypal, subscription):
    paypal.rule("show", "500")
    request = carry(ctx, ask(ctx, make, subscription, actor=Actor.STAFF))
    assert (request.is_open, request.sent_at) == (True, None)
    with pytest.raises(NotAllowed):
        end_withdrawals.withdraw_planned(ctx, wish_of(subscription, actor=Actor.STAFF), request.id, now=utc_now())


def test_a_customer_may_stop_before_the_day_that_staff_planned(ctx, make, paypal, subscription):
    planned = ask(ctx, make, subscription, Action.COMPLETE, actor=Actor.STAFF, wished_on=days_ahead(subscription, 80))
    own = carry(ctx, ask(ctx, make, subscription))
    assert (row(ctx, planned.id).state, own.state) == (RequestState.WITHDRAWN, RequestState.CONFIRMED)
    assert make.reload(subscription).status is Status.CANCELLED


def test_a_customer_who_would_stop_later_keeps_the_day_that_staff_planned(ctx, make, subscription):
    planned = ask(ctx, make, subscription, Action.COMPLETE, actor=Actor.STAFF, wished_on=days_ahead(subscription, 40))
    later = end_requests.record(ctx, wish_of(subscription, wished_on=days_ahead(subscription, 100)), now=utc_now())
    assert (later.request_id, later.is_new) == (planned.id, False)


def test_staff_cannot_put_off_the_end_that_a_customer_asked_for(ctx, make, subscription):
    own = ask(ctx, make, subscription, wished_on=days_ahead(subscription, 40))
    for day in (300, 25):  # a sooner plan neither: staff could take it back, and the customer would be forgotten
        plan = wish_of(subscription, Action.COMPLETE, actor=Actor.STAFF, wished_on=days_ahead(subscription, day))
        recorded = end_requests.record(ctx, plan, now=utc_now())
        assert (recorded.request_id, recorded.is_new) == (own.id, False)
    assert row(ctx, own.id).state is RequestState.RECORDED
    sooner = wish_of(subscription, Action.COMPLETE, actor=Actor.STAFF)
    assert end_requests.record(ctx, sooner, now=utc_now()).is_new


def test_nothing_about_a_replaced_request_is_mailed_afterwards(ctx, make, paypal, subscription):
    ask(ctx, make, subscription, wished_on=days_ahead(subscription, 40))
    carry(ctx, ask(ctx, make, subscription, actor=Actor.STAFF))
    assert mails(ctx, "waiting") == ["end_confirmed"]


def test_a_customer_who_stood_behind_staffs_plan_is_not_forgotten_when_staff_take_it_back(ctx, make, subscription):
    planned = ask(ctx, make, subscription, Action.COMPLETE, actor=Actor.STAFF, wished_on=days_ahead(subscription, 40))
    later = wish_of(subscription, wished_on=days_ahead(subscription, 100), reason_text="Je déménage")
    noted = {end_requests.record(ctx, later, now=utc_now()).noted for _click in range(2)}
    assert len(noted) == 1, "a second click is the same wish"
    assert mails(ctx).count("request_received") == 1
    end_withdrawals.withdraw_planned(ctx, wish_of(subscription, actor=Actor.STAFF), planned.id, now=utc_now())
    with ctx.db.read() as session:
        waiting = [item.about for item in inbox.page(session, subscription.merchant_id, now=utc_now()).items]
    assert [(one.reference, one.wished_on, one.message) for one in waiting] == [
        (*noted, days_ahead(subscription, 100), "Je déménage")
    ]


def test_a_planned_end_is_not_sent_before_its_day_even_by_the_desks_button(ctx, make, paypal, subscription):
    request = ask(ctx, make, subscription, wished_on=days_ahead(subscription, 40))
    end_carrying.carry_out(ctx, request.merchant_id, request.id, insist=True)
    assert row(ctx, request.id).state is RequestState.RECORDED
    assert len(paypal.calls) == 0


def test_a_letter_stays_answered_when_another_end_takes_the_place(ctx, make, paypal, merchant, subscription):
    letter = Declaration(merchant_id=merchant.id, received_at=utc_now(), way=Way.LETTER, name="Claire", email=None)
    received = received_requests.record(ctx, letter, now=utc_now())
    planned = ask(
        ctx,
        make,
        subscription,
        actor=Actor.STAFF,
        wished_on=days_ahead(subscription, 40),
        received_request_id=received.id,
    )
    sooner = ask(ctx, make, subscription, actor=Actor.STAFF)
    with ctx.db.read() as session:
        stored = session.get_one(ReceivedRequest, received.id)
    assert row(ctx, planned.id).state is RequestState.WITHDRAWN
    assert (stored.is_open, stored.end_request_id) == (False, sooner.id)

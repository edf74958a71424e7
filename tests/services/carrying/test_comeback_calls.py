"""Asking PayPal for a new subscription: every answer has its way, and there is never a second one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from portal.clock import utc_now
from portal.demo.simulator.records import stamp
from portal.domain.ends.comebacks import ComebackState, ComebackTrouble
from portal.extensions import Busy
from portal.models import Comeback, PayPalAccount, Subscription
from portal.services import comebacks
from portal.services.carrying import answers, comeback_calls, comeback_watching
from portal.services.carrying.comeback_watching import Looked
from tests.services.carrying.carried import Killed
from tests.services.carrying.coming_back import QUICK


@pytest.mark.parametrize(
    ("operation", "behaviour", "trouble"),
    [
        ("create", "422-plan-status-invalid", ComebackTrouble.PLAN_NOT_SOLD),
        ("create", "404", ComebackTrouble.PLAN_NOT_SOLD),
        ("create", "400", ComebackTrouble.REFUSED),
        ("create", "403", ComebackTrouble.KEY_REFUSED),
        ("show_plan", "404", ComebackTrouble.PLAN_NOT_SOLD),
        ("token", "401", ComebackTrouble.KEY_REFUSED),
        ("show", "404", ComebackTrouble.OLD_STILL_LIVE),
        ("create", "500", None),
        ("create", "429", None),
        ("create", "html-502", None),
        ("create", "cut", None),
        ("show", "500", None),
    ],
)
def test_each_answer_of_paypal(way, paypal, operation, behaviour, trouble):
    one = way()
    paypal.rule(operation, behaviour)
    row = one.create()
    assert one.made() == []
    if trouble is None:
        assert row.state is ComebackState.CREATING
        assert row.next_try_at > utc_now()
        paypal.clear_rules()
        one.set(row, created_at=row.created_at, claimed_at=None)
        with one.ctx.db.begin() as session:
            session.execute(update(Comeback).values(next_try_at=utc_now()))
        calm(one)
        comeback_watching.carry_on(one.ctx, one.old.merchant_id, row.id)
        assert one.row(row.id).state is ComebackState.WAITING
    else:
        assert (row.state, row.trouble, row.next_try_at) == (ComebackState.FAILED, trouble, None)
        assert one.timeline() == {"comeback_started": 1, "comeback_given_up": 1}
        paypal.clear_rules()
        again = one.create()
        assert (again.state, again.id != row.id) == (ComebackState.WAITING, True)


def test_what_paypal_made_is_written_although_somebody_holds_the_row_for_a_moment(way, paypal, monkeypatch):
    one, met = way(), []
    real = comeback_calls._lock

    def lock(session, claim):
        if claim is not None and paypal.count("create") and len(met) < answers.WRITES - 1:
            met.append(claim)
            raise Busy("SELECT", None, Exception("held"))
        return real(session, claim)

    monkeypatch.setattr(comeback_calls, "_lock", lock)
    assert one.create().state is ComebackState.WAITING
    assert len(met) == answers.WRITES - 1
    assert paypal.count("create") == 1


def calm(one):
    """PayPal's « too many » is over."""
    with one.ctx.db.begin() as session:
        session.execute(update(PayPalAccount).values(calm_until=None))


def test_an_inactive_plan_is_not_even_asked_for(way, paypal):
    one = way()
    paypal.state.plans[one.old.plan.provider_id].status = "INACTIVE"
    assert one.create().trouble is ComebackTrouble.PLAN_NOT_SOLD
    assert paypal.count("create") == 0


def test_never_a_second_one_while_the_first_is_live_at_paypal(way, paypal):
    one = way()
    live = paypal.add_subscription()
    with one.ctx.db.begin() as session:
        session.execute(update(Subscription).values(provider_id=live.id))
    row = one.create()
    assert (row.state, row.trouble) == (ComebackState.FAILED, ComebackTrouble.OLD_STILL_LIVE)
    assert paypal.count("create") == 0
    assert one.timeline()["end_requested"] == 1, "and it is ended there again"


def test_a_payment_made_since_the_end_moves_the_start(way, paypal):
    one = way(paid_days=-3)
    at_paypal = paypal.subscriptions[one.old.provider_id]
    at_paypal.last_payment = {"amount": "29.90", "time": stamp(utc_now())}
    row = one.create()
    assert row.start_at is not None
    assert row.start_at > utc_now() + timedelta(days=18), "the end of the period, from the start, that it falls into"


def test_an_answer_that_was_lost_leads_to_one_subscription(way, paypal):
    one = way()
    paypal.rule("create", "silent", 1, seconds=1.0)
    row = one.create(patience=QUICK)
    assert row.state is ComebackState.CREATING
    (made,) = one.made()
    again = one.create(comebacks.Started(comeback_id=row.id, is_new=False))
    assert (again.state, again.provider_id, again.attempts) == (ComebackState.WAITING, made.id, 2)
    assert len(one.made()) == 1


def test_a_lost_answer_and_an_approval_meanwhile(way, paypal):
    """PayPal gives the same answer again, now past the approval: it is taken in, with no link to show."""
    one = way()
    paypal.rule("create", "silent", 1, seconds=1.0)
    row = one.create(patience=QUICK)
    (made,) = one.made()
    paypal.happen(made.id, "buyer-approves")
    with one.ctx.db.begin() as session:
        session.execute(update(Comeback).values(next_try_at=utc_now()))
    comeback_watching.carry_on(one.ctx, one.old.merchant_id, row.id)
    assert one.row(row.id).state is ComebackState.APPROVED
    assert len(one.arrived()) == 1


def test_paypal_is_asked_for_an_hour_and_then_the_customer_may_start_anew(way, paypal):
    one = way()
    paypal.rule("create", "500")
    row = one.create()
    one.set(row, created_at=utc_now() - timedelta(minutes=61))
    row = one.create(comebacks.Started(comeback_id=row.id, is_new=False))
    assert (row.state, row.trouble) == (ComebackState.FAILED, ComebackTrouble.NO_ANSWER)


@pytest.mark.parametrize("point", ["before the claim", "after the claim", "before the call", "after the call"])
def test_16_killed_at_each_point_there_is_one_subscription_and_one_outcome(way, paypal, monkeypatch, point):
    one = way()
    started = one.start()

    def die(*_args, **_more):
        raise Killed

    with monkeypatch.context() as patch:
        if point == "after the claim":
            patch.setattr(comeback_calls, "_ask", die)
        elif point == "before the call":
            patch.setattr("portal.providers.paypal.client.PayPalGateway.create_subscription", die)
        elif point == "after the call":
            patch.setattr(comeback_calls, "_settle", die)
        if point != "before the claim":
            with pytest.raises(Killed):
                one.create(started)
    assert len(one.made()) == (1 if point == "after the call" else 0)
    with one.ctx.db.begin() as session:  # the time of the claim passes
        past = utc_now() - timedelta(minutes=5)
        session.execute(update(Comeback).values(claimed_at=past, next_try_at=past))
    assert comebacks.sweep(one.ctx, now=utc_now()) == 1
    comeback_watching.carry_on(one.ctx, one.old.merchant_id, started.comeback_id)
    row = one.row(started.comeback_id)
    assert row.state is ComebackState.WAITING
    assert len(one.made()) == 1
    one.choose(row)
    assert one.look(row) is Looked.APPROVED
    assert one.mails() == {"comeback_approved": 1, "merchant_comeback_approved": 1}


def test_a_second_process_leaves_a_fresh_claim_alone(way):
    one = way()
    started = one.start()
    with one.ctx.db.begin() as session:
        session.execute(update(Comeback).values(state="creating", claimed_at=utc_now()))
    assert one.create(started).state is ComebackState.CREATING
    assert one.made() == []

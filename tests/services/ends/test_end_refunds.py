"""A refund decided with an end: shown with it, asked for after PayPal's word, and never before."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.ends.end_requests import RequestState
from portal.domain.errors import NotAllowed
from portal.domain.law.withdrawals import RefundDuty
from portal.domain.money.refunds import CannotRefund, RefundState, WithEnd, WithEndState
from portal.domain.policies import Actor, Role
from portal.domain.subscriptions import Action, Status
from portal.models import EndRefund, EndRequest, Refund
from portal.services.ends import end_refunds, end_requests
from portal.services.money import refunds, withdrawal_refunds
from portal.services.money.withdrawal_refunds import RefundUnderWay
from tests.services.carrying.carried import carry, row, wish_of
from tests.services.ends.withdrawing import STAFF, declare, stored
from tests.services.money.late_money import ANNE, refund, show
from tests.services.money.test_given_back import by_hand, now_of, taken
from tests.services.money.test_given_back import carry as carry_refund


@pytest.fixture
def paying(make):
    make.merchant()
    return make.subscription(next_payment_at=utc_now() + timedelta(days=20))


@pytest.fixture
def paid(ctx, paypal, paying):
    return taken(ctx, paypal, paying)


def end(ctx, make, paying, choice, amount, **changes):
    wish = wish_of(make.reload(paying), actor=Actor.STAFF, role=Role.MANAGER, actor_id=uuid.uuid4())
    wish = replace(wish, refund=choice, refund_amount=Decimal(amount), **changes)
    return end_requests.record(ctx, wish, now=utc_now()).request_id


def decided(ctx) -> EndRefund:
    with ctx.db.read() as session:
        return session.scalars(select(EndRefund)).one()


def sums(ctx, make, paying, payment):
    return end_refunds.offered(make.reload(paying), payment, time_zone="Europe/Paris", now=utc_now())


def test_it_is_asked_for_once_paypal_has_confirmed_the_end(ctx, make, paypal, paying, paid):
    request_id = end(ctx, make, paying, WithEnd.LAST_PAYMENT, "29.90")
    assert decided(ctx).state is WithEndState.WAITING
    paypal.rule("cancel", "500")
    assert carry(ctx, row(ctx, request_id)).state is not RequestState.CONFIRMED
    with ctx.db.read() as session:
        assert session.scalars(select(Refund)).all() == [], "nothing goes back while PayPal may still take money"
    paypal.clear_rules()
    assert carry(ctx, row(ctx, request_id)).state is RequestState.CONFIRMED
    asked = refund(ctx, decided(ctx).refund_id)
    assert (asked.amount, asked.state) == (Decimal("29.90"), RefundState.RECORDED)
    assert carry_refund(ctx, paid, asked.id).state is RefundState.DONE
    assert now_of(ctx, paid).left == 0


def test_the_unused_days_are_a_part_of_it(ctx, make, paypal, paying, paid):
    found = sums(ctx, make, paying, paid)
    part = found[WithEnd.UNUSED]
    assert 0 < part.amount < found[WithEnd.LAST_PAYMENT].amount == Decimal("29.90")
    request_id = end(ctx, make, paying, WithEnd.UNUSED, str(part.amount))
    carry(ctx, row(ctx, request_id))
    carry_refund(ctx, paid, decided(ctx).refund_id)
    assert now_of(ctx, paid).left == Decimal("29.90") - part.amount


@pytest.mark.parametrize(("choice", "amount"), [(WithEnd.LAST_PAYMENT, "29.89"), (WithEnd.UNUSED, "29.90")])
def test_another_sum_than_was_shown_ends_nothing(ctx, make, paypal, paying, paid, choice, amount):
    with pytest.raises(CannotRefund):
        end(ctx, make, paying, choice, amount)
    with ctx.db.read() as session:
        assert session.scalars(select(EndRequest)).all() == []


def test_support_may_end_and_give_nothing_back(ctx, make, paypal, paying, paid):
    with pytest.raises(NotAllowed):
        end(ctx, make, paying, WithEnd.LAST_PAYMENT, "29.90", role=Role.SUPPORT)


def test_a_planned_end_takes_none_along(ctx, make, paypal, paying, paid):
    later = (utc_now() + timedelta(days=60)).date()
    with pytest.raises(CannotRefund):
        end(ctx, make, paying, WithEnd.LAST_PAYMENT, "29.90", wished_on=later)


def test_what_went_back_meanwhile_is_not_sent_again(ctx, make, paypal, paying, paid):
    request_id = end(ctx, make, paying, WithEnd.LAST_PAYMENT, "29.90")
    paypal.happen(paying.provider_id, "refund")
    show(ctx, paying, paypal.subscriptions[paying.provider_id].payments[-1])
    carry(ctx, row(ctx, request_id))
    assert (decided(ctx).state, decided(ctx).refund_id) == (WithEndState.NOTHING_LEFT, None)
    assert paypal.count("refund") == 0


def test_while_it_waits_nobody_says_that_a_withdrawal_was_paid_another_way(ctx, make, paypal, paying, paid):
    """PayPal confirms the end later, and the refund is then made: it would be paid twice."""
    end(ctx, make, paying, WithEnd.LAST_PAYMENT, "29.90")
    found = declare(ctx, make.reload(paying), now=utc_now())
    with pytest.raises(RefundUnderWay):
        withdrawal_refunds.close(
            ctx, found.merchant_id, found.id, RefundDuty.OTHERWISE, by=STAFF, note="Virement", now=utc_now()
        )
    assert stored(ctx).is_open


def test_while_it_waits_no_other_refund_of_the_payment_begins(ctx, make, paypal, paying, paid):
    end(ctx, make, paying, WithEnd.LAST_PAYMENT, "29.90")
    with pytest.raises(CannotRefund) as refused:
        refunds.record(ctx, paid.merchant_id, paid.id, ANNE, amount=Decimal("5"), now=utc_now())
    assert refused.value.why == "with_end"


def test_a_part_that_went_back_by_hand_meanwhile_counts_towards_it(ctx, make, paypal, paying, paid):
    request_id = end(ctx, make, paying, WithEnd.LAST_PAYMENT, "29.90")
    by_hand(ctx, paypal, paying, "9.90")
    carry(ctx, row(ctx, request_id))
    assert refund(ctx, decided(ctx).refund_id).amount == Decimal("20.00")


def test_an_end_that_came_meanwhile_is_not_made_abandoned_without_its_refund(ctx, make, paypal, paying, paid):
    """What the page showed belongs together: the refund must not be lost while our own word changes."""
    end_requests.record(ctx, wish_of(make.reload(paying)), now=utc_now())
    with ctx.db.read() as session:
        asked = session.scalars(select(EndRequest)).one()
    carry(ctx, asked)
    with pytest.raises(CannotRefund):
        end(ctx, make, paying, WithEnd.LAST_PAYMENT, "29.90", action=Action.ABANDON)
    assert make.reload(paying).status is Status.CANCELLED


def test_an_end_that_somebody_else_asked_for_meanwhile_takes_no_refund_along_unsaid(ctx, make, paypal, paying, paid):
    end_requests.record(ctx, wish_of(make.reload(paying)), now=utc_now())
    with pytest.raises(CannotRefund):
        end(ctx, make, paying, WithEnd.LAST_PAYMENT, "29.90")


def test_a_second_click_gets_the_first_one_with_its_refund(ctx, make, paypal, paying, paid):
    first = end(ctx, make, paying, WithEnd.LAST_PAYMENT, "29.90")
    assert end(ctx, make, paying, WithEnd.LAST_PAYMENT, "29.90") == first
    assert decided(ctx).amount == Decimal("29.90")

"""What the law wants refunded is open money: neither a customer, a merchant nor a payment goes before it is settled."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from portal.clock import utc_now
from portal.domain.law.withdrawals import RefundDuty
from portal.domain.people.customer_erasures import Hold
from portal.models import Customer, Mail, MailState
from portal.queries.law import retention
from portal.queries.merchants import customer_erasures, departures
from portal.services.money import withdrawal_refunds
from portal.services.renewals import advances
from tests.services.carrying.carried import ask, carry
from tests.services.ends.withdrawing import STAFF, declare, request_of, stored
from tests.services.renewals.test_advances import bound, free, owed

__all__ = ["bound"]


def open_of(ctx, subscription):
    """What holds the customer, what holds the merchant, and the payments that may go."""
    now = utc_now()
    with ctx.db.begin() as session:
        session.execute(update(Mail).values(state=MailState.SENT))
    with ctx.db.read() as session:
        customer = session.get_one(Customer, subscription.customer_id)
        old = session.scalars(retention.old_payments(subscription.merchant_id, before=now, limit=9)).all()
        return (
            customer_erasures.holds(session, customer, now=now),
            departures.of(session, subscription.merchant_id, now=now).holds_back,
            len(old),
        )


@pytest.mark.law("R-FR-33")
def test_the_refund_of_a_withdrawal_is_waited_for(ctx, make, paypal, now):
    taken = make.subscription(started_at=now - timedelta(days=5))
    make.payment(taken, 5)
    carry(ctx, request_of(ctx, declare(ctx, taken, now=now)))
    assert open_of(ctx, taken) == ({Hold.REFUND: 1}, {"refunds": 1}, 0)
    found = stored(ctx)
    withdrawal_refunds.close(
        ctx, taken.merchant_id, found.id, RefundDuty.OTHERWISE, by=STAFF, note="transfer", now=utc_now()
    )
    assert open_of(ctx, taken) == ({}, {}, 1)


@pytest.mark.law("R-FR-23")
def test_so_is_what_was_paid_ahead_of_a_term_that_was_not_told(ctx, make, paypal, bound):
    make.payment(bound, 10)
    free(ctx, bound, since=utc_now() - timedelta(days=12))
    carry(ctx, ask(ctx, make, bound))
    assert open_of(ctx, bound) == ({Hold.REFUND: 1}, {"refunds": 1}, 0)
    (task,) = owed(ctx)
    advances.settle(ctx, bound.merchant_id, task.id, by=STAFF, now=utc_now())
    assert open_of(ctx, bound) == ({}, {}, 1)

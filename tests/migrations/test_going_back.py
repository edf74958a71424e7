"""Sums of what went back, and the paid time without what a late payment added, with data in them, down and up."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import psycopg
from alembic.script import ScriptDirectory

from portal.domain.money.late_payments import LateState
from portal.migrating import alembic_config, downgrade, upgrade
from portal.models import PaymentState
from tests.services.money.late_money import alarms, charged, payment_of, show, stopped, told


def test_0014_keeps_what_was_told_and_the_time_that_was_paid_at_the_stop(make, ctx, database_url, paypal):
    make.merchant()
    quiet, taken, part = (stopped(ctx, make, paypal) for _ in range(3))
    for ended, kind, size in ((taken, "reversal", "29.90"), (part, "refund", "10.00")):
        paid = charged(paypal, ended)
        paid.amount = "29.90"
        show(ctx, ended, paid, told=told(paid, kind, size)) if kind == "refund" else show(ctx, ended, paid)
        if kind == "reversal":
            show(ctx, ended, paid, told=told(paid, kind, size))
    before = ScriptDirectory.from_config(alembic_config(database_url)).get_revision("0014").down_revision
    downgrade(database_url, str(before))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE subscriptions SET paid_until = paid_until + interval '30 days', unbilled_at = paid_until"
            " WHERE id = ANY(%s)",
            [[taken.id, part.id]],
        )
    upgrade(database_url)
    assert make.reload(quiet).stop_paid_until == quiet.paid_until
    assert make.reload(taken).stop_paid_until == taken.paid_until
    assert make.reload(taken).paid_until == taken.paid_until + timedelta(days=30)
    late = {one.subscription_id: one for one in alarms(ctx)}
    gone, open_ = payment_of(ctx, late[taken.id]), payment_of(ctx, late[part.id])
    assert (late[taken.id].state, late[taken.id].told_back) == (LateState.REFUNDED, Decimal("29.90"))
    assert (gone.state, gone.left, gone.taken_back) == (PaymentState.REVERSED, 0, Decimal("29.90"))
    assert (late[part.id].state, late[part.id].told_back, open_.left) == (
        LateState.OPEN,
        Decimal("10.00"),
        Decimal("19.90"),
    )

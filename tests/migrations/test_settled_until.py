"""0063: what staff had said before reaches as far as the day on which they said it."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from portal.domain.ends.end_requests import Channel
from portal.domain.law.withdrawals import RefundDuty, Verdict
from portal.domain.policies import Actor
from portal.migrating import downgrade, upgrade
from portal.models import Withdrawal


@pytest.mark.law("R-FR-33")
@pytest.mark.parametrize("closed_by", ["Anne", ""])
def test_the_word_of_staff_is_dated_and_what_paypal_did_is_not(make, ctx, database_url, now, closed_by):
    subscription = make.subscription(at_paypal=False)
    make.add(
        Withdrawal(
            merchant_id=subscription.merchant_id,
            subscription_id=subscription.id,
            reference="AB7D-4TXD",
            declared_at=now,
            verdict=Verdict.IN_TIME,
            actor=Actor.CUSTOMER,
            channel=Channel.PUBLIC_PAGE,
            refund=RefundDuty.OTHERWISE,
            refund_due_at=now + timedelta(days=14),
            closed_at=now,
            closed_by=closed_by,
        ),
    )
    ctx.db.dispose()
    for _again in range(2):
        downgrade(database_url, "0062")
        upgrade(database_url)
        with psycopg.connect(database_url) as connection:
            settled = connection.execute("SELECT settled_until FROM withdrawals").fetchone()
            assert settled == (now if closed_by else None,)

"""0020: a letter whose planned end was taken back finds again the subscription that it had been matched to."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from portal.domain.policies import Actor
from portal.migrating import downgrade, upgrade
from portal.services.ends import end_withdrawals
from tests.services.carrying.carried import wish_of
from tests.services.inbox.notified import by_letter, staff_ask

pytestmark = pytest.mark.exhaustive


def test_what_the_timeline_knows_is_suggested_again_and_goes_down_and_up(make, ctx, database_url, now):
    merchant = make.merchant()
    held = make.subscription(merchant=merchant, at_paypal=False)
    answered, never = (by_letter(ctx, held.customer, now=now - timedelta(days=2)) for _ in range(2))
    day = (now + timedelta(days=70)).date()
    planned = staff_ask(ctx, held, now=now, received=answered, wished_on=day)
    end_withdrawals.withdraw_planned(ctx, wish_of(held, actor=Actor.STAFF), planned.request_id, now=now)
    ctx.db.dispose()
    for _again in range(2):
        downgrade(database_url, "0019")
        upgrade(database_url)
        with psycopg.connect(database_url) as connection:
            rows = connection.execute("SELECT id, suggested_subscription_id FROM received_requests").fetchall()
        assert dict(rows) == {answered.id: held.id, never.id: None}

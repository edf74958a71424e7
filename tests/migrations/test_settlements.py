"""0043: settlements come and go; a timeline keeps what the version before knows."""

from __future__ import annotations

import psycopg
import pytest
from alembic.script import ScriptDirectory

from portal.domain.money.settlements import SettlementState
from portal.domain.subscriptions import Status
from portal.migrating import alembic_config, downgrade, upgrade
from portal.models import Settlement, TimelineEntry, TimelineKind

pytestmark = pytest.mark.exhaustive


def test_what_was_asked_goes_on_the_way_down_and_everything_else_stays(make, ctx, database_url, now):
    subscription = make.subscription(at_paypal=False, status=Status.PAST_DUE)
    mine = {"merchant_id": subscription.merchant_id, "subscription_id": subscription.id}
    make.add(
        Settlement(**mine, amount=29.9, currency="EUR", state=SettlementState.RECORDED),
        *(
            TimelineEntry(**mine, at=now, key=kind, actor="system", kind=kind, details={})
            for kind in (TimelineKind.SETTLEMENT_REQUESTED, TimelineKind.SETTLED, TimelineKind.STATUS_SEEN)
        ),
    )
    before = ScriptDirectory.from_config(alembic_config(database_url)).get_revision("0043").down_revision
    ctx.db.dispose()
    for _again in range(2):
        downgrade(database_url, str(before))
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT kind FROM timeline_entries").fetchall() == [("status_seen",)]
            assert connection.execute("SELECT to_regclass('settlements')").fetchone() == (None,)
        upgrade(database_url)
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT count(*) FROM settlements").fetchone() == (0,)
            connection.execute("UPDATE timeline_entries SET kind = 'settled'")
            connection.rollback()

"""0013: the wished day of ends that wait already is read back from its first moment in the merchant's zone."""

from __future__ import annotations

from datetime import UTC, date, datetime

import psycopg
import pytest

from portal.domain.dates.end_dates import WaitReason
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.migrating import downgrade, upgrade
from portal.models import EndRequest

pytestmark = pytest.mark.exhaustive


ZONES = {
    "Europe/Paris": datetime(2027, 7, 14, 22, tzinfo=UTC),
    "Indian/Reunion": datetime(2027, 7, 14, 20, tzinfo=UTC),
    "America/Guadeloupe": datetime(2027, 7, 15, 4, tzinfo=UTC),
}


def test_down_and_up_keep_the_plan_and_find_the_wished_day(make, ctx, database_url):
    waits = {}
    for zone, midnight in ZONES.items():
        merchant = make.merchant(time_zone=zone)
        for reason in WaitReason:
            held = make.subscription(merchant=merchant, at_paypal=False)
            request = EndRequest(
                merchant_id=merchant.id,
                subscription_id=held.id,
                reference=f"{zone[-4:].upper()}-{reason[:4].upper()}",
                outcome=Status.CANCELLED,
                actor=Actor.CUSTOMER,
                channel="portal",
                shown={},
                wished_on=date(2027, 7, 15) if reason is WaitReason.WISH else None,
                owed_until=midnight,
                wait_reason=reason,
                due_at=datetime(2027, 8, 1, tzinfo=UTC),
            )
            make.add(request)
            waits[request.reference] = request.wished_on
    assert len(waits) == len(ZONES) * len(WaitReason)
    ctx.db.dispose()
    downgrade(database_url, "0012")
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT reference, wished_on, awaited_at, due_at FROM end_requests").fetchall()
    assert {row[0]: row[1] for row in rows} == waits
    assert {row[2:] for row in rows} == {(None, datetime(2027, 8, 1, tzinfo=UTC))}, "what was promised stands"

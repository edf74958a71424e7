"""0059: withdrawals come and go; what the version before knows stays, and it can write beside the new schema."""

from __future__ import annotations

import uuid
from datetime import timedelta

import psycopg
import pytest
from alembic.script import ScriptDirectory

from portal.domain.ends.end_requests import Channel
from portal.domain.law.withdrawals import ConsentKind, ConsentWay, RefundDuty, Verdict
from portal.domain.policies import Actor
from portal.migrating import alembic_config, downgrade, upgrade
from portal.models import ContractConsent, TimelineEntry, TimelineKind, Withdrawal

pytestmark = pytest.mark.exhaustive


@pytest.mark.law("R-FR-34")
def test_what_was_withdrawn_goes_on_the_way_down_and_everything_else_stays(make, ctx, database_url, now):
    subscription = make.subscription(at_paypal=False)
    mine = {"merchant_id": subscription.merchant_id, "subscription_id": subscription.id}
    make.add(
        Withdrawal(
            **mine,
            reference="AB7D-4TXD",
            declared_at=now,
            verdict=Verdict.IN_TIME,
            actor=Actor.CUSTOMER,
            channel=Channel.PUBLIC_PAGE,
            refund=RefundDuty.OPEN,
            refund_due_at=now + timedelta(days=14),
        ),
        ContractConsent(**mine, kind=ConsentKind.INFORMED, is_given=True, at=now, way=ConsentWay.SITE),
        *(
            TimelineEntry(**mine, at=now, key=kind, actor="system", kind=kind, details={})
            for kind in (TimelineKind.WITHDRAWN, TimelineKind.WITHDRAWAL_CLOSED, TimelineKind.STATUS_SEEN)
        ),
    )
    before = ScriptDirectory.from_config(alembic_config(database_url)).get_revision("0059").down_revision
    ctx.db.dispose()
    for _again in range(2):
        downgrade(database_url, str(before))
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT kind FROM timeline_entries").fetchall() == [("status_seen",)]
            assert connection.execute("SELECT to_regclass('withdrawals')").fetchone() == (None,)
        upgrade(database_url)
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT count(*) FROM withdrawals").fetchone() == (0,)
            connection.execute(  # as the version before writes it, which does not know what is new
                "INSERT INTO received_requests (id, created_at, merchant_id, reference, received_at, way, name,"
                " contract, message, recorded_by, state, open_since, dismissal, settled_by) VALUES"
                " (%s, now(), %s, 'x', now(), 'letter', 'Zoé', '', '', '', 'open', now(), '', '')",
                [uuid.uuid4(), subscription.merchant_id],
            )
            assert connection.execute("SELECT function FROM received_requests").fetchone() == ("cancellation",)
            connection.rollback()

"""0057: plans keep their rows and take the usual kind; what is known of renewals goes on the way down."""

from __future__ import annotations

from datetime import date

import psycopg
import pytest
from alembic.script import ScriptDirectory

from portal.domain.law.renewals import ReminderState
from portal.migrating import alembic_config, downgrade, upgrade
from portal.models import Plan, RenewalReminder

pytestmark = pytest.mark.exhaustive


def test_plans_of_before_are_open_ended_and_unanswered(make, ctx, database_url, now):
    subscription = make.subscription(at_paypal=False)
    mine = {"merchant_id": subscription.merchant_id, "subscription_id": subscription.id}
    plan = Plan(
        merchant_id=subscription.merchant_id,
        product_id=subscription.product_id,
        environment="sandbox",
        provider_id="P-1",
        name="Yearly",
        read_at=now,
    )
    make.add(plan, RenewalReminder(**mine, state=ReminderState.MISSED, renews_on=date(2027, 1, 1)))
    before = ScriptDirectory.from_config(alembic_config(database_url)).get_revision("0057").down_revision
    ctx.db.dispose()
    for _again in range(2):
        downgrade(database_url, str(before))
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT name FROM plans WHERE provider_id = 'P-1'").fetchall() == [("Yearly",)]
            assert connection.execute("SELECT to_regclass('renewal_reminders')").fetchone() == (None,)
        upgrade(database_url)
        with psycopg.connect(database_url) as connection:
            found = connection.execute("SELECT kind, kind_answered_at, supply FROM plans WHERE provider_id = 'P-1'")
            assert found.fetchall() == [("open_ended", None, None)]
            assert connection.execute("SELECT count(*) FROM renewal_reminders").fetchone() == (0,)


@pytest.mark.parametrize(
    "wrong",
    ["kind = 'tacit_renewal'", "kind = 'instalments'", "term_months = 12", "supply = 'at_once'", "kind = 'rent'"],
)
def test_a_plan_cannot_have_half_an_answer(make, database_url, wrong):
    make.subscription(at_paypal=False)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM plans").fetchone() == (1,)
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(f"UPDATE plans SET {wrong}")  # noqa: S608 - our own words
        connection.rollback()

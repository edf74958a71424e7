"""0034: what came back was, for an older version, taken by the mail server; the rest stays as it is."""

from __future__ import annotations

import uuid

import psycopg
import pytest

from portal.migrating import downgrade, upgrade
from portal.models import Mail, MailState, TimelineEntry, TimelineKind

pytestmark = pytest.mark.exhaustive


def test_messages_stay_and_what_was_reported_is_forgotten_on_the_way_down(make, ctx, database_url, now):
    subscription = make.subscription(at_paypal=False)
    for number, state in enumerate((MailState.RETURNED, MailState.REFUSED, MailState.SENT)):
        make.add(
            Mail(
                id=uuid.uuid4(), merchant_id=subscription.merchant_id, key=str(number), kind="end_confirmed",
                recipient="zoe@client.test", language="fr", subject="s", content=b"c", message_id=str(number),
                state=state, send_at=now, report_code="5.1.1",
            )
        )  # fmt: skip
    make.add(
        TimelineEntry(
            merchant_id=subscription.merchant_id, subscription_id=subscription.id, at=now, key="k", actor="system",
            kind=TimelineKind.MAIL_RETURNED, details={},
        )
    )  # fmt: skip
    ctx.db.dispose()
    for _again in range(2):
        downgrade(database_url, "0033")
        with psycopg.connect(database_url) as connection:
            states = connection.execute("SELECT state FROM mails ORDER BY key").fetchall()
            assert states == [("sent",), ("refused",), ("sent",)]
            assert connection.execute("SELECT kind FROM timeline_entries").fetchall() == []
        upgrade(database_url)
        with psycopg.connect(database_url) as connection:
            seen = "SELECT rounds, report, report_code, report_words, reported_at FROM mails"
            assert set(connection.execute(seen)) == {(0, None, "", "", None)}
            connection.execute("UPDATE mails SET state = 'returned', report = 'failed' WHERE key = '0'")

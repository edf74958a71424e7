"""0077: an address that PayPal was given is noted from then on; what each message changes of its row never is."""

from __future__ import annotations

import psycopg

from portal.journal.gathering import SWITCH_ON
from portal.migrating import downgrade, upgrade
from portal.models import WebhookEndpoint

NOTED = "SELECT act FROM journal_entries WHERE of_table = 'webhook_endpoints' ORDER BY number"
REFUSE = "UPDATE webhook_endpoints SET refused_count = refused_count + 1, last_refused_at = now(), checked_at = now()"
REGISTER = "UPDATE webhook_endpoints SET webhook_id = webhook_id || 'x', registered_at = now()"


def test_it_comes_and_goes_with_rows_in_the_table(make, ctx, database_url):
    merchant = make.merchant()
    make.add(WebhookEndpoint(merchant_id=merchant.id, environment="live", token="abc", webhook_id="WH-1"))
    ctx.db.dispose()
    with psycopg.connect(database_url) as connection:
        connection.execute(SWITCH_ON)
    downgrade(database_url, "0076")
    with psycopg.connect(database_url) as connection:
        connection.execute(REGISTER)
        assert connection.execute(NOTED).fetchall() == []
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute(REFUSE)
        assert connection.execute(NOTED).fetchall() == []
        connection.execute(REGISTER)
        connection.execute("DELETE FROM webhook_endpoints")
        assert connection.execute(NOTED).fetchall() == [("is",), ("gone",)]

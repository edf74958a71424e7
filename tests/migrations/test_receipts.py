"""0041: the lines of receipts come empty; on the way down they are forgotten, and the merchant stays."""

from __future__ import annotations

import psycopg
import pytest

from portal.migrating import downgrade, upgrade

pytestmark = pytest.mark.exhaustive

ASKED = "SELECT name, receipt_text FROM merchants"


def test_the_merchant_stays_and_its_lines_are_empty_again(make, ctx, database_url):
    merchant = make.merchant(key=False, receipt_text="TVA FR12")
    ctx.db.dispose()
    for _again in range(2):
        downgrade(database_url, "0040")
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT name FROM merchants").fetchall() == [(merchant.name,)]
        upgrade(database_url)
        with psycopg.connect(database_url) as connection:
            assert connection.execute(ASKED).fetchall() == [(merchant.name, "")]
            connection.execute(  # as a process of the older version writes it
                "INSERT INTO merchants (id, created_at, slug, name, locale, time_zone, self_cancellation,"
                " cancellation_text, sender_name, accent, site_url, terms_url, privacy_url, legal_url,"
                " hidden_sections, suspended_why)"
                " SELECT gen_random_uuid(), now(), 'older', 'Older', 'fr', 'Europe/Paris', false,"
                " '', '', '', '', '', '', '', '[]', ''"
            )
            connection.rollback()
            with pytest.raises(psycopg.errors.CheckViolation):
                connection.execute("UPDATE merchants SET receipt_text = repeat('x', 501)")

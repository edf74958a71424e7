"""0056: merchants stay as they are on the way up, down and up again; what they had ticked is forgotten downwards."""

from __future__ import annotations

import psycopg
import pytest

from portal.migrating import downgrade, upgrade
from portal.models import Merchant

pytestmark = pytest.mark.exhaustive


def test_a_merchant_without_a_word_has_placed_nothing(make, ctx, database_url):
    merchant = make.merchant()
    with ctx.db.begin() as session:
        session.get_one(Merchant, merchant.id).placed_links = {"terms": "2026-11-29"}
    ctx.db.dispose()
    for _again in range(2):
        downgrade(database_url, "0055")
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT slug FROM merchants").fetchall() == [(merchant.slug,)]
        upgrade(database_url)
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT placed_links FROM merchants").fetchall() == [({},)]

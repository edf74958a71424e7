"""0037: addresses and promises come empty; on the way down they are forgotten, and what is open stays in its rule."""

from __future__ import annotations

import psycopg
import pytest

from portal.domain.subscriptions import Status
from portal.migrating import downgrade, upgrade
from tests.services.test_promises import save

pytestmark = pytest.mark.exhaustive


def test_what_has_ended_keeps_the_products_rule_until_it_is_another_one(make, ctx, database_url):
    product = make.product(make.merchant(), contents=(("Lesson 1", 0),), keep_after_cancellation=True)
    over = make.subscription(product=product, status=Status.CANCELLED)
    save(ctx, product, keep_after_cancellation=False)
    assert make.reload(over).promised is not None
    ctx.db.dispose()
    for _again in range(2):
        downgrade(database_url, "0036")
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT title FROM product_contents").fetchall() == [("Lesson 1",)]
            assert connection.execute("SELECT ended_at IS NOT NULL FROM subscriptions").fetchall() == [(True,)]
        upgrade(database_url)
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT promised FROM subscriptions").fetchall() == [(None,)]
            assert connection.execute("SELECT link FROM product_contents").fetchall() == [("",)]
            connection.execute(
                "INSERT INTO product_contents (id, product_id, position, title, unlock_after_days)"
                " SELECT gen_random_uuid(), id, 1, 'Of an older process', 0 FROM products"
            )
            connection.rollback()
            with pytest.raises(psycopg.errors.CheckViolation):
                connection.execute("UPDATE product_contents SET link = 'http://atelier.test'")
    assert make.reload(over).promised is None

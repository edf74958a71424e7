"""0016: log-ins that are under way when it goes up or down still open in the browser that asked."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from portal.migrating import downgrade, upgrade
from portal.models import LoginBrowser, LoginChallenge

pytestmark = pytest.mark.exhaustive

BEFORE = "0015"
TRIED = "SELECT browser_hash, attempts, next_path FROM login_challenges ORDER BY email"


def test_who_asked_before_is_bound_after_and_the_other_way_round(make, ctx, database_url, now):
    merchant = make.merchant()
    rows = [
        LoginChallenge(
            merchant_id=merchant.id, email=email, code_hash="c", link_hash=email, expires_at=now + timedelta(minutes=9)
        )
        for email in ("a@client.test", "b@client.test")
    ]
    make.add(*rows)
    make.add(
        LoginBrowser(challenge_id=rows[0].id, browser_hash="first", asked_at=now, attempts=2, next_path="/x"),
        LoginBrowser(challenge_id=rows[0].id, browser_hash="second", asked_at=now + timedelta(minutes=1)),
        LoginBrowser(challenge_id=rows[1].id, browser_hash="third", asked_at=now),
    )
    ctx.db.dispose()
    downgrade(database_url, BEFORE)
    with psycopg.connect(database_url) as connection:
        assert connection.execute(TRIED).fetchall() == [("first", 2, "/x"), ("third", 0, "")]
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        bound = connection.execute("SELECT browser_hash, attempts, next_path FROM login_browsers ORDER BY 1").fetchall()
        assert bound == [("first", 2, "/x"), ("third", 0, "")]
        assert connection.execute("SELECT count(*) FROM staff_devices").fetchone() == (0,)

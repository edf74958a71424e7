"""0033: passkeys come and go without touching the people; going back, everybody still has their app and their codes."""

from __future__ import annotations

import psycopg
import pytest

from portal.domain.policies import Role
from portal.migrating import downgrade, upgrade
from tests.migrations.test_team import hire

pytestmark = pytest.mark.exhaustive

ADD = (
    "INSERT INTO passkeys (id, staff_id, name, credential_id, public_key, sign_count, transports, aaguid, created_at)"
    " SELECT gen_random_uuid(), id, 'Work', decode(repeat('ab', 32), 'hex'), 'x', 4294967295, '{usb}',"
    " gen_random_uuid(), now() FROM staff"
)


def test_people_stay_up_and_down_and_their_passkeys_go_with_them(make, ctx, database_url):
    owner = hire(ctx, make.merchant(), Role.OWNER, "lea@atelier.test")
    ctx.db.dispose()
    for _time in range(2):
        with psycopg.connect(database_url) as connection:
            connection.execute(ADD)
            connection.execute("INSERT INTO spent_challenges VALUES ('h', now())")
        downgrade(database_url, "0032")
        with psycopg.connect(database_url) as connection:
            people = "SELECT id, totp_secret <> '', (SELECT count(*) FROM recovery_codes) FROM staff"
            assert connection.execute(people).fetchall() == [(owner.id, True, 10)]
        upgrade(database_url)
        with psycopg.connect(database_url) as connection:
            assert connection.execute("SELECT count(*) FROM passkeys").fetchone() == (0,)


def test_whoever_is_forgotten_takes_their_passkeys_along(make, ctx, database_url):
    hire(ctx, make.merchant(), Role.OWNER, "lea@atelier.test")
    ctx.db.dispose()
    with psycopg.connect(database_url) as connection:
        connection.execute(ADD)
        connection.execute("DELETE FROM staff")
        assert connection.execute("SELECT count(*) FROM passkeys").fetchone() == (0,)

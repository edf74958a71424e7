"""0027: whoever was at a desk stays in their role there, up and down (memberships, invitations, links)."""

from __future__ import annotations

import psycopg
import pytest

from portal.clock import utc_now
from portal.domain.audit import OPERATOR
from portal.domain.policies import Role
from portal.migrating import downgrade, upgrade
from portal.models import Staff
from portal.services.people import memberships, staff_logins

pytestmark = pytest.mark.exhaustive


def hire(ctx, merchant, role, email):
    with ctx.db.begin() as session:
        return staff_logins.create_staff(
            ctx,
            session,
            merchant_id=merchant.id,
            email=email,
            name="Léa",
            role=role,
            password="un tiroir plein de mots",
        ).staff


def test_everybody_keeps_their_role_up_and_down(make, ctx, database_url):
    merchant, other = make.merchant(), make.merchant()
    owner = hire(ctx, merchant, Role.OWNER, "lea@atelier.test")
    manager = hire(ctx, merchant, Role.MANAGER, "max@atelier.test")
    with ctx.db.begin() as session:
        memberships.join(session, owner, other.id, Role.READER, by=OPERATOR, at=utc_now())
        session.add(Staff(merchant_id=other.id, email="gone@x.test", name="Gone", password_hash="-", totp_secret=b"-"))
    ctx.db.dispose()
    downgrade(database_url, "0026")
    people = "SELECT email, role, merchant_id, disabled_at IS NULL FROM staff ORDER BY email"
    with psycopg.connect(database_url) as connection:
        assert connection.execute(people).fetchall() == [
            ("gone@x.test", "reader", other.id, False),
            ("lea@atelier.test", "owner", merchant.id, True),
            ("max@atelier.test", "support", merchant.id, True),
        ]
        connection.execute("INSERT INTO staff_unlocks (id, email, link_hash, network, expires_at, created_at)"
                           " VALUES (gen_random_uuid(), 'lea@atelier.test', 'h', '', now(), now())")  # fmt: skip
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        roles = connection.execute("SELECT staff_id, merchant_id, role FROM memberships WHERE disabled_at IS NULL")
        assert set(roles.fetchall()) == {
            (owner.id, merchant.id, "owner"),
            (manager.id, merchant.id, "support"),
        }
        assert connection.execute("SELECT purpose FROM staff_links").fetchall() == [("log_in",)]

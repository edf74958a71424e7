"""0052: log-ins with the merchant's site come and go; going back, no session of theirs becomes one of a code."""

from __future__ import annotations

import psycopg
import pytest

from portal.clock import utc_now
from portal.domain.integrations.site_logins import Proof
from portal.migrating import downgrade, upgrade
from portal.models import SiteLogin
from portal.queries.people.people import Kind
from portal.services.people.sessions import Visitor, open_for

pytestmark = pytest.mark.exhaustive


def test_going_back_and_forth_with_rows(make, ctx, database_url):
    merchant = make.merchant()
    customer = make.customer(merchant)
    client = {"issuer": "https://shop.example", "client_id": "c", "secret": b"sealed", "proof": Proof.EMAIL}
    make.add(SiteLogin(merchant_id=merchant.id, set_at=utc_now(), checked_at=utc_now(), **client))
    with ctx.db.begin() as session:
        for proof in (None, Proof.EXTERNAL_ID):
            open_for(
                session,
                Kind.CUSTOMER,
                merchant.id,
                customer.id,
                visitor=Visitor(),
                proven_by=proof,
                now=utc_now(),
            )
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("UPDATE sessions SET site_proof = 'guess'")
    ctx.db.dispose()

    downgrade(database_url, "0051")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (1,)
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*), max(site_proof) FROM sessions").fetchone() == (1, None)
        assert connection.execute("SELECT count(*) FROM site_logins").fetchone() == (0,)

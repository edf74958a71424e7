"""0049: the people of accounts come and go; going back, no session of theirs becomes one of the address on file."""

from __future__ import annotations

import psycopg
import pytest

from portal.clock import utc_now
from portal.migrating import downgrade, upgrade
from portal.queries.people.people import Kind
from portal.services.people.sessions import Visitor, open_for
from tests.web.account_people import member_of

pytestmark = pytest.mark.exhaustive


def test_going_back_nobody_who_was_let_in_is_the_customer(make, ctx, database_url):
    customer = make.customer(make.merchant())
    member = member_of(ctx, customer)
    with ctx.db.begin() as session:
        for member_id in (None, member.id):
            open_for(
                session,
                Kind.CUSTOMER,
                customer.merchant_id,
                customer.id,
                visitor=Visitor(),
                member_id=member_id,
                now=utc_now(),
            )
    ctx.db.dispose()
    downgrade(database_url, "0048")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (1,)
        assert connection.execute("SELECT to_regclass('account_members')").fetchone() == (None,)
        # A process of the older version that still runs writes beside the new schema, too.
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*), max(account_member_id::text) FROM sessions").fetchone() == (1, None)
        assert connection.execute("SELECT count(*) FROM account_members").fetchone() == (0,)

"""0047: the older version knows no API: nothing that opens the account from outside outlasts the way back."""

from __future__ import annotations

import psycopg
import pytest

from portal.domain.audit import By
from portal.domain.integrations.api_keys import Mode, Scope
from portal.migrating import downgrade, upgrade
from portal.services.api import api_keys, api_replies
from portal.services.api.api_keys import Wanted

pytestmark = pytest.mark.exhaustive


def test_going_back_every_key_is_gone_and_the_chain_remembers_it(make, ctx, database_url):
    merchant = make.merchant()
    wanted = Wanted(name="Site", mode=Mode.LIVE, scopes=frozenset({Scope.ACCESS_READ}))
    key_id, _text = api_keys.make(ctx, merchant.id, wanted, by=By(), now=make.now())
    api_replies.begin(ctx, key_id, "one", b"call", now=make.now())
    ctx.db.dispose()

    downgrade(database_url, "0046")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT to_regclass('api_keys')").fetchone() == (None,)
        acts = connection.execute("SELECT act FROM audit_entries WHERE act LIKE 'api_key.%'").fetchall()
        assert acts == [("api_key.made",)]
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM api_keys").fetchone() == (0,)

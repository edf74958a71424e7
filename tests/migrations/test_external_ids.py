"""0050: ids of the merchant's own come and go, and who is joined is split without them; the table holds the rule."""

from __future__ import annotations

import sys
import unicodedata

import psycopg
import pytest

from portal.domain.audit import By
from portal.domain.integrations.external_ids import is_external_id
from portal.domain.policies import Actor
from portal.migrating import downgrade, upgrade
from portal.services.people import customer_joining, customer_splitting

pytestmark = pytest.mark.exhaustive

BY = By(actor=Actor.STAFF, channel="staff", name="Léa")


def test_they_go_and_come_and_who_was_joined_is_split_all_the_same(make, ctx, database_url, now):
    merchant = make.merchant()
    make.product(merchant, external_id="P1")
    kept = make.customer(merchant, email="zoe@client.example", name="Zoé")
    other = make.customer(merchant, email="zoe@client.example", email_place=1, name="Z", external_id="Z1")
    assert customer_joining.join(ctx, merchant.id, kept.id, other.id, by=BY, now=now)
    ctx.db.dispose()
    downgrade(database_url, "0049")
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT name, external_id FROM customers").fetchall() == [("Zoé", None)]
        assert connection.execute("SELECT external_id FROM products").fetchall() == [(None,)]
        (joining_id,) = connection.execute("SELECT id FROM customer_joinings").fetchone()
    assert customer_splitting.split(ctx, merchant.id, kept.id, joining_id, by=BY, now=now) == other.id


@pytest.mark.parametrize("table", ["customers", "products"])
def test_what_the_rule_takes_the_table_takes_and_no_white_or_control_character(make, database_url, table):
    merchant = make.merchant()
    row = make.product(merchant) if table == "products" else make.customer(merchant)
    signs = [chr(code) for code in range(1, sys.maxunicode + 1) if unicodedata.category(chr(code)) != "Cs"]
    good = [sign for sign in signs if is_external_id(f"a{sign}b")]
    bad = [
        f"a{sign}b"
        for sign in signs
        if unicodedata.category(sign) in ("Cc", "Zl", "Zp") or (sign.isspace() and sign != " ")
    ]
    with psycopg.connect(database_url) as connection:
        write = f"UPDATE {table} SET external_id = %s WHERE id = %s"  # noqa: S608
        for start in range(0, len(good), 60):  # ends are letters, so that a space may stand inside
            part = "".join(f"{sign}." for sign in good[start : start + 60])
            connection.execute(write, (f"a{part}b", row.id))
        for text in (*bad, "", " a", "a ", "a  b", "x" * 129):
            with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
                connection.execute(write, (text, row.id))

"""0017 folds what is stored to one form, and merges nobody silently (issue 10, B15)."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from portal.migrating import downgrade, upgrade

pytestmark = pytest.mark.exhaustive

ASCII, UNICODE = "zoe@xn--bcher-kva.example", "zoe@bücher.example"
BEFORE = "0016"


@pytest.fixture
def customers(make, ctx, database_url):
    """Customers as an installation of before has them: known the longer, the earlier in the list."""

    def write(*addresses):
        merchant = make.merchant()
        ctx.db.dispose()
        downgrade(database_url, BEFORE)
        with psycopg.connect(database_url, autocommit=True) as connection:
            for age, email in enumerate(addresses):
                connection.execute(
                    "INSERT INTO customers (id, created_at, merchant_id, email, name, contact_allowed)"
                    " VALUES (gen_random_uuid(), %s, %s, %s, '', true)",
                    (make.now() - timedelta(days=100 - age), merchant.id, email),
                )

    return write


def stored(database_url):
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT to_jsonb(c) FROM customers c ORDER BY created_at").fetchall()
    return [(row[0]["email"], row[0].get("email_place")) for row in rows]


def test_what_is_stored_is_folded_and_two_of_one_form_stay_two(customers, database_url):
    customers(UNICODE, "claire@client.test", ASCII, "léa@exemple.fr", "zoe@bu\u0308cher.example")
    upgrade(database_url)
    assert stored(database_url) == [
        (ASCII, 1),  # the other one stood in that form before: its row is not touched
        ("claire@client.test", 0),
        (ASCII, 0),
        ("léa@exemple.fr", 0),
        (ASCII, 2),
    ]


def test_down_again_each_has_a_spelling_of_their_own(customers, database_url):
    customers(UNICODE, ASCII)
    upgrade(database_url)
    downgrade(database_url, BEFORE)
    assert stored(database_url) == [(UNICODE, None), (ASCII, None)]
    upgrade(database_url)
    assert stored(database_url) == [(ASCII, 1), (ASCII, 0)]


def test_it_does_not_go_down_over_three_of_one_form(customers, database_url):
    customers(UNICODE, ASCII, "zoe@bu\u0308cher.example")
    upgrade(database_url)
    with pytest.raises(RuntimeError, match="join them at the desk first"):
        downgrade(database_url, BEFORE)


def test_an_address_is_folded_as_the_portal_writes_it_today(customers, database_url):
    from portal.domain.people.email_addresses import normal

    odd = [UNICODE, "É@Exemple.FR", "a@straße.example", "b@" + "ü" * 70 + ".example", "c@exemple.fr.", "d@ｅxemple.fr"]
    customers(*odd)
    upgrade(database_url)
    assert [email for email, _place in stored(database_url)] == [normal(one) for one in odd]

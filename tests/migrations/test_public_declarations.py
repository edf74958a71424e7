"""0058: declarations come and go; downwards each stays as a request that came by another way, to be carried out."""

from __future__ import annotations

from types import SimpleNamespace

import psycopg
import pytest

from portal.clock import utc_now
from portal.domain.law.countries import Country, Function, strategy
from portal.migrating import downgrade, taken_names, upgrade
from portal.services.declarations import deciding, declarations
from portal.services.declarations.declarations import Declared
from tests.services.inbox.notified import DAY, staff_end

pytestmark = pytest.mark.exhaustive


@pytest.fixture
def declared(make, ctx):
    merchant, now = make.merchant(), utc_now()
    held = make.subscription(merchant=merchant, customer=make.customer(merchant, email="claire@client.test"))
    wish = Declared(
        merchant_id=merchant.id,
        strategy=strategy(Country.FR, Function.CANCELLATION),
        language="fr",
        page_token="page",
        name="Claire",
        email="claire@client.test",
        contract=held.provider_id,
    )
    made = declarations.declare(ctx, wish, network="n", now=now)
    deciding.decide(ctx, made, now=now)
    staff_end(ctx, held, now=now, received=SimpleNamespace(id=getattr(made, "id", made)))
    ctx.db.dispose()
    return merchant


def test_going_back_the_wish_and_the_end_that_answers_it_stay(declared, database_url):
    downgrade(database_url, "0057")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT way, state FROM received_requests").fetchall() == [
            ("other", "matched")
        ]  # nobody vouched for it
        assert connection.execute("SELECT notified_way FROM end_requests").fetchall() == [("other",)]
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        seen = "SELECT country, sells_to, public_indexed, postal_address FROM merchants"
        assert connection.execute(seen).fetchall() == [("FR", ["FR"], False, "")]
        assert connection.execute("SELECT count(*) FROM public_declarations").fetchone() == (0,)


def test_a_process_of_the_older_release_still_makes_merchants(make, ctx, database_url):
    make.merchant(slug="atelier")
    ctx.db.dispose()
    columns = "id, slug, name, locale, time_zone, self_cancellation, cancellation_text, created_at"
    with psycopg.connect(database_url) as connection:
        connection.execute(
            f"INSERT INTO merchants ({columns}, sender_name, accent, site_url, terms_url, privacy_url, legal_url, "
            "receipt_text, hidden_sections, retention, return_addresses, suspended_why) SELECT gen_random_uuid(), "
            "'older', 'Older', 'fr', 'Europe/Paris', false, '', now(), '', '', '', '', '', '', '', '[]', '{}', '[]', ''"
        )
        row = connection.execute("SELECT country, sells_to FROM merchants WHERE slug = 'older'").fetchone()
    assert row == ("FR", ["FR"])


def test_a_merchant_with_a_name_of_ours_is_named_at_migrate(make, ctx, database_url):
    make.merchant(slug="atelier")
    make.merchant(slug="metrics")
    past = {name: utc_now() - days * DAY for name, days in (("leaving_at", 40), ("gone_at", 10), ("closed_at", 9))}
    make.merchant(slug="proof", **past)
    ctx.db.dispose()
    assert taken_names(database_url) == ["metrics"]

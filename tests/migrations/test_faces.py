"""0029: down it forgets the face and the versions, and keeps the merchant; up again every form is of version 0."""

from __future__ import annotations

import psycopg
import pytest

from portal.migrating import downgrade, upgrade
from portal.services import settings
from portal.services.settings import Face

pytestmark = pytest.mark.exhaustive


def test_the_merchant_stays_and_the_face_is_the_portals_again(make, ctx, database_url):
    merchant = make.merchant(key=False, cancellation_text="Écrivez-nous.")
    settings.save(ctx, merchant.id, Face(name="Chez Zoé", sender_name="Zoé", accent="#0c5d6d"))
    ctx.db.dispose()
    asked = "SELECT name, cancellation_text, accent, site_url FROM merchants"
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM edits").fetchone() == (1,)
        assert connection.execute(asked).fetchall() == [("Chez Zoé", "Écrivez-nous.", "#0c5d6d", "")]
    downgrade(database_url, "0028")
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM edits").fetchone() == (0,)
        assert connection.execute(asked).fetchall() == [("Chez Zoé", "Écrivez-nous.", "", "")]


@pytest.mark.parametrize(
    "wrong",
    [
        "UPDATE merchants SET accent = 'red'",
        "UPDATE merchants SET accent = '#0C5D6D'",
        "UPDATE merchants SET site_url = 'http://a.test'",
        "UPDATE merchants SET legal_url = 'javascript:alert(1)'",
    ],
)
def test_the_database_itself_takes_no_other_colour_and_no_other_address(make, ctx, database_url, wrong):
    make.merchant(key=False)
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(wrong)

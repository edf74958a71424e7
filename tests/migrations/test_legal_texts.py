"""0055: down, texts are forgotten and the merchant stays; up again there are none, and the table takes them."""

from __future__ import annotations

import psycopg
import pytest

from portal.domain.audit import OPERATOR
from portal.domain.law.legal_texts import LegalKind
from portal.migrating import downgrade, upgrade
from portal.services import legal_texts
from portal.services.legal_texts import Wish

pytestmark = pytest.mark.exhaustive


def wish(now):
    texts, answers = {"fr": "Fait.", "en": "Fact."}, {"own_text": ""}
    return Wish(
        kind=LegalKind.NOTICE, texts=texts, own_text="", own_language="fr", answers=answers, valid_from=now.date()
    )


def test_texts_go_with_their_table_and_the_merchant_stays(make, ctx, database_url, now):
    merchant = make.merchant(key=False)
    legal_texts.publish(ctx, merchant.id, wish(now), today=now.date(), by=OPERATOR)
    ctx.db.dispose()
    downgrade(database_url, "0054")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT to_regclass('legal_texts')").fetchone() == (None,)
        assert connection.execute("SELECT count(*) FROM merchants").fetchone() == (1,)
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM legal_texts").fetchone() == (0,)


@pytest.mark.parametrize(
    "wrong",
    [
        "UPDATE legal_texts SET number = 0",
        "UPDATE legal_texts SET text = '', own_text = ''",
        "UPDATE legal_texts SET kind = 'letter'",
    ],
)
def test_the_table_takes_no_version_that_says_nothing(make, ctx, database_url, now, wrong):
    merchant = make.merchant(key=False)
    legal_texts.publish(ctx, merchant.id, wish(now), today=now.date(), by=OPERATOR)
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(wrong)

"""0066: down, texts and choices are forgotten and the merchant stays; up again all is as the portal has it."""

from __future__ import annotations

import uuid

import psycopg
import pytest

from portal.migrating import downgrade, upgrade
from portal.models import NoticeText


def text_of(merchant):
    texts = {"subject": "{fact}", "opening": "{hello}", "closing": ""}
    return NoticeText(id=uuid.uuid4(), merchant_id=merchant.id, kind="end_recorded", language="fr", **texts)


def test_choices_go_and_the_merchant_stays(make, ctx, database_url):
    merchant = make.merchant(key=False, notices_left_out=["access_given"])
    make.add(text_of(merchant))
    ctx.db.dispose()
    downgrade(database_url, "0065")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT to_regclass('notice_texts')").fetchone() == (None,)
        assert connection.execute("SELECT count(*) FROM merchants").fetchone() == (1,)
    upgrade(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT notices_left_out FROM merchants").fetchone() == ([],)
        assert connection.execute("SELECT count(*) FROM notice_texts").fetchone() == (0,)


@pytest.mark.parametrize("part", ["subject", "opening"])
def test_the_table_takes_no_mail_without_a_subject_or_an_opening(make, database_url, part):
    make.add(text_of(make.merchant(key=False)))
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(f"UPDATE notice_texts SET {part} = ''")  # noqa: S608


def test_a_mail_has_one_text_in_a_language(make, database_url):
    merchant = make.merchant(key=False)
    make.add(text_of(merchant))
    with pytest.raises(Exception, match="uq_notice_texts"):
        make.add(text_of(merchant))

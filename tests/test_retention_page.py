"""docs/retention.md says what the code does."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from config import Config
from portal.domain.law.retention import OPERATOR
from portal.services import journal_keeping
from tests.test_config import PRODUCTION

PAGE = Path(__file__).resolve().parents[1] / "docs" / "retention.md"


def rows(name: str) -> list[str]:
    return [line for line in PAGE.read_text().splitlines() if line.startswith("|") and f"`{name}`" in line]


def words(span: timedelta) -> str:
    """The span as the page has it."""
    number, unit = (span.days, "day") if span.days else (span.seconds // 3600, "hour")
    return f"{number} {unit}{'s' if number > 1 else ''}"


@pytest.mark.parametrize("stock", OPERATOR)
def test_the_page_names_each_kind_of_the_operator_with_its_time(stock):
    (row,) = rows(stock.value)
    assert row.split("|")[2].strip().startswith(words(OPERATOR[stock]))


def test_the_page_names_the_journal_with_its_time():
    (row,) = rows("journal_entries")
    assert f"`PORTAL_JOURNAL_DAYS`, {Config.from_env(PRODUCTION).journal_days} unless" in row
    assert f"in the database {words(journal_keeping.SLACK)} more" in row

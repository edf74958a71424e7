"""docs/retention.md says what the code does."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from portal.domain.law.retention import OPERATOR

PAGE = Path(__file__).resolve().parents[1] / "docs" / "retention.md"


def words(span: timedelta) -> str:
    """The span as the page has it."""
    number, unit = (span.days, "day") if span.days else (span.seconds // 3600, "hour")
    return f"{number} {unit}{'s' if number > 1 else ''}"


@pytest.mark.parametrize("stock", OPERATOR)
def test_the_page_names_each_kind_of_the_operator_with_its_time(stock):
    (row,) = [line for line in PAGE.read_text().splitlines() if line.startswith("|") and f"`{stock.value}`" in line]
    assert row.split("|")[2].strip().startswith(words(OPERATOR[stock]))

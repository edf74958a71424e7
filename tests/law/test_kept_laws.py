"""What the law asks of the whole portal, and no test of one of its parts looks at."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from portal.models.base import Base

ROOT = Path(__file__).parent.parent.parent
CARD = re.compile(
    r"\b(pan|cvc|cvv|card_?number|card_?holder|number_of_card|iban)\b|cc-(number|csc|exp|name)", re.IGNORECASE
)


@pytest.mark.law("R-SE-1")
def test_no_field_no_column_and_no_foreign_script_takes_a_card():
    columns = [f"{table.name}.{column.name}" for table in Base.metadata.sorted_tables for column in table.columns]
    assert len(columns) > 500
    fields = [
        found
        for path in sorted([*ROOT.glob("templates/**/*.html"), *ROOT.glob("portal/web/**/*.py")])
        for found in re.findall(r"""name=["'][^"']+|autocomplete[=":\s]+[^,>\s]+|\w+ = \w+Field\(""", path.read_text())
    ]
    assert len(fields) > 200
    assert [one for one in (*columns, *fields) if CARD.search(one.replace(".", " "))] == []
    assert [
        path.name
        for path in ROOT.glob("templates/**/*.html")
        if re.search(r"paypal\.com/sdk|paypalobjects", path.read_text())
    ] == []

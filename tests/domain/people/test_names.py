"""Two names that are one to the reader are one to the portal, as to its database."""

from __future__ import annotations

import pytest
from sqlalchemy import literal, select

from portal.domain.people.names import reads_alike
from portal.models.names import reading_order

PAIRS = [
    ("Zoé Durand", "zoe durand", True),
    ("Zoe\u0301 Durand", "Zoé Durand", True),
    ("Cœur", "Coeur", True),
    ("Weiß", "Weiss", True),
    ("Zoé Durand", "Zoé Durant", False),
    ("", "Zoé", False),
]


@pytest.mark.parametrize(("one", "other", "alike"), PAIRS)
def test_an_accent_or_a_capital_makes_no_other_name(db, one, other, alike):
    assert reads_alike(one, other) is alike
    with db.read() as session:
        assert session.scalar(select(reading_order(literal(one)) == reading_order(literal(other)))) is alike

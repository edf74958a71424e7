"""What a merchant's own id may be: what somebody can see and copy."""

from __future__ import annotations

import pytest

from portal.domain.integrations.external_ids import is_external_id


@pytest.mark.parametrize(
    "text",
    ["7", "user-4711", "A7", "a7", "zoé@client.example", "Zoé Durand", "顧客", "x" * 128, "—", "'; DROP TABLE", "🙂"],
)
def test_what_can_be_seen_is_one(text):
    assert is_external_id(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "x" * 129, " a", "a ", "a  b", "a\tb", "a\nb", "a\x00b", "a\x7fb", "a\x85b"),
        *("a\u00a0b", "a\u00adb", "a\u200bb", "\ufeffa", "a\u202eb", "a\u2028b", "a\u3000b", "a\ud800b", "a\ue000b"),
    ],
    ids=ascii,
)
def test_what_nobody_sees_is_not(text):
    assert not is_external_id(text)

"""What nobody sees is nothing, and whatever somebody sees is something."""

from __future__ import annotations

import pytest

from portal.domain.unseen import is_seen

UNSEEN = ["", "  ", "\u00a0", "\u200b", "\u202e\u202c", "\u2060\u200d", "\u00ad", "\u3164", "\u2800", "\ufe0f"]
SEEN = ["x", "0", "?", "…", "太", "👩\u200d🚀", "\u202e a", "أ", "é", "e\u0301", "\u200bx\u200b"]


@pytest.mark.parametrize("text", [*UNSEEN, "\u0301", "\x07"])
def test_what_nobody_sees(text):
    assert not is_seen(text)


@pytest.mark.parametrize("text", SEEN)
def test_what_somebody_sees(text):
    assert is_seen(text)

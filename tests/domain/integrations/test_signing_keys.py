"""When a key is listed, and when it signs: no verifier that keeps the list for an hour ever meets a stranger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from portal.domain.integrations.signing_keys import LIFETIME, listed, next_from, signer

START = datetime(2027, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Key:
    signs_from: datetime


def test_a_year_of_nights_without_a_gap():
    """Played hour by hour, the nightly job at three: whoever read the list an hour ago knows the key of every token."""
    keys: list[Key] = []
    lists: dict[datetime, set[Key]] = {}
    signed: set[Key] = set()
    for hours in range(24 * 400):
        now = START + hours * HOUR
        if now.hour == 3 or not keys:
            starts = next_from(keys, now)
            if starts is not None:
                keys.append(Key(starts))
            keys = listed(keys, now)
        lists[now] = set(listed(keys, now))
        key = signer(keys, now)
        assert key is not None
        signed.add(key)
        before = lists.get(now - HOUR)
        assert before is None or key in before, now  # the list that a verifier keeps for an hour
        # a token that was signed a moment before a change is still verified at its end
        earlier = signer(keys, now - timedelta(seconds=1))
        assert earlier is None or earlier in listed(keys, now - timedelta(seconds=1) + LIFETIME)
    assert len(signed) == 5  # every 90 days
    assert len(keys) <= 2


def test_the_first_signs_at_once():
    assert next_from([], START) == START
    assert signer([], START) is None
    assert listed([], START) == []

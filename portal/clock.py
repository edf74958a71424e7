"""The time, aware and in UTC. Pure code takes `now` as an argument; only the edges call this."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the current moment, aware, in UTC."""
    return datetime.now(UTC)

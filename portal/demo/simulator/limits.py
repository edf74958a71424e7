"""How many calls PayPal takes of one account; it publishes no number, so that one is set (FACTS.md 5)."""

from __future__ import annotations

from collections import defaultdict, deque
from datetime import datetime, timedelta


class Limits:
    """Counts the calls of each account over a sliding window. Refused calls do not count."""

    def __init__(self) -> None:
        self.calls: int | None = None
        self._window = timedelta(0)
        self._taken: dict[str, deque[datetime]] = defaultdict(deque)

    def set(self, calls: int | None, seconds: float = 60.0) -> None:
        """Allow `calls` in `seconds`; None: any number. ValueError when either is not above nothing."""
        if calls is not None and (calls < 1 or seconds <= 0):
            raise ValueError("a limit is at least one call in a time above nothing")
        self.calls, self._window = calls, timedelta(seconds=seconds)
        self._taken.clear()

    @property
    def seconds(self) -> float:
        """The length of the window."""
        return self._window.total_seconds()

    def wait(self, account: str, *, now: datetime) -> float:
        """Count a call and return 0; or return how many seconds are left until one would be taken."""
        if self.calls is None:
            return 0.0
        taken = self._taken[account]
        while taken and taken[0] <= now - self._window:
            taken.popleft()
        if len(taken) >= self.calls:
            return (taken[0] + self._window - now).total_seconds()
        taken.append(now)
        return 0.0

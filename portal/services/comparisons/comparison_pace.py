"""PayPal publishes no limit (FACTS.md 5): calls to it are spread evenly over time, and counted."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from portal.providers.ports import RestGateway, SubscriptionGateway


class Pacer:
    """Lets at most so many calls a second begin, evenly spread; None lets all through. Safe between threads."""

    def __init__(self, calls_per_second: float | None) -> None:
        self._interval = 1 / calls_per_second if calls_per_second else 0.0
        self._next = 0.0
        self._guard = threading.Lock()
        self.calls = 0

    @property
    def is_paced(self) -> bool:
        """Whether calls are held back at all."""
        return self._interval > 0

    def wait(self) -> None:
        """Return when the next call may begin."""
        with self._guard:
            self.calls += 1
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._interval
        if turn > now:
            time.sleep(turn - now)

    def taken(self) -> int:
        """Return how many calls there were since the last time this was asked."""
        with self._guard:
            calls, self.calls = self.calls, 0
        return calls


class _Paced:
    """A gateway whose every call waits its turn."""

    def __init__(self, gateway: SubscriptionGateway, pacer: Pacer) -> None:
        self._gateway = gateway
        self._pacer = pacer

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._gateway, name)

        def paced(*positional: Any, **named: Any) -> Any:
            self._pacer.wait()
            return call(*positional, **named)

        return paced


def paced_rest(gateway: RestGateway, pacer: Pacer) -> RestGateway:
    """Return the gateway with every call waiting for its turn."""
    return cast("RestGateway", _Paced(gateway, pacer))


def paced(gateway: SubscriptionGateway, pacer: Pacer) -> SubscriptionGateway:
    """Return the gateway with every call waiting for its turn."""
    return cast("SubscriptionGateway", _Paced(gateway, pacer))

"""The time, aware and in UTC. Pure code takes `now` as an argument; only the edges call this.

Whatever is decided by time is decided by the database's clock, which is one for all processes (domain.md): `utc_now`
is that clock, measured at the first use and about once a minute, and carried on by the machine's monotonic one.  A
machine whose date is wrong, or jumps, thus decides nothing by it (docs/decisions/0015).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

MEASURE_EVERY: Final = 60.0  # seconds
JUMPED: Final = 1.0  # seconds between the machine's two clocks: it was set, or it slept
SLACK: Final = timedelta(seconds=60)  # so far two clocks may differ; a moment further ahead has not been


@dataclass(frozen=True)
class _Measured:
    """The database's time, and what the machine's two clocks showed then."""

    at: datetime
    monotonic: float
    machine: float


_measure: Callable[[], None] | None = None  # how to ask the database; None: the machine's clock is all there is
_measured: _Measured | None = None


def follow(measure: Callable[[], None] | None) -> None:
    """Go by the clock that `measure` asks and gives to `set_to`; None goes by the machine's again."""
    global _measure, _measured
    _measure, _measured = measure, None


def set_to(at: datetime, *, monotonic: float) -> None:
    """Take the database's time, which was `at` when the monotonic clock showed `monotonic`."""
    global _measured
    machine = time.time() - (time.monotonic() - monotonic)
    _measured = _Measured(at.astimezone(UTC), monotonic, machine)


def is_old() -> bool:
    """Say whether the clock should be measured again: a minute has passed, or the machine's clock has jumped."""
    if _measured is None:
        return True
    passed = time.monotonic() - _measured.monotonic
    return passed >= MEASURE_EVERY or abs(time.time() - _measured.machine - passed) > JUMPED


def utc_now() -> datetime:
    """Return the current moment, aware, in UTC. Raises what the database raises when it was never reached."""
    if _measured is None and _measure is not None:
        _measure()
    if _measured is None:
        return datetime.now(UTC)
    return _measured.at + timedelta(seconds=time.monotonic() - _measured.monotonic)


def machine_is_ahead() -> timedelta:
    """Return how far this machine's own clock is ahead of the database's; negative where it is behind."""
    return datetime.now(UTC) - utc_now()


def machine_is_off() -> bool:
    """Say whether this machine's own clock differs by more than a minute."""
    return abs(machine_is_ahead()) > SLACK

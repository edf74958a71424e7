"""Is it flat, is it as forecast, was anything late: pure, over what was measured.

Memory is compared by the medians of two windows, the first and the last fifth of the samples after the warming up, and
not by a straight line: a process with threads grows by steps, when several long answers meet, and keeps what it
got.  A line turns one such step into a slope for ever, and one peak at the end into a leak; a median of a fifth sees a
step only once most of its samples have it, and a leak always.  What the last fifth still gains on the one before is
told beside it, so that a slow leak that hides below the allowance shows as a rate.

The figure is the proportional set size without the pages of files: those the kernel keeps or drops, and divides by
whoever else has the same library open.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Final

from tests.soak.mishaps import MAILS, WAITS, Mishap
from tests.soak.samples import Sample, Table
from tests.soak.visits import Failure

WARM: Final = 5_000  # requests of each process, before which caches fill
MOST_GROWTH: Final = 0.02
WINDOW: Final = 5  # one in so many of the samples after the warming up is in the first window, and in the last
LEAST: Final = 3  # samples of a window
TOLERANCE: Final = 1.5  # times the forecast: words are longer here and shorter there, and few rows fill no page
FEW: Final = 1_000  # rows: below, the first pages of every index weigh more than what is in them


@dataclass(frozen=True)
class Growth:
    """How memory of a group of processes changed, in MiB."""

    group: str
    before: float
    after: float
    lately: float  # per hour, between the last two windows
    samples: int

    @property
    def share(self) -> float:
        """How much it grew, of what it was."""
        return self.after / self.before - 1


def counted(parts: Mapping[str, float]) -> float:
    """Return what is judged of a sample's memory: all but the pages of files."""
    return parts["Pss"] - parts["Pss_File"]


def growths(samples: Sequence[Sample], *, after: int) -> list[Growth]:
    """Return how each group grew once so many requests were served; empty where that is too short to tell."""
    warm = [one for one in samples if one.served >= after]
    size = len(warm) // WINDOW
    if size < LEAST:
        return []
    found = []
    for group in sorted({group for one in warm for group in one.memory}):
        first, before_last, last = (
            [counted(one.memory[group]) for one in part if one.memory.get(group)]
            for part in (warm[:size], warm[-2 * size : -size], warm[-size:])
        )
        if min(len(first), len(before_last), len(last)) < LEAST:
            return []
        hours = (warm[-1].at - warm[-1 - size].at).total_seconds() / 3600
        lately = (median(last) - median(before_last)) / hours
        found.append(Growth(group, median(first), median(last), lately, len(warm)))
    return found


def grown(found: Collection[Growth]) -> list[str]:
    """Say which groups grew more than they may."""
    return [
        f"memory of {one.group} grew by {one.share:.1%}, from {one.before:.1f} to {one.after:.1f} MiB"
        for one in found
        if one.share >= MOST_GROWTH
    ]


def replaced(samples: Sequence[Sample]) -> list[str]:
    """Say which processes that nobody harmed are others than at the beginning."""
    wrong = []
    for group in sorted(samples[0].pids) if samples else ():
        seen = {tuple(one.pids.get(group, ())) for one in samples}
        if len(seen) > 1 or not samples[0].pids[group]:
            wrong.append(f"a process of {group} died, and nobody had harmed it: {sorted(seen)}")
    return wrong


def late(samples: Sequence[Sample], mishaps: Sequence[Mishap], allowed: Mapping[str, float]) -> list[str]:
    """Say what waited for longer than its lane allows, outside what was made to go wrong; one line for each kind."""
    worst: dict[str, tuple[float, datetime]] = {}
    for one in samples:
        for what, seconds in one.waits.items():
            if is_explained(MAILS if what == "mails" else WAITS, one.at, mishaps):
                continue
            if seconds > max(allowed[what], worst.get(what, (0.0, one.at))[0]):
                worst[what] = (seconds, one.at)
    return [
        f"{what} were {seconds:.0f} s late at {at:%H:%M:%S}, {allowed[what]:.0f} s are allowed"
        for what, (seconds, at) in sorted(worst.items())
    ]


def longest(samples: Sequence[Sample]) -> dict[str, float]:
    """Return the longest wait of each kind, whatever went wrong then."""
    kinds = {what for one in samples for what in one.waits}
    return {what: max(one.waits.get(what, 0.0) for one in samples) for what in sorted(kinds)}


def oversized(tables: Mapping[str, Table], forecast: Mapping[str, int]) -> list[str]:
    """Say which tables have larger rows than forecast, of those with enough rows to tell."""
    return [
        f"a row of {name} takes {a_row(tables[name].packed, tables[name]):.0f} bytes, {forecast[name]} are forecast"
        for name in sorted(forecast)
        if name in tables
        and tables[name].rows >= FEW
        and a_row(tables[name].packed, tables[name]) > forecast[name] * TOLERANCE
    ]


def a_row(size: int, table: Table) -> float:
    """Return a row's part of so many bytes of a table."""
    return size / table.rows if table.rows else 0.0


def unexplained(failures: Sequence[Failure], mishaps: Sequence[Mishap]) -> list[str]:
    """Return the failed answers that nothing which was made to go wrong explains."""
    return [
        f"at {one.at:%H:%M:%S} the {one.web} answered {one.what}"
        for one in failures
        if not is_explained(one.web, one.at, mishaps)
    ]


def is_explained(what: str, at: datetime, mishaps: Sequence[Mishap]) -> bool:
    """Say whether something that was made to go wrong is why that happened then."""
    return any(mishap.explains(what, at) for mishap in mishaps)

"""One measured figure, and the way in which two programs are measured against each other."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

ROUNDS: Final = 3
SECONDS: Final = 10.0  # of each measured stretch, after a warm-up
WARM_UP: Final = 1.0

Work = Callable[[], int]  # does some of the work and says how many units of it


@dataclass(frozen=True)
class Measure:
    """One line of the table: the product's figure beside that of the floor, in the same unit.

    `floor` is what the least program reached in the same run, or the product itself at another size;
    None where there is nothing to set it against.  `target` is what the ratio should reach, as a text.
    """

    name: str
    product: float
    floor: float | None
    unit: str
    note: str = ""
    target: str = ""

    @property
    def ratio(self) -> float | None:
        """The product's figure over the floor's."""
        return self.product / self.floor if self.floor else None


def per_second(work: Work, *, seconds: float = SECONDS) -> float:
    """Repeat `work` for so many seconds and return its units per second."""
    done, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds:
        done += work()
    return done / passed


def in_turn(floor: Work, product: Work, *, seconds: float = SECONDS, rounds: int = ROUNDS) -> tuple[float, float]:
    """Measure floor and product in turn (A B A B …) after a warm-up of each; return both medians, floor first."""
    for work in (floor, product):
        per_second(work, seconds=min(WARM_UP, seconds))
    seen = [(per_second(floor, seconds=seconds), per_second(product, seconds=seconds)) for _ in range(rounds)]
    return median(one for one, _ in seen), median(other for _, other in seen)


def processor_seconds(process: int) -> float:
    """Return how much processor time a process and all that it ever started have used (Linux).

    Those of its children that have ended count with it, once it has heard of their end: read again when that was
    just now, so that nobody is missed or counted twice.
    """
    while True:
        before = _stat(process)
        ticks = sum(map(_ticks, _family(process)))
        if before[13:15] == _stat(process)[13:15]:
            return ticks / os.sysconf("SC_CLK_TCK")


def processor_ms(server: int, ask: Work, *, seconds: float) -> float:
    """Return the milliseconds of processor that a server's processes spend on a request."""
    before, done, started = processor_seconds(server), 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        done += ask()
    return 1000 * (processor_seconds(server) - before) / done


def _family(process: int) -> list[list[str]]:
    """Return what the system says of a process and of everybody below it."""
    everybody: dict[int, list[str]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            everybody[int(path.name)] = _stat(int(path.name))
    found, below = [everybody[process]], [process]
    while below:
        below = [number for number, said in everybody.items() if int(said[1]) in below]
        found += [everybody[number] for number in below]
    return found


def _stat(process: int) -> list[str]:
    """Return the fields of a process from its state on (proc(5)). Raises OSError when it is no longer there."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()


def _ticks(said: list[str]) -> int:
    return sum(map(int, said[11:15]))  # its own, as user and as system, and those of the children it has waited for

"""The state file: written after every change, and less often once writing it takes long."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from portal.demo.simulator.records import State

QUICK: Final = 0.05  # seconds that a write may take and still follow every change
SHARE: Final = 20  # a slower one follows after so many times its own length: at most 5 % of the time goes there


class Keeper:
    """Writes a state to its file; without a file it does nothing."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._not_before = 0.0
        self._waiting = False

    def load(self) -> State:
        """Return what the file holds, or a new world."""
        return State.load(self._file) if self._file and self._file.exists() else State()

    def save(self, state: State) -> None:
        """Write the file, now or, when it is large, with a later change."""
        self._waiting = self._file is not None
        if time.monotonic() >= self._not_before:
            self.flush(state)

    def flush(self, state: State) -> None:
        """Write what waits to be written."""
        if not (self._waiting and self._file):
            return
        begun = time.monotonic()
        state.save(self._file)
        self._waiting = False
        took = time.monotonic() - begun
        self._not_before = 0.0 if took < QUICK else begun + SHARE * took

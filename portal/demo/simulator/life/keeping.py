"""The state file: written after every change, and less often once it is large."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from portal.demo.simulator.records import State

LARGE: Final = 3000  # subscriptions and events
SHARE: Final = 20  # a large one is written again after so many times the write's length: 5 % of the time at most


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
        large = len(state.subscriptions) + len(state.events) > LARGE
        self._not_before = begun + SHARE * took if large else 0.0

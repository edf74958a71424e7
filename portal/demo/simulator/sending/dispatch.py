"""What whoever sends must know: what waits, whether and in which order it goes, and who signs it."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from portal.demo.simulator.life.core import Core, real_now
from portal.demo.simulator.records import Delivery


class Dispatch(Core):
    """The part that says how messages are sent."""

    def __init__(self, state: Path | str | None = None, *, clock: Callable[[], datetime] = real_now) -> None:
        super().__init__(state, clock=clock)
        self.address = ""  # where it is served
        self.wake = threading.Condition(self.lock)  # something to send
        self.lone_certificates = False  # served without the intermediate that signed them
        self._automatic = True
        self.shuffled: random.Random | None = None  # picks among the messages that are due; None: the oldest first

    @property
    def automatic(self) -> bool:
        """Whether messages are sent as they arise."""
        return self._automatic

    @automatic.setter
    def automatic(self, wanted: bool) -> None:
        with self.lock:
            self._automatic = wanted
            self.wake.notify_all()

    @property
    def pending(self) -> list[Delivery]:
        """What has not arrived and is not given up, oldest first."""
        return [row for row in self.state.deliveries.values() if row.state == "pending"]

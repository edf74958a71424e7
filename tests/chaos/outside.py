"""Another system of both merchants: it is told of every event, and does not always take it."""

from __future__ import annotations

import itertools
from typing import Final

from tests.fakes.receivers import Receiver

REFUSED: Final = 7  # each so manieth is answered with an error


class Outside(Receiver):
    """Answers 204, and now and then an error."""

    def __init__(self) -> None:
        self._number = itertools.count(1)
        super().__init__()

    def next_status(self) -> int:
        return 500 if next(self._number) % REFUSED == 0 else 204

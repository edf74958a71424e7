"""Lists of the desk as files: in which form, how they stand, how long they are kept."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Final

AT_ONCE: Final = 5_000  # rows that are read while somebody waits; beyond them a worker makes the file
MOST_OPEN: Final = 3  # files under way at once, of one merchant
KEPT: Final = timedelta(days=7)


class Format(StrEnum):
    """Of the file."""

    CSV = "csv"
    JSONL = "jsonl"


class FileState(StrEnum):
    """Where a file stands that a worker makes."""

    RUNNING = "running"
    READY = "ready"

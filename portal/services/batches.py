"""Work on many rows, each in a transaction of its own: one that fails stops nobody behind it."""

from __future__ import annotations

from typing import Final

BATCH: Final = 200  # rows that are found at once


class Unfinished(Exception):
    """Something failed, named in the log; everything else was done. The next run tries it again."""

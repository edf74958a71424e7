"""Make a process of the product one that can be killed at a named point, and that may have a planted bug."""

from __future__ import annotations

import functools
import os

from tests.chaos import bugs, points


@functools.cache  # a process that was forked from a wrapped one is wrapped
def wrap() -> None:
    """To be called before the application is made: who imports by name then gets what is wrapped."""
    points.install()
    bugs.install(os.environ.get(bugs.PLANTED, ""))  # outside the points: they stay where the product has them

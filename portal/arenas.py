"""The C library's heaps of a process: few of them, whatever number of threads it has.

glibc gives each thread a heap of its own (an arena), up to eight a core; each keeps the most that it ever needed, and
pages, files and proofs meet all threads in time.  A web process with twelve threads grew so for tens of thousands of
requests.  Python lets one thread run at a time: they hardly wait for each other at two heaps.
"""

from __future__ import annotations

import ctypes
from typing import Final

MOST: Final = 2
M_ARENA_MAX: Final = -8  # of glibc's malloc.h


def keep_few() -> bool:
    """Have at most MOST heaps from now on; to be called before there are threads.

    Say whether it was done: another C library than glibc has nothing of the kind, and needs nothing.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(M_ARENA_MAX, MOST))

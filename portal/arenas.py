"""The C library's heap of a process: one, whatever number of threads it has, and no larger than what lies in it.

glibc gives each thread a heap of its own (an arena), up to eight a core; each keeps the most that it ever needed, and
pages, files and proofs meet all threads in time.  A web process with twelve threads grew so for tens of thousands of
requests.  Python lets one thread run at a time: they hardly wait for each other at one heap, and what one has given
back the next one takes.

A heap keeps what was given back, too: one small thing above a large file that is gone, and its memory stays.  Large
blocks are therefore asked of the system one by one for good (glibc moves that border up, to 32 MiB, as it sees some
freed), and three times a minute rubbish is looked for (what points at itself lies among what stays until then) and
pages in which nothing lies go back.
"""

from __future__ import annotations

import ctypes
import gc
import threading
import time
from collections.abc import Callable
from typing import Final

MOST: Final = 1  # two were no faster but where two documents are set at once, by a fifth
LARGE: Final = 64 * 1024  # bytes: a block of its own from here on
EVERY: Final = 20.0  # seconds; it takes some 25 ms, of which no other thread waits longer than for its own memory
# Of glibc's malloc.h.
M_MMAP_THRESHOLD: Final = -3
M_ARENA_MAX: Final = -8


def keep_small() -> bool:
    """Have one heap from now on, no larger than it must be; to be called before there are threads.

    Say whether it was done: another C library than glibc has nothing of the kind, and needs nothing.
    """
    library = ctypes.CDLL(None)
    mallopt, give_back = getattr(library, "mallopt", None), getattr(library, "malloc_trim", None)
    if mallopt is None or give_back is None:
        return False
    if not (mallopt(M_ARENA_MAX, MOST) and mallopt(M_MMAP_THRESHOLD, LARGE)):
        return False
    threading.Thread(target=_now_and_then, args=(give_back,), name="heaps", daemon=True).start()
    return True


def _now_and_then(give_back: Callable[[int], object]) -> None:
    while True:
        time.sleep(EVERY)
        gc.collect()
        give_back(0)

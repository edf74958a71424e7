"""The counts of several processes of one machine: each has files of its own in a folder, read together at a scrape.

A process takes a *slot*, held by a lock that the kernel lets go with it, however it ends.  Whoever takes the slot next
counts on in the same files: processes come and go, their counts and the number of files do not.  (The library's own way
is a file for each process that ever was.)
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import IO, Final

from prometheus_client import Metric
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER: Final = "PORTAL_METRICS_FOLDER"  # set by gunicorn.conf.py for its processes; none: this process is alone
LIBRARYS: Final = "PROMETHEUS_MULTIPROC_DIR"
# Bytes of each file, really there from the start: a mapped file that finds the disk full kills its process.
SIZES: Final = {"counter": 2**20, "histogram": 2**22, "gauge_livesum": 2**16}


_taken: list[Slots] = []  # of this process: one


class Slots:
    """Says under which number this process counts; a forked process takes another one."""

    def __init__(self, folder: Path) -> None:
        """Take a slot; raise OSError where the folder has no room for its files."""
        self._folder = folder
        self._process = 0
        self._slot = 0
        self._lock: IO[bytes] | None = None
        self()
        _taken.append(self)

    def __call__(self) -> int:
        """Return the slot of this process."""
        if self._process != os.getpid():
            self._slot, self._lock = _take(self._folder)
            self._process = os.getpid()
            _make_room(self._folder, self._slot)
        return self._slot

    def let_go(self) -> None:
        """Leave the slot to whoever comes next."""
        if self._lock is not None:
            self._lock.close()


def _take(folder: Path) -> tuple[int, IO[bytes]]:
    for slot in count(1):
        lock = (folder / f"{slot}.lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        (folder / f"gauge_livesum_{slot}.db").unlink(missing_ok=True)  # what the one before had in hand, it has no more
        return slot, lock
    raise AssertionError


def _make_room(folder: Path, slot: int) -> None:
    for kind, size in SIZES.items():
        with (folder / f"{kind}_{slot}.db").open("ab") as file:
            if file.tell() < size:
                os.posix_fallocate(file.fileno(), 0, size)


def is_held(folder: Path, slot: str) -> bool:
    """Say whether a living process has that slot."""
    try:
        with (folder / f"{slot}.lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def forget(folder: Path) -> None:
    """Let this process's own slot go, and remove the folder unless somebody else counts in it."""
    for slots in _taken:
        slots.let_go()
    if not any(is_held(folder, lock.stem) for lock in folder.glob("*.lock")):
        shutil.rmtree(folder, ignore_errors=True)


def together(folder: Path) -> Iterable[Metric]:
    """Return what all processes have counted; of what is only true while a process lives, that of the living."""
    files = [str(file) for file in folder.glob("*.db") if not _is_of_the_dead(folder, file)]
    merged: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
    return merged


def _is_of_the_dead(folder: Path, file: Path) -> bool:
    return file.name.startswith("gauge_live") and not is_held(folder, file.stem.rpartition("_")[2])

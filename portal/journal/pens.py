"""What appends to the journal: one file a process, on the disk before anybody is answered."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from portal.journal import segments
from portal.secrets import Vault

MOST_BYTES: Final = 16 * 1024 * 1024  # then the segment is closed, and the next one begins
LONGEST: Final = 24 * 3600.0  # seconds that one is open: it can be deleted only whole
PATIENCE: Final = 3.0  # seconds for whoever is at it: a disk over the network may not come back for minutes
TO_READ: Final = 0o640


class _File:
    """A segment as it grows."""

    def __init__(self, folder: Path, installation: str) -> None:
        self.name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{installation}-{uuid.uuid4().hex}"
        self.path = folder / f"{self.name}{segments.OPEN}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self.handle = os.open(self.path, flags, TO_READ)
        self.pid, self.since = os.getpid(), time.monotonic()
        self.previous, self.size, self.synced = segments.BEFORE_THE_FIRST, 0, 0
        self.installation, self.last = installation, (0, "")
        self.is_broken = False  # something could not be written: its last line may be torn, and nothing may follow that

    @property
    def is_full(self) -> bool:
        """Whether the next line belongs into another file."""
        return self.size > MOST_BYTES or time.monotonic() - self.since > LONGEST

    def append(self, vault: Vault, said: Sequence[tuple[str, str]]) -> None:
        """Write lines in one piece; raise OSError."""
        lines, previous = [], self.previous
        for number, words in said:
            lines.append(segments.line_of(vault, self.name, number, previous, words))
            previous = segments.hash_of(lines[-1])
        rest = b"".join(lines)
        size = self.size + len(rest)
        try:
            while rest:
                rest = rest[os.write(self.handle, rest) :]
        except OSError:
            self.is_broken = True
            raise
        self.previous, self.size = previous, size

    def sync(self, until: int) -> None:
        """Have it on the disk up to there; raise OSError where that is not known."""
        if self.synced >= until:
            return
        if self.handle < 0 or self.is_broken:  # the system tells of a failed `fsync` once: the next one says yes
            raise OSError(errno.EIO, "the file was given up before the disk had it")
        size = self.size
        try:
            os.fsync(self.handle)
        except OSError:
            self.is_broken = True
            raise
        self.synced = size

    def leave(self) -> None:
        """Close it as it is."""
        with suppress(OSError):
            self.sync(self.size)
        with suppress(OSError):
            os.close(self.handle)
        self.handle = -1


class Pen:
    """Appends lines. Threads share it: they write one after the other, and one `fsync` serves all that wait for it.

    A disk that does not answer keeps the thread that asked it; the others are told after a while, then at once.
    """

    def __init__(self, folder: Path, vault: Vault) -> None:
        self._folder, self._vault = folder, vault
        self._writing, self._syncing = threading.Lock(), threading.Lock()
        self._file: _File | None = None
        self._hangs = False

    def write(self, installation: str, said: Sequence[tuple[int, str, str]]) -> None:
        """Append entries (number, moment, JSON) and wait until the disk has them; raise OSError where it does not."""
        with self._at_it(self._writing):
            file = self._begun(installation)
            file.append(self._vault, [(str(number), words) for number, _at, words in said])
            file.last = said[-1][:2]
            until = file.size
        with self._at_it(self._syncing):
            file.sync(until)
        self._hangs = False

    def close(self) -> None:
        """Seal the segment: it says by itself that nothing is missing at its end. Raises OSError."""
        with self._at_it(self._writing):
            self._close()

    @contextmanager
    def _at_it(self, lock: threading.Lock) -> Iterator[None]:
        """Hold a lock; raise OSError where another thread has it for too long."""
        if not lock.acquire(timeout=0 if self._hangs else PATIENCE):
            self._hangs = True
            raise OSError(errno.ETIMEDOUT, "the disk does not answer")
        try:
            yield
        finally:
            lock.release()

    def _begun(self, installation: str) -> _File:
        """Return a file to write to: a process that was forked, or whose file is large, old or torn, begins another."""
        file = self._file
        if file is not None and file.pid != os.getpid():
            self._file = None  # the parent's
        elif file is not None and file.is_broken:
            self._leave()
        elif file is not None and (file.installation != installation or file.is_full):
            self._close()
        if self._file is None:
            self._file = _File(self._folder, installation)
            _sync_folder(self._folder)
        return self._file

    def _close(self) -> None:
        file = self._file
        if file is None or file.pid != os.getpid() or file.is_broken:
            self._leave()
            return
        written_at, sealed = os.fstat(file.handle).st_mtime_ns, file.path.with_suffix(segments.SEALED)
        file.append(self._vault, [(segments.END, json.dumps(dict(zip(("number", "at"), file.last, strict=True))))])
        self._leave()
        with suppress(FileNotFoundError):  # somebody took it away
            file.path.rename(sealed)
            os.utime(sealed, ns=(written_at, written_at))  # what it says is as old as before: it goes in its time
        _sync_folder(self._folder)

    def _leave(self) -> None:
        file, self._file = self._file, None
        if file is not None and file.pid == os.getpid():
            with self._at_it(self._syncing):
                file.leave()


def _sync_folder(folder: Path) -> None:
    """Have the folder itself on the disk: the file's name is in it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

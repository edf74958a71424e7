"""Where the segments lie: a folder that every machine of the installation shares."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from portal.journal import segments
from portal.secrets import Vault

RECENT: Final = 3600.0  # seconds since the last line: a process may have gone on writing to it over a restore
MOST: Final = 500  # lines of a segment that are looked at


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a segment: number and moment of its last entries, the last one first, and how far it was read."""

    name: str
    installation: str
    newest: tuple[tuple[int, str], ...]  # none where nothing can be trusted
    size: int

    @property
    def number(self) -> int:
        """The highest number among them, 0 for none."""
        return max((number for number, _at in self.newest), default=0)


class Folder:
    """The segments of a folder."""

    def __init__(self, path: Path, vault: Vault) -> None:
        self.path, self.vault = path, vault
        self._noted: dict[str, Tail] = {}

    def paths(self) -> list[Path]:
        """Return the files, those that were begun first in front; raise OSError where the folder cannot be read."""
        files = (path for path in self.path.iterdir() if path.suffix in (segments.OPEN, segments.SEALED))
        return sorted(files, key=lambda path: path.stem)

    def tails(self) -> list[Tail]:
        """Return the ends of the segments; of those that were noted, what was added, or the last one again.

        Raises OSError.
        """
        found = []
        for path in self.paths():
            try:
                found.append(self._tail(path, self._noted.get(path.stem)))
            except FileNotFoundError:  # sealed in this moment: it is there under its other name
                continue
        return found

    def note(self, tails: Sequence[Tail]) -> None:
        """These were compared with the database: the next time what is added to them is enough, and their last one."""
        self._noted = {tail.name: _last(tail) for tail in tails}

    def delete_older(self, seconds: float) -> int:
        """Delete segments that nobody has written to for so long; return how many. Raises OSError."""
        old = [path for path in self.paths() if time.time() - path.stat().st_mtime > seconds]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _tail(self, path: Path, noted: Tail | None) -> Tail:
        status = path.stat()
        if noted is not None and noted.size == status.st_size:
            return noted
        most = MOST if noted is not None or time.time() - status.st_mtime < RECENT else 1
        newest = segments.newest(path, self.vault, beyond=noted.size if noted is not None else 0, most=most)
        return Tail(path.stem, segments.installation_of(path.stem), tuple(newest), status.st_size)


def _last(tail: Tail) -> Tail:
    return tail if len(tail.newest) <= 1 else replace(tail, newest=tail.newest[:1])

"""Where the segments lie: a folder that every machine of the installation shares."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from portal.journal import segments
from portal.secrets import Vault


@dataclass(frozen=True)
class Tail:
    """How far a segment goes. `number` is 0 where nothing of it can be trusted."""

    name: str
    installation: str
    number: int


class Folder:
    """The segments of a folder."""

    def __init__(self, path: Path, vault: Vault) -> None:
        self.path, self.vault = path, vault
        self._known: dict[str, tuple[int, Tail]] = {}  # name and size: a segment that did not grow is read once

    def paths(self) -> list[Path]:
        """Return the files, those that were begun first in front; raise OSError where the folder cannot be read."""
        files = (path for path in self.path.iterdir() if path.suffix in (segments.OPEN, segments.SEALED))
        return sorted(files, key=lambda path: path.stem)

    def tails(self) -> list[Tail]:
        """Return how far each segment goes. Raises OSError."""
        found: dict[str, tuple[int, Tail]] = {}
        for path in self.paths():
            try:
                size = path.stat().st_size
                known = self._known.get(path.stem)
                found[path.stem] = known if known is not None and known[0] == size else (size, self._tail(path))
            except FileNotFoundError:  # sealed in this moment: it is there under its other name
                continue
        self._known = found
        return [tail for _size, tail in found.values()]

    def delete_older(self, seconds: float) -> int:
        """Delete segments that nobody has written to for so long; return how many. Raises OSError."""
        old = [path for path in self.paths() if time.time() - path.stat().st_mtime > seconds]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _tail(self, path: Path) -> Tail:
        return Tail(path.stem, segments.installation_of(path.stem), segments.last_number(path, self.vault))

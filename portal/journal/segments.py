"""A segment: a file that one process appends to, its lines sealed, authenticated and chained, and how it is read.

A line is `number previous box`: the entry's number (`end` for the line that closes the segment), the SHA-256 of the
line before, and the sealed entry.  The file's name, the number and that hash are bound to the box: a line that was
changed, moved, or taken to another segment does not open, and one that was taken out is missed by the next.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from portal.secrets import CannotOpen, Vault

OPEN, SEALED = ".open", ".sealed"
BEFORE_THE_FIRST: Final = "0" * 64
END: Final = "end"
PIECE: Final = 64 * 1024  # bytes read at once from the end


@dataclass(frozen=True)
class Entry:
    """What the database noted of one row. `act`: *is* and *seen* give its image, *gone* says that it is none more."""

    number: int
    at: str  # by the database's clock, ISO 8601
    of_table: str
    key: str
    act: str
    image: dict[str, Any] | None


@dataclass
class Segment:
    """What could be read of a file."""

    name: str
    entries: list[Entry] = field(default_factory=list)
    is_sealed: bool = False
    is_torn: bool = False  # its last line is not whole: the process died, or the disk was full, as it was written
    flaws: list[str] = field(default_factory=list)  # what cannot come of that


def installation_of(name: str) -> str:
    """Return the name of the installation that a segment's own name bears; empty where it bears none."""
    parts = name.split("-")
    return parts[1] if len(parts) == 3 else ""


def line_of(vault: Vault, name: str, number: str, previous: str, said: str) -> bytes:
    """Seal one line. `said` is the entry as JSON."""
    box = vault.seal_bytes(zlib.compress(said.encode(), 1), purpose=_bound(name, number, previous))
    return b" ".join((number.encode(), previous.encode(), base64.b64encode(box))) + b"\n"


def hash_of(line: bytes) -> str:
    """Return what the next line bears."""
    return hashlib.sha256(line).hexdigest()


def opened(vault: Vault, name: str, line: bytes) -> tuple[str, str, dict[str, Any]]:
    """Return a line's number, the hash before it, and what it says; raise CannotOpen for one that is not whole."""
    number, previous, box = _parts(line)
    sealed = vault.open_bytes(box, purpose=_bound(name, number, previous))
    return number, previous, json.loads(zlib.decompress(sealed))


def read(path: Path, vault: Vault) -> Segment:
    """Read a whole segment: every entry that can be trusted, and what is wrong with the rest."""
    found, previous = Segment(path.stem), BEFORE_THE_FIRST
    lines = path.read_bytes().splitlines(keepends=True)
    for place, line in enumerate(lines, start=1):
        try:
            number, before, said = opened(vault, path.stem, line)
        except CannotOpen:
            if place == len(lines) and not line.endswith(b"\n"):
                found.is_torn = True
            else:
                found.flaws.append(f"line {place} is not whole, or not ours")
            previous = hash_of(line)
            continue
        if before != previous:
            found.flaws.append(f"before line {place} something is missing")
        if number == END:
            found.is_sealed = True
        else:
            found.entries.append(entry_of(said))
        previous = hash_of(line)
    if path.suffix == SEALED and not found.is_sealed:
        found.flaws.append("its end is missing")
    return found


def newest(path: Path, vault: Vault, *, beyond: int, most: int) -> list[tuple[int, str]]:
    """Return number and moment of the newest entries, at most so many and none that ends before the byte `beyond`."""
    found: list[tuple[int, str]] = []
    left = path.stat().st_size - beyond
    for line in _from_the_end(path):
        if left <= 0 or len(found) >= most:
            break
        left -= len(line)
        with suppress(CannotOpen):
            _number, _previous, said = opened(vault, path.stem, line)
            found.append((int(said["number"]), str(said["at"])))
    return found


def entry_of(said: dict[str, Any]) -> Entry:
    """Return the entry that a line says."""
    return Entry(**{name: said[name] for name in ("number", "at", "of_table", "key", "act", "image")})


def _from_the_end(path: Path) -> Iterator[bytes]:
    """Return a file's lines, the last one first, without reading more of it than is asked for."""
    with path.open("rb") as file:
        place, rest = file.seek(0, 2), b""
        while place > 0:
            start = max(0, place - PIECE)
            file.seek(start)
            rest = file.read(place - start) + rest
            place = start
            lines = rest.splitlines(keepends=True)
            whole = lines if place == 0 else lines[1:]
            yield from reversed(whole)
            rest = lines[0] if place > 0 and lines else b""


def _parts(line: bytes) -> tuple[str, str, bytes]:
    pieces = line.split()
    if len(pieces) != 3 or not line.endswith(b"\n"):
        raise CannotOpen("not a whole line")
    try:
        return pieces[0].decode("ascii"), pieces[1].decode("ascii"), base64.b64decode(pieces[2], validate=True)
    except (UnicodeDecodeError, binascii.Error) as error:
        raise CannotOpen("not a line of a journal") from error


def _bound(name: str, number: str, previous: str) -> str:
    return f"journal:{name}:{number}:{previous}"

"""Large files at rest, sealed piece by piece with the master keys: backups of the database.

Each piece is bound to the file's own name, its place, and whether it is the last: none can be changed, moved or left
out, and a file that was cut short does not open.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from portal.secrets import CannotOpen, Vault

MAGIC: Final = b"portal-sealed-1\n"
PIECE: Final = 1024 * 1024
LENGTH: Final = struct.Struct(">I")


def sealing(vault: Vault, source: IO[bytes]) -> Iterator[bytes]:
    """Return the pieces of a sealed file that holds what `source` says to its end."""
    name = os.urandom(16)
    yield MAGIC + name
    place, piece = 0, source.read(PIECE)
    while True:
        following = source.read(PIECE) if piece else b""
        box = vault.seal_bytes(piece, purpose=_bound(name, place, is_last=not following))
        yield LENGTH.pack(len(box)) + box
        if not following:
            return
        place, piece = place + 1, following


def opened(vault: Vault, source: IO[bytes]) -> Iterator[bytes]:
    """Return the pieces of a sealed file; raise CannotOpen where it is not whole or not ours."""
    head = source.read(len(MAGIC) + 16)
    if not head.startswith(MAGIC) or len(head) != len(MAGIC) + 16:
        raise CannotOpen("not a sealed file")
    name, place, box = head[len(MAGIC) :], 0, _next(source)
    if box is None:
        raise CannotOpen("the file ends before its time")
    while box is not None:
        following = _next(source)
        yield vault.open_bytes(box, purpose=_bound(name, place, is_last=following is None))
        place, box = place + 1, following


def write_whole(path: Path, pieces: Iterator[bytes]) -> None:
    """Write a file that only its owner reads: there is all of it, or none. Raises FileExistsError."""
    was_there = path.exists()
    try:  # around the opening too: whoever is ended right after it leaves no file
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        if not was_there:
            path.unlink(missing_ok=True)
        raise


def _next(source: IO[bytes]) -> bytes | None:
    """Return the next box, None at the end of the file; raise CannotOpen for half a box."""
    length = source.read(LENGTH.size)
    if not length:
        return None
    if len(length) < LENGTH.size:
        raise CannotOpen("the file ends before its time")
    (size,) = LENGTH.unpack(length)
    box = source.read(size) if size <= 2 * PIECE else b""
    if len(box) != size:
        raise CannotOpen("the file ends before its time")
    return box


def _bound(name: bytes, place: int, *, is_last: bool) -> str:
    return f"backup:{name.hex()}:{place}:{'last' if is_last else 'more'}"

"""Files that are given piece by piece: one that is deleted meanwhile breaks off, and is not taken for a whole one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

Piece = TypeVar("Piece", str, bytes)


class CutOff(Exception):
    """Not all of a file could be given: what was given is to be thrown away."""


def whole(pieces: Iterator[Piece], size: int) -> Iterator[Piece]:
    """Yield the pieces of a file of so many bytes. Raises CutOff behind the last one where that is not all."""
    given = 0
    for piece in pieces:
        given += len(piece.encode() if isinstance(piece, str) else piece)
        yield piece
    if given != size:
        raise CutOff(f"{given} bytes of {size}")

"""Reading back what a PDF holds: its words as they are read out, its lines as they lie on the paper, its tags."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pypdf import PdfReader
from pypdf.generic import ArrayObject, ContentStream, DictionaryObject, IndirectObject

UNSEEN = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u2068\u2069"))
PAIR = re.compile(rb"<([0-9A-F]{4})> <([0-9A-F]+)>\n")


@dataclass
class Piece:
    """What is drawn at one place: its letters from left to right, and as they are read."""

    page: int
    x: float
    y: float
    drawn: str = ""
    read: str = ""


@dataclass
class Marks:
    """What the marked contents around a glyph say of it: spoken otherwise, or drawn in reverse."""

    open: list[tuple[str, str | None]] = field(default_factory=list)
    said: bool = False  # the words spoken instead were taken already

    @property
    def instead(self) -> str | None:
        return next((text for _name, text in self.open if text is not None), None)

    @property
    def is_reversed(self) -> bool:
        return any(name == "/ReversedChars" for name, _text in self.open)


def words_of(pdf: bytes) -> str:
    """Return what is read out, page after page, without any space and without unseen letters."""
    return "".join("".join(piece.read for piece in pieces(pdf)).translate(UNSEEN).split())


def lines_of(pdf: bytes) -> list[str]:
    """Return the lines as they lie on the paper, from left to right and from top to bottom."""
    lines: dict[tuple[int, int], list[Piece]] = {}
    for piece in pieces(pdf):
        lines.setdefault((piece.page, -round(piece.y)), []).append(piece)
    across = (sorted(lines[place], key=lambda piece: piece.x) for place in sorted(lines))
    return ["".join(piece.drawn for piece in line).translate(UNSEEN) for line in across]


def tags_of(pdf: bytes) -> list[str]:
    """Return the tags of the document's structure, outer before inner."""
    return list(_tags(PdfReader(io.BytesIO(pdf)).trailer["/Root"]["/StructTreeRoot"]))


def _tags(node: object) -> Iterator[str]:
    node = node.get_object() if isinstance(node, IndirectObject) else node
    if isinstance(node, ArrayObject):
        for child in node:
            yield from _tags(child)
    elif isinstance(node, DictionaryObject):
        if "/S" in node:
            yield str(node["/S"])
        yield from _tags(node.get("/K"))


def pieces(pdf: bytes) -> Iterator[Piece]:
    """Return what is drawn, in the order of the file."""
    reader = PdfReader(io.BytesIO(pdf))
    for number, page in enumerate(reader.pages):
        tables = {name: _table(font["/ToUnicode"].get_data()) for name, font in page["/Resources"]["/Font"].items()}
        yield from _of_page(number, ContentStream(page.get_contents(), reader), tables)


def _of_page(number: int, stream: ContentStream, tables: dict[str, dict[int, str]]) -> Iterator[Piece]:
    marks, table, origin, piece = Marks(), {}, (0.0, 0.0), Piece(number, 0, 0)
    for operands, operator in stream.operations:
        match operator:
            case b"BDC" | b"BMC":
                instead = operands[1].get("/ActualText") if operator == b"BDC" else None
                marks.open.append((operands[0], None if instead is None else str(instead)))
                marks.said = False
            case b"EMC":
                marks.open.pop()
            case b"cm":
                origin = float(operands[4]), float(operands[5])
            case b"Tf":
                table = tables[operands[0]]
            case b"Tm":
                piece = Piece(number, origin[0] + float(operands[4]), origin[1] - float(operands[5]))
            case b"Tj" | b"TJ":
                shown = [operands[0]] if operator == b"Tj" else operands[0]
                _show(piece, [one for one in shown if not isinstance(one, (int, float))], table, marks)
                yield piece
                piece = Piece(number, piece.x + 0.01, piece.y)


def _show(piece: Piece, shown: list[object], table: dict[int, str], marks: Marks) -> None:
    raw = b"".join(bytes(one.original_bytes) for one in shown)
    letters = [table[int.from_bytes(raw[at : at + 2])] for at in range(0, len(raw), 2)]
    piece.drawn = "".join(letters)
    piece.read = "".join(reversed(letters)) if marks.is_reversed else piece.drawn
    if marks.instead is not None:
        piece.drawn = piece.read = "" if marks.said else marks.instead
        marks.said = True


def _table(cmap: bytes) -> dict[int, str]:
    return {
        int(glyph, 16): bytes.fromhex(letters.decode()).decode("utf-16-be") for glyph, letters in PAIR.findall(cmap)
    }

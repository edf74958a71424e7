"""Reading back the words of a PDF that fpdf2 made with shaping: each glyph by its font's own table."""

from __future__ import annotations

import re
import zlib

OBJECT = re.compile(rb"(\d+) 0 obj\n<<\n(.*?)\n>>\n(?:stream\n(.*?)\nendstream\n)?endobj", re.DOTALL)
SHOWN = re.compile(rb"/(F\d+) [\d.]+ Tf|\(((?:\\.|[^\\)])*)\) Tj", re.DOTALL)
ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def words_of(pdf: bytes) -> str:
    """Return what is printed, without any space; right-to-left words come in the order they are drawn."""
    objects = {int(found[1]): (found[2], found[3]) for found in OBJECT.finditer(pdf)}
    tables = {
        name: _table(objects[_named(rb"ToUnicode", objects[int(number)][0])][1])
        for head, _ in objects.values()
        if b"/ProcSet" in head
        for name, number in re.findall(rb"/(F\d+) (\d+) 0 R", head)
    }
    pages = [_named(rb"Contents", head) for head, _ in objects.values() if head.endswith(b"/Type /Page")]
    printed = "".join(_printed(zlib.decompress(objects[page][1]), tables) for page in pages)
    return "".join(printed.split())


def _named(key: bytes, head: bytes) -> int:
    found = re.search(rb"/" + key + rb" (\d+) 0 R", head)
    assert found is not None, f"no {key!r}"
    return int(found[1])


def _table(cmap: bytes) -> dict[int, str]:
    pairs = re.findall(rb"<([0-9A-Fa-f]+)> <([0-9A-Fa-f]+)>\n", cmap)
    return {int(glyph, 16): bytes.fromhex(letters.decode()).decode("utf-16-be") for glyph, letters in pairs}


def _printed(content: bytes, tables: dict[bytes, dict[int, str]]) -> str:
    font, letters = b"", []
    for found in SHOWN.finditer(content):
        if found[1]:
            font = found[1]
            continue
        raw = re.sub(rb"\\(.)", lambda part: ESCAPES.get(part[1], part[1]), found[2], flags=re.DOTALL)
        letters += [tables[font][int.from_bytes(raw[at : at + 2])] for at in range(0, len(raw), 2)]
    return "".join(letters)

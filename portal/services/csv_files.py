"""Lines of a CSV that a spreadsheet opens: nothing in it is calculated there, whatever it takes for a separator."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Final

MARK: Final = "\ufeff"  # at the beginning of a file: tells Excel that it is UTF-8
# What a spreadsheet would calculate, at the beginning of a cell, or of what another separator makes one.
SIGNS: Final = "=+-@＝＋－＠\t\r"
SIGN: Final = f"[{re.escape(SIGNS)}]"
BEGINS: Final = r"(?:^|(?<=[;,\t\r\n|]))"
# Blanks are looked at in one go, with the sign behind them: else each line of many empty ones would look through all.
BLANKS: Final = re.compile(BEGINS + f'(?:[\\s"]+{SIGN}?|{SIGN})')
MARKED: Final = re.compile(f"""{BEGINS}'(?:[\\s"]|{BEGINS}')*{SIGN}?""")
BEGINNING: Final = re.compile(BEGINS + r"(?!\Z)")
APOSTROPHE: Final = re.compile(BEGINS + "'")


def line_of(cells: Iterable[object]) -> str:
    """Return one line, every cell in quotes; what looks like a formula gets an apostrophe before it."""
    held = io.StringIO()
    csv.writer(held, delimiter=";", quoting=csv.QUOTE_ALL).writerow(BLANKS.sub(_marked, str(cell)) for cell in cells)
    return held.getvalue()


def as_it_was(cell: str) -> str:
    """Return what stood in a cell before `line_of` wrote it: of a file of ours that is brought again."""
    return MARKED.sub(_plain, cell)


def _marked(blanks: re.Match[str]) -> str:
    """Return blanks with an apostrophe at each beginning that has a sign behind it."""
    end = _end(blanks[0])
    return BEGINNING.sub("'", blanks[0][:end]) + blanks[0][end:]


def _plain(marked: re.Match[str]) -> str:
    """Return the same without them."""
    end = _end(marked[0])
    return APOSTROPHE.sub("", marked[0][:end]) + marked[0][end:]


def _end(text: str) -> int:
    """Return where the last sign in it ends, 0 where there is none."""
    return 1 + max(map(text.rfind, SIGNS))

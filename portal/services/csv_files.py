"""Lines of a CSV that a spreadsheet opens: nothing in it is calculated there, whatever it takes for a separator."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Final

MARK: Final = "\ufeff"  # at the beginning of a file: tells Excel that it is UTF-8
# What a spreadsheet would calculate, at the beginning of a cell, or of what another separator makes one.
BEGINS: Final = r"(?:^|(?<=[;,\t\r\n|]))"
CALCULATED: Final = r'(?=[\s"]*[=+\-@＝＋－＠\t\r])'
FORMULA: Final = re.compile(BEGINS + CALCULATED)
MARKED: Final = re.compile(f"{BEGINS}'{CALCULATED}")


def line_of(cells: Iterable[object]) -> str:
    """Return one line, every cell in quotes; what looks like a formula gets an apostrophe before it."""
    held = io.StringIO()
    csv.writer(held, delimiter=";", quoting=csv.QUOTE_ALL).writerow(FORMULA.sub("'", str(cell)) for cell in cells)
    return held.getvalue()


def as_it_was(cell: str) -> str:
    """Return what stood in a cell before `line_of` wrote it: of a file of ours that is brought again."""
    return MARKED.sub("", cell)

"""Lines of a CSV that a spreadsheet opens: nothing in it is calculated there, whatever it takes for a separator."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Final

MARK: Final = "\ufeff"  # at the beginning of a file: tells Excel that it is UTF-8
# What a spreadsheet would calculate, at the beginning of a cell, or of what another separator makes one.
FORMULA: Final = re.compile(r'(?:^|(?<=[;,\t\r\n|]))(?=[\s"]*[=+\-@＝＋－＠\t\r])')


def line_of(cells: Iterable[object]) -> str:
    """Return one line, every cell in quotes; what looks like a formula gets an apostrophe before it."""
    held = io.StringIO()
    csv.writer(held, delimiter=";", quoting=csv.QUOTE_ALL).writerow(FORMULA.sub("'", str(cell)) for cell in cells)
    return held.getvalue()

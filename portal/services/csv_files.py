"""Lines of a CSV that a spreadsheet opens: nothing in it is calculated there."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Final

MARK: Final = "\ufeff"  # at the beginning of a file: tells Excel that it is UTF-8
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would calculate


def line_of(cells: Iterable[object]) -> str:
    """Return one line; a cell that looks like a formula gets an apostrophe before it."""
    held = io.StringIO()
    texts = (str(cell) for cell in cells)
    csv.writer(held, delimiter=";").writerow("'" + text if text.startswith(FORMULA) else text for text in texts)
    return held.getvalue()

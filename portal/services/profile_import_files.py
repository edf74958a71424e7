"""A merchant's list of classic profile ids, as files come: a plain list or a CSV in any of the usual dialects.

The file is refused as a whole, with the line, when its columns or its text cannot be understood; one bad id
only fails its own row.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MOST_BYTES: Final = 5 * 1024 * 1024
MOST_ROWS: Final = 200_000
MOST_COLUMNS: Final = 1_000
LONGEST_SHOWN: Final = 100  # of what stood in the file in an id's place; nothing longer is an id or a column's name
DELIMITERS: Final = (";", ",", "\t")
# Names of the column, without accents, spaces and marks, the surest first.
COLUMNS: Final = (
    "profileid",
    "recurringpaymentprofileid",
    "recurringpaymentid",
    "subscrid",
    "subscriptionid",
    "idduprofil",
    "iddeprofil",
    "idprofil",
    "identifiantduprofil",
    "identifiantdeprofil",
    "identifiantprofil",
    "identifiantdelabonnement",
    "numerodeprofil",
    "profile",
    "profil",
    "identifiant",
    "paypalid",
    "id",
)
PROFILE_ID: Final = re.compile(r"I-[A-Z0-9]{8,30}")
OLD_ID: Final = re.compile(r"S-[A-Z0-9]{8,30}")
_FOREIGN: Final = re.compile(r"[^\W\x00-\x7f]")
_LOOKS_LIKE_ID: Final = re.compile(r"[IS]-[A-Z0-9]*")


class FileFault(StrEnum):
    """Why a file cannot be taken at all; the page has a sentence for each."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    NOT_TEXT = "not_text"
    TOO_MANY_COLUMNS = "too_many_columns"
    COLUMNS = "columns"  # no column of a known name, and not a plain list either
    NO_ROWS = "no_rows"
    TOO_MANY_ROWS = "too_many_rows"
    QUOTES = "quotes"  # one that is never closed would swallow the rest of the file
    SEVERAL_COLUMNS = "several_columns"  # a plain list with a line of more than one value


class RowFault(StrEnum):
    """Why a row is not read at PayPal, known from the file alone."""

    NO_ID = "no_id"
    NOT_AN_ID = "not_an_id"
    OLD_ID = "old_id"  # `S-…`: PayPal's API answers 11592 to them (FACTS.md 3.1)
    DUPLICATE = "duplicate"


class BadFile(ValueError):
    """The file cannot be taken. `line` is where, as counted in the file; `seen` the columns that it has."""

    def __init__(self, fault: FileFault, *, line: int | None = None, seen: tuple[str, ...] = ()) -> None:
        super().__init__(f"{fault} at line {line}")
        self.fault = fault
        self.line = line
        self.seen = seen


@dataclass(frozen=True)
class ListedRow:
    """One id of the file, cleaned, with its line; `fault` when it is not worth a call to PayPal."""

    line: int
    profile_id: str
    fault: RowFault | None = None


def read_list(content: bytes) -> Iterator[ListedRow]:
    """Yield the file's rows one by one, blank lines left out; raise BadFile, also after some rows."""
    if len(content) > MOST_BYTES:
        raise BadFile(FileFault.TOO_LARGE)
    text = _decode(content)
    first = _first_line(text)
    if first is None:
        raise BadFile(FileFault.EMPTY)
    delimiter, column = _layout(first[1], line=first[0])
    seen: set[str] = set()
    number, rows = 0, _cells(text, delimiter)
    if column is not None:
        next(rows)
    for number, (line, cells) in enumerate(rows, start=1):
        if number > MOST_ROWS:
            raise BadFile(FileFault.TOO_MANY_ROWS, line=line)
        if column is None and any(cells[1:]):
            raise BadFile(FileFault.SEVERAL_COLUMNS, line=line)
        place = column or 0
        yield _row(line, cells[place] if place < len(cells) else "", seen)
    if number == 0:
        raise BadFile(FileFault.NO_ROWS)


def clean_id(cell: str) -> str:
    """Return an id as PayPal writes it, whatever a spreadsheet made of its dash, its case and its spaces.

    What is too long or has foreign letters comes back as it is: one sign may become 18, and each is looked at.
    """
    if PROFILE_ID.fullmatch(cell) or len(cell) > LONGEST_SHOWN:
        return cell
    plain = unicodedata.normalize("NFKC", cell)
    if _FOREIGN.search(plain):
        return cell
    plain = "".join("-" if unicodedata.category(sign) == "Pd" or sign == "\u2212" else sign for sign in plain)
    return "".join(sign for sign in plain if not sign.isspace() and unicodedata.category(sign) != "Cf").upper()


def _row(line: int, cell: str, seen: set[str]) -> ListedRow:
    profile_id, shown = clean_id(cell), " ".join(cell.split())[:LONGEST_SHOWN]
    if not profile_id:
        return ListedRow(line, "", RowFault.NO_ID)
    if profile_id in seen:
        return ListedRow(line, shown, RowFault.DUPLICATE)
    seen.add(profile_id)
    if PROFILE_ID.fullmatch(profile_id):
        return ListedRow(line, profile_id)
    if OLD_ID.fullmatch(profile_id):
        return ListedRow(line, profile_id, RowFault.OLD_ID)
    return ListedRow(line, shown, RowFault.NOT_AN_ID)


def _decode(content: bytes) -> str:
    """Return the file's text: UTF-8 (with or without its mark), else windows-1252; raise BadFile for no text."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = content.decode("windows-1252")
        except UnicodeDecodeError:
            raise BadFile(FileFault.NOT_TEXT) from None
    if re.search(r"[\x00-\x08\x0e-\x1b]", text):  # a spreadsheet, an archive, UTF-16
        raise BadFile(FileFault.NOT_TEXT)
    return text


def _first_line(text: str) -> tuple[int, str] | None:
    """Return the first line that says something, with its number."""
    lines = io.StringIO(text, newline=None)
    return next(((number, line) for number, line in enumerate(lines, start=1) if line.strip(' \t\r\n;,"')), None)


def _layout(first: str, *, line: int) -> tuple[str, int | None]:
    """Return the delimiter and the id's column; no column: a plain list without a header."""
    if max(map(first.count, DELIMITERS)) >= MOST_COLUMNS:  # counted before the line is taken apart, once a delimiter
        raise BadFile(FileFault.TOO_MANY_COLUMNS, line=line)
    for delimiter in DELIMITERS:
        names = [_column_name(cell) for cell in _split(first, delimiter)]
        for known in COLUMNS:
            if known in names:
                return delimiter, names.index(known)
    delimiter = max(DELIMITERS, key=first.count)
    cells = _split(first, delimiter)
    if _LOOKS_LIKE_ID.fullmatch(clean_id(cells[0])) and not any(cells[1:]):
        return delimiter, None
    seen = tuple(cell[:LONGEST_SHOWN] for cell in cells if cell)
    raise BadFile(FileFault.COLUMNS, line=line, seen=seen[:10])


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line.strip("\r\n")], delimiter=delimiter), [])]
    except csv.Error:  # a cell of more than 128 kB: no name of a column, and no id
        return [line[:LONGEST_SHOWN]]


def _column_name(cell: str) -> str:
    if len(cell) > LONGEST_SHOWN:
        return ""
    plain = unicodedata.normalize("NFKD", cell).casefold()
    return re.sub(r"[^a-z0-9]", "", plain)


def _cells(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not blank with the number of its first line."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    begins = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise BadFile(FileFault.QUOTES, line=begins) from None
        if any(cell.strip() for cell in cells):
            yield begins, [cell.strip() for cell in cells]
        begins = reader.line_num + 1

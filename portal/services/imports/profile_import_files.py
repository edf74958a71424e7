"""A merchant's list of classic profile ids, as files come: a plain list or a CSV in any of the usual dialects.

The file is refused as a whole, with the line, when its columns or its text cannot be understood; one bad id
only fails its own row.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import Final

from portal.domain.integrations.external_ids import LONGEST
from portal.services.csv_files import as_it_was

MOST_BYTES: Final = 5 * 1024 * 1024
MOST_ROWS: Final = 200_000
MOST_COLUMNS: Final = 1_000
LONGEST_SHOWN: Final = 100  # of what stood in the file in an id's place; nothing longer is an id or a column's name
DELIMITERS: Final = (";", ",", "\t")
SAMPLE: Final = 50  # rows whose cells say which column holds the ids
# Names of the column, without accents, spaces and marks, the surest first.
COLUMNS: Final = (
    "profileid",
    "recurringpaymentprofileid",
    "recurringpaymentid",
    "subscrid",
    "subscriptionid",
    "subscriptionnumber",
    "referencetxnid",
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
EXTERNAL: Final = "externalid"  # the column of the merchant's own ids
PROFILE_ID: Final = re.compile(r"I-[A-Z0-9]{8,30}")
OLD_ID: Final = re.compile(r"S-[A-Z0-9]{8,30}")
_FOREIGN: Final = re.compile(r"[^\W\x00-\x7f]")
_IS_ID: Final = re.compile(r"[IS]-[A-Z0-9]{8,30}")
_LOOKS_LIKE_ID: Final = re.compile(r"[IS]-[A-Z0-9]*")
# PayPal's own reports begin with RH and say first what each row is: these stand around names (CH) and bodies (SB).
_REPORT: Final = re.compile(r'\s*"?RH"?[;,\t]')
_AROUND: Final = re.compile(r'^"?(?:RH|FH|SH|SF|SC|FF|FC|RF|RC)"?[;,\t].*$', re.MULTILINE)
# What spreadsheets write and read before the rest.
_SEPARATOR_LINE: Final = re.compile(r'\s*"?sep=([^\r\n])"?[ \t]*(?=[\r\n]|\Z)', re.IGNORECASE)


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
    external_id: str = ""  # the merchant's own of the customer, as it stands in the file; empty: none does


@dataclass(frozen=True)
class _Layout:
    """How to read the file: `column` holds the ids; a plain list has one column and no header.

    `external` holds the merchant's own ids of the customers, where a column is named so.
    """

    delimiter: str
    column: int = 0
    has_header: bool = True
    is_plain: bool = False
    external: int | None = None


def read_list(content: bytes) -> Iterator[ListedRow]:
    """Yield the file's rows one by one, blank lines left out; raise BadFile, also after some rows."""
    if len(content) > MOST_BYTES:
        raise BadFile(FileFault.TOO_LARGE)
    text = _decode(content)
    if _REPORT.match(text):
        text = _AROUND.sub("", text)
    told = _SEPARATOR_LINE.match(text)
    if told is not None:  # the lines after it keep their numbers
        text = re.sub(r"[^\r\n]", "", told[0]) + text[told.end() :]
    first = _first_line(text)
    if first is None:
        raise BadFile(FileFault.EMPTY)
    layout = _with_own_ids(_layout(text, *first, (told[1],) if told is not None else DELIMITERS), first[1])
    seen: set[str] = set()
    number, rows = 0, _cells(text, layout.delimiter)
    if layout.has_header:
        next(rows)
    for number, (line, cells) in enumerate(rows, start=1):
        if number > MOST_ROWS:
            raise BadFile(FileFault.TOO_MANY_ROWS, line=line)
        if layout.is_plain and any(cells[1:]):
            raise BadFile(FileFault.SEVERAL_COLUMNS, line=line)
        own = _cell(cells, layout.external) if layout.external is not None else ""
        yield _row(line, _cell(cells, layout.column), own, seen)
    if number == 0:
        raise BadFile(FileFault.NO_ROWS)


def _cell(cells: list[str], column: int) -> str:
    return cells[column] if column < len(cells) else ""


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


def _row(line: int, cell: str, own: str, seen: set[str]) -> ListedRow:
    own = as_it_was(own)[: LONGEST + 1]  # one that is too long is still seen to be
    profile_id, shown = clean_id(cell), " ".join(cell.split())[:LONGEST_SHOWN]
    if not profile_id:
        return ListedRow(line, "", RowFault.NO_ID, own)
    if profile_id in seen:
        return ListedRow(line, shown, RowFault.DUPLICATE, own)
    seen.add(profile_id)
    if PROFILE_ID.fullmatch(profile_id):
        return ListedRow(line, profile_id, external_id=own)
    if OLD_ID.fullmatch(profile_id):
        return ListedRow(line, profile_id, RowFault.OLD_ID, own)
    return ListedRow(line, shown, RowFault.NOT_AN_ID, own)


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


def _layout(text: str, line: int, first: str, delimiters: tuple[str, ...]) -> _Layout:
    """Return the delimiter and the ids' column: by the header's name, unless the cells say otherwise.

    A header may mislead (a shop's own `id` beside PayPal's in a column of any name), or there may be none.
    """
    if max(map(first.count, delimiters)) >= MOST_COLUMNS:  # counted before the line is taken apart, once a delimiter
        raise BadFile(FileFault.TOO_MANY_COLUMNS, line=line)
    for delimiter in delimiters:
        names = [_column_name(cell) for cell in _split(first, delimiter)]
        named = [names.index(known) for known in COLUMNS if known in names]
        if named:
            ids = _ids(text, delimiter)
            likely = max(named, key=lambda place: ids[place])
            return _Layout(delimiter, likely if ids[likely] or not ids else ids.most_common(1)[0][0])
    return _layout_by_cells(text, line, first, delimiters)


def _with_own_ids(layout: _Layout, first: str) -> _Layout:
    names = [_column_name(cell) for cell in _split(first, layout.delimiter)] if layout.has_header else []
    return replace(layout, external=names.index(EXTERNAL)) if EXTERNAL in names else layout


def _layout_by_cells(text: str, line: int, first: str, delimiters: tuple[str, ...]) -> _Layout:
    """Find the ids where no column has a name that is known."""
    for delimiter in delimiters:
        ids, head = _ids(text, delimiter), [bool(_IS_ID.fullmatch(clean_id(cell))) for cell in _split(first, delimiter)]
        several = any(_split(first, delimiter)[1:])
        if ids and several and sum(head) <= 1:
            column = head.index(True) if any(head) else ids.most_common(1)[0][0]
            return _Layout(delimiter, column, has_header=not any(head))
    best = max(delimiters, key=first.count)
    cells = _split(first, best)
    if not any(cells[1:]):
        if _LOOKS_LIKE_ID.fullmatch(clean_id(cells[0])):
            return _Layout(best, has_header=False, is_plain=True)
        if _ids(text, best)[0]:
            return _Layout(best)
    seen = tuple(cell[:LONGEST_SHOWN] for cell in cells if cell)
    raise BadFile(FileFault.COLUMNS, line=line, seen=seen[:10])


def _ids(text: str, delimiter: str) -> Counter[int]:
    """Count the ids in each column of the first rows."""
    found: Counter[int] = Counter()
    try:
        for _line, cells in islice(_cells(text, delimiter), SAMPLE):
            found.update(place for place, cell in enumerate(cells) if _IS_ID.fullmatch(clean_id(cell)))
    except BadFile:  # said when the rows are read
        pass
    return found


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

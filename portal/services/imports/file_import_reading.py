"""A merchant's CSV as it comes, read in pieces: which text it is, what separates its cells, its header, its records.

Nothing is guessed in silence: the page says as what the file was read.  A file that cannot be read is refused as a
whole, with its line; what is wrong with one record is said when it is tried.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import IO, Final

from portal.domain.desk.file_import_lines import SLASHED
from portal.domain.desk.file_imports import MOST_BYTES, MOST_COLUMNS, MOST_LINES, NAMES, plain_name
from portal.services.csv_files import as_it_was

DELIMITERS: Final = (";", ",", "\t", "|")
LONGEST_LINE: Final = 64 * 1024  # signs between two ends of line
PIECE: Final = 1024 * 1024
RECORDS: Final = 500  # of one part: one transaction of a run
LARGEST_PART: Final = 400_000  # signs
LONGEST_NAME: Final = 100  # of a column
NO_TEXT: Final = (codecs.BOM_UTF32_LE, b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # the last two are spreadsheets'
UNSEEN: Final = re.compile(r"[\x01-\x08\x0e-\x1f]")
_SEPARATOR_LINE: Final = re.compile(r'"?sep=([^\r\n])"?[ \t]*[\r\n]*', re.IGNORECASE)
_BLANK_LINE: Final = re.compile(r'[\s;,|"]*')
_VALUE: Final = re.compile(
    r"[^@\s]+@[^@\s]+\.[^@\s]+|\d{4}-\d\d-\d\d.*|\d{1,2}[/.\-]\d{1,2}[/.\-]\d{2,4}|[-+]?[\d ]+([.,]\d+)?"
)


class FileFault(StrEnum):
    """Why a file cannot be taken at all; the page has a sentence for each."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    NOT_TEXT = "not_text"
    MIXED = "mixed"  # UTF-8 up to a line, and another encoding in it
    NUL = "nul"
    TOO_MANY_LINES = "too_many_lines"
    TOO_MANY_COLUMNS = "too_many_columns"
    LONG_LINE = "long_line"
    QUOTES = "quotes"  # one that is never closed would swallow the rest
    NO_HEADER = "no_header"
    HEADER_TWICE = "header_twice"
    NO_LINES = "no_lines"


class Encoding(StrEnum):
    """As which text a file was read."""

    UTF_8 = "utf-8"
    UTF_8_MARKED = "utf-8-sig"
    UTF_16 = "utf-16"  # its mark says which of the two
    UTF_16_LE = "utf-16-le"
    UTF_16_BE = "utf-16-be"
    WINDOWS = "windows-1252"  # and Latin-1, which it holds


class BadFile(ValueError):
    """The file cannot be taken. `line` is where, as counted in the file; `seen` what stood there of its header."""

    def __init__(self, fault: FileFault, *, line: int | None = None, seen: str = "") -> None:
        super().__init__(f"{fault} at line {line}")
        self.fault = fault
        self.line = line
        self.seen = seen


@dataclass(frozen=True)
class Record:
    """One record with the number of its first line; its cells are as they came, but for what our own files add."""

    line: int
    cells: list[str]


@dataclass(frozen=True)
class Layout:
    """How the file is read, and what its header says."""

    encoding: Encoding
    delimiter: str
    header: tuple[str, ...]


class Slashes:
    """Remembers in which columns a day stands that is not ISO 8601: somebody has to say what it means."""

    def __init__(self) -> None:
        self.columns: set[int] = set()

    def look(self, cells: list[str]) -> None:
        """Look at one record."""
        for place, cell in enumerate(cells):
            text = cell.strip()
            if 8 <= len(text) <= 10 and place not in self.columns and SLASHED.fullmatch(text):
                self.columns.add(place)


def layout_of(file: IO[bytes]) -> Layout:
    """Return how a file is read, from its beginning; all of its text is looked through. Raises BadFile."""
    encoding = _encoding(file)
    with _text(file, encoding) as text:
        first = _first_line(text)
    delimiter = first[1] or max(DELIMITERS, key=lambda one: _known(first[0], one))
    header = next(filter(_says_something, records(file, Layout(encoding, delimiter, ()))), None)
    if header is None:
        raise BadFile(FileFault.EMPTY)
    names = tuple(" ".join(cell.split())[:LONGEST_NAME] for cell in header.cells)
    _check_header(names, header.line)
    return Layout(encoding, delimiter, names)


def lines(file: IO[bytes], layout: Layout) -> Iterator[Record]:
    """Yield the records below the header, blank ones left out. Raises BadFile, also after some of them."""
    found, number = filter(_says_something, records(file, layout)), 0
    next(found)
    for number, record in enumerate(found, start=1):
        if number > MOST_LINES:
            raise BadFile(FileFault.TOO_MANY_LINES, line=record.line)
        yield record
    if not number:
        raise BadFile(FileFault.NO_LINES)


def _says_something(record: Record) -> bool:
    return any(cell.strip() for cell in record.cells)


def parts(found: Iterator[Record]) -> Iterator[list[Record]]:
    """Yield the records some hundreds at a time, fewer where they are long."""
    part: list[Record] = []
    signs = 0
    for record in found:
        part.append(record)
        signs += sum(map(len, record.cells))
        if len(part) >= RECORDS or signs >= LARGEST_PART:
            yield part
            part, signs = [], 0
    if part:
        yield part


def records(file: IO[bytes], layout: Layout) -> Iterator[Record]:
    """Yield every record from the beginning of the file. Raises BadFile."""
    with _text(file, layout.encoding) as text:
        source = _lines(text)
        reader = csv.reader(source, delimiter=layout.delimiter, strict=True)
        begins = 1
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                raise BadFile(FileFault.QUOTES, line=begins) from None
            except UnicodeError:
                raise BadFile(FileFault.NOT_TEXT, line=begins) from None
            if len(cells) > MOST_COLUMNS:
                raise BadFile(FileFault.TOO_MANY_COLUMNS, line=begins)
            if begins > 1 or not _SEPARATOR_LINE.fullmatch(layout.delimiter.join(cells)):
                yield Record(begins, [as_it_was(cell) for cell in cells])
            begins = reader.line_num + 1


def _encoding(file: IO[bytes]) -> Encoding:
    """Return as which text the file is read: by its mark, by its zeros, else UTF-8 if all of it is, else Windows'.

    Windows' only where its first accent says so: one line in another encoding than the rest would spoil all names.
    """
    file.seek(0)
    head = file.read(4096)
    if head.startswith(NO_TEXT):
        raise BadFile(FileFault.NOT_TEXT)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Encoding.UTF_16
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > len(head) / 6 and not even:
        return Encoding.UTF_16_LE
    if even > len(head) / 6 and not odd:
        return Encoding.UTF_16_BE
    is_marked = head.startswith(codecs.BOM_UTF8)
    for encoding in (Encoding.UTF_8_MARKED,) if is_marked else (Encoding.UTF_8, Encoding.WINDOWS):
        if _is_all(file, encoding):
            return encoding
    raise BadFile(FileFault.NOT_TEXT)


def _is_all(file: IO[bytes], encoding: Encoding) -> bool:
    file.seek(0)
    decoder, size, lines_read, has_accents = codecs.getincrementaldecoder(encoding.value)(), 0, 0, False
    try:
        while piece := file.read(PIECE):
            size += len(piece)
            if size > MOST_BYTES:
                raise BadFile(FileFault.TOO_LARGE)
            text = decoder.decode(piece)
            lines_read, has_accents = lines_read + text.count("\n"), has_accents or not text.isascii()
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        good = error.object[: error.start]
        if encoding is Encoding.UTF_8 and (has_accents or not good.isascii()):
            raise BadFile(FileFault.MIXED, line=lines_read + good.count(b"\n") + 1) from None
        return False
    return True


@contextmanager
def _text(file: IO[bytes], encoding: Encoding) -> Iterator[io.TextIOWrapper]:
    """Open the text of a file at its beginning; the file itself stays open."""
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding.value, newline="")
    try:
        yield text
    finally:
        text.detach()


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Yield lines of a bearable length, without signs that no text has."""
    number, size = 0, 0
    while line := text.readline(LONGEST_LINE + 1):
        number += 1
        size += len(line)
        if len(line) > LONGEST_LINE:
            raise BadFile(FileFault.LONG_LINE, line=number)
        if size > MOST_BYTES:
            raise BadFile(FileFault.TOO_LARGE, line=number)
        if "\0" in line:
            raise BadFile(FileFault.NUL, line=number)
        if UNSEEN.search(line):
            raise BadFile(FileFault.NOT_TEXT, line=number)
        yield line


def _first_line(text: io.TextIOWrapper) -> tuple[str, str]:
    """Return the first line that says something, and the separator that a line before it names."""
    told = ""
    try:
        for line in _lines(text):
            found = _SEPARATOR_LINE.fullmatch(line)
            if found is not None and not told:
                told = found[1]
            elif not _BLANK_LINE.fullmatch(line):
                return line, told
    except UnicodeError:
        raise BadFile(FileFault.NOT_TEXT) from None
    raise BadFile(FileFault.EMPTY)


def _known(line: str, delimiter: str) -> tuple[int, int]:
    """Return how many names of columns a separator leaves whole that are known, and how many cells it makes."""
    try:
        cells = next(csv.reader([line], delimiter=delimiter))
    except (csv.Error, StopIteration):
        return 0, 0
    known = frozenset().union(*NAMES.values())
    return sum(plain_name(cell) in known for cell in cells), len(cells)


def _check_header(names: tuple[str, ...], line: int) -> None:
    """Raise BadFile where the first record is no header, or names a column twice."""
    values = [name for name in names if _VALUE.fullmatch(name)]
    if values:
        raise BadFile(FileFault.NO_HEADER, line=line, seen=values[0])
    seen: set[str] = set()
    for name in names:
        if name and name.casefold() in seen:
            raise BadFile(FileFault.HEADER_TWICE, line=line, seen=name)
        seen.add(name.casefold())

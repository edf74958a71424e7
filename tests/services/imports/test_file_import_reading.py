"""A CSV as others write it: which text it is, what separates its cells, and why one cannot be taken."""

from __future__ import annotations

import io
import tracemalloc

import pytest

from portal.services.imports import file_import_reading as reading
from portal.services.imports.file_import_reading import BadFile, Encoding, FileFault, Slashes

TEXT = "email;nom\nzoe@client.test;Zoé « L’Été » €\n"


def read(content: bytes | str):
    file = io.BytesIO(content.encode() if isinstance(content, str) else content)
    layout = reading.layout_of(file)
    return layout, [(one.line, one.cells) for one in reading.lines(file, layout)]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (TEXT.encode(), Encoding.UTF_8),
        (TEXT.encode("utf-8-sig"), Encoding.UTF_8_MARKED),
        (TEXT.encode("utf-16"), Encoding.UTF_16),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), Encoding.UTF_16),
        (TEXT.encode("utf-16-le"), Encoding.UTF_16_LE),
        (TEXT.encode("utf-16-be"), Encoding.UTF_16_BE),
        (TEXT.encode("windows-1252"), Encoding.WINDOWS),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_every_usual_text_is_read_as_it_was_written(content, encoding):
    layout, rows = read(content)
    assert layout.encoding is encoding
    assert rows == [(2, ["zoe@client.test", "Zoé « L’Été » €"])]


def test_a_file_may_begin_with_many_blank_lines():
    assert read(b"\n" * 5000 + b"email;nom\na@client.test;A\n")[1] == [(5002, ["a@client.test", "A"])]


@pytest.mark.parametrize("blank", [" \n", '" ","\t"\n', "\u00a0\n", " \r\n\t\n", '"\n",\n'])
def test_a_line_of_blanks_is_no_header(blank):
    layout, rows = read(f"{blank}email,name\na@client.test,A\n")
    assert (layout.delimiter, layout.header) == (",", ("email", "name"))
    assert [cells for _line, cells in rows] == [["a@client.test", "A"]]


def test_latin_1_is_read_where_only_the_last_line_says_so():
    _layout, rows = read(b"email;nom\n" + b"a@client.test;A\n" * 100_000 + "z@client.test;Zoé\n".encode("latin-1"))
    assert rows[-1] == (100_002, ["z@client.test", "Zoé"])


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_the_separator_is_seen(delimiter):
    content = f'email{delimiter}nom\n"zoe@client.test"{delimiter}"a;b,c\td|e"\n'
    layout, rows = read(content)
    assert (layout.delimiter, rows) == (delimiter, [(2, ["zoe@client.test", "a;b,c\td|e"])])
    layout, rows = read(f"sep={delimiter}\r\n" + content.replace("\n", "\r\n"))
    assert (layout.delimiter, layout.header, rows[0][0]) == (delimiter, ("email", "nom"), 3)


def test_lines_keep_their_numbers_and_formulas_are_text():
    _layout, rows = read('\n\nemail;note\na@client.test;"x\ny"\n;;\n;\nb@client.test;=1+1\nc@client.test;\'=1+1\n')
    assert rows[0] == (4, ["a@client.test", "x\ny"])
    assert [line for line, _cells in rows] == [4, 8, 9]
    assert [cells[-1] for _line, cells in rows[-2:]] == ["=1+1", "=1+1"], "our own files put the apostrophe there"


@pytest.mark.parametrize(
    ("content", "fault", "line"),
    [
        (b"", FileFault.EMPTY, None),
        (b" \n\n ;;\n", FileFault.EMPTY, None),
        (b"\xef\xbb\xbf", FileFault.EMPTY, None),
        (b"\n" * 5000, FileFault.EMPTY, None),
        (b"\xef\xbb\xbfemail;name\na;Zo\xe9\n", FileFault.NOT_TEXT, None),
        (b"email;name\n", FileFault.NO_LINES, None),
        (b"email;name\n;\n\n", FileFault.NO_LINES, None),
        (b"zoe@client.test;Zoe\nian@client.test;Ian\n", FileFault.NO_HEADER, 1),
        (b"2027-04-03;x\n2027-04-03;y\n", FileFault.NO_HEADER, 1),
        (b"email;name;Email\nx;y;z\n", FileFault.HEADER_TWICE, 1),
        (b'email;name\na;b\nc;"never closed\nd;e\n', FileFault.QUOTES, 3),
        (b'email;name\na;"b"x\n', FileFault.QUOTES, 2),
        (b"email;name\na;b\nc;d\0\n", FileFault.NUL, 3),
        ("email;name\na;Zoé\nb;".encode() + b"Zo\xe9\n", FileFault.MIXED, 3),  # would else be read as « ZoÃ© »
        (b"email;name\n" + "a;Zoé\n".encode() * 50_000 + b"b;Zo\xe9\n", FileFault.MIXED, 50_002),
        (b"email;name\na;b\x07\n", FileFault.NOT_TEXT, 2),
        (b"email;name\na;\x81\n", FileFault.NOT_TEXT, None),
        (b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00", FileFault.NOT_TEXT, None),
        (b"email;name\na;" + b"x" * 70_000 + b"\n", FileFault.LONG_LINE, 2),
        (b"email" + b";x" * 200 + b"\n", FileFault.TOO_MANY_COLUMNS, 1),
    ],
)
def test_a_file_that_cannot_be_taken_says_why_and_where(content, fault, line):
    with pytest.raises(BadFile) as refused:
        read(content)
    assert (refused.value.fault, refused.value.line) == (fault, line)


def test_a_quote_that_is_never_closed_swallows_no_million_lines():
    content = b'email;name\na;"x\n' + b"b@client.test;y\n" * 200_000
    tracemalloc.start()
    with pytest.raises(BadFile) as refused:
        read(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (refused.value.fault, refused.value.line) == (FileFault.QUOTES, 2)
    assert peak < 12 * 1024 * 1024, "the pieces that are looked through for their encoding, and little more"


def test_the_most_that_is_taken(monkeypatch):
    monkeypatch.setattr(reading, "MOST_LINES", 3)
    assert len(read("email\n" + "a\n" * 3)[1]) == 3
    with pytest.raises(BadFile) as refused:
        read("email\n" + "a\n" * 4)
    assert (refused.value.fault, refused.value.line) == (FileFault.TOO_MANY_LINES, 5)
    monkeypatch.setattr(reading, "MOST_BYTES", 20)
    with pytest.raises(BadFile) as refused:
        read("email\n" + "a\n" * 20)
    assert refused.value.fault is FileFault.TOO_LARGE


def test_parts_are_short_in_lines_and_in_signs(monkeypatch):
    monkeypatch.setattr(reading, "RECORDS", 3)
    monkeypatch.setattr(reading, "LARGEST_PART", 10)
    file = io.BytesIO(b"email\n" + b"a\n" * 4 + b"bbbbbbbbbbbb\n" * 2)
    found = list(reading.parts(reading.lines(file, reading.layout_of(file))))
    assert [len(part) for part in found] == [3, 2, 1]


def test_columns_with_days_that_are_not_iso_are_seen():
    slashes = Slashes()
    for cells in (["2027-04-03", "03/04/2027", "x"], ["1.2.2027", "", "1/2/27"]):
        slashes.look(cells)
    assert slashes.columns == {0, 1}


@pytest.mark.parametrize("width", [10, 12, 13, 40])
def test_a_day_is_seen_however_wide_its_column_is(width):
    slashes = Slashes()
    slashes.look(["x".ljust(width), "03/04/2027".ljust(width), "3.4.2027".rjust(width)])
    assert slashes.columns == {1, 2}

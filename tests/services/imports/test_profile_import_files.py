"""Lists of profile ids as merchants bring them: every dialect of CSV, and every way to be wrong."""

from __future__ import annotations

import pytest

from portal.services.imports.profile_import_files import (
    MOST_BYTES,
    MOST_ROWS,
    BadFile,
    FileFault,
    RowFault,
    clean_id,
    read_list,
)

A, B, C = "I-AAAAAAAA1111", "I-BBBBBBBB2222", "I-CCCCCCCC3333"


def ids(content: bytes) -> list[str]:
    return [row.profile_id for row in read_list(content)]


def fault(content: bytes) -> BadFile:
    with pytest.raises(BadFile) as raised:
        list(read_list(content))
    return raised.value


@pytest.mark.parametrize(
    "text",
    [
        f"{A}\n{B}\n",
        f"{A}\r\n{B}",
        f"{A}\r{B}\r",
        f"\n\n  {A}  \n\n{B}\n\n",
        f'"{A}"\n"{B}"\n',
        f"{A};\n{B};\n",
        f"Profile ID\n{A}\n{B}\n",
        f"\n;;\nname;Profile ID\nZoé;{A}\n;{B}\n",
        f"name,subscr_id\nZoé,{A}\n,{B}\n",
        f"recurring_payment_id\tname\n{A}\tZoé\n{B}\t\n",
        f'"Identifiant";"Nom"\n"{A}";"Dupont; Zoé"\n"{B}";"sur\ndeux lignes"\n',
        f'"Nom, prénom","Identifiant du profil"\n"Dupont, Zoé","{A}"\n"Roy, Ian","{B}"\n',
        f"N°;IDENTIFIANT DE L’ABONNEMENT\n1;{A}\n2;{B}\n",
        f"{A.lower()}\n{B.replace('-', '–')}\n",  # a spreadsheet's dash
        f"I -AAAAAAAA1111\n\u00a0{B}\u200b\n",
    ],
)
@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "windows-1252"])
def test_every_usual_dialect(text, charset):
    if charset == "windows-1252":
        text = text.replace("\u200b", "")
    rows = list(read_list(text.encode(charset)))
    assert [row.profile_id for row in rows] == [A, B]
    assert all(row.fault is None for row in rows)


@pytest.mark.parametrize(
    "text",
    [
        f"id,user_id,subscription_transaction_id,status\n55,12,{A},success\n56,13,{B},success\n",  # a shop's own id
        f"id;Référence\n55;{A}\n56;{B}\n",
        f"Membre;Code\nZoé;{A}\nIan;{B}\n",  # no name that says anything
        f"Code\n{A}\n{B}\n",
        f"55,12,{A},success\n56,13,{B},success\n",  # no header at all
        f"Profile;subscr_id\nOr;{A}\nArgent;{B}\n",  # two known names
        f"sep=;\nProfile ID;Name\n{A};x, y\n{B};x\n",
        f'"sep=,"\r\nName,Profile ID\r\n"Dupont; Zoé",{A}\r\nx,{B}\r\n',
        f"SEP=\t\nName\tCode\nx\t{A}\ny\t{B}\n",
        f"sep=|\nName|Code\nx|{A}\ny|{B}\n",
        # PayPal: the activity download, the history, and the report of agreements
        f'"Date","Name","Type","Transaction ID","Reference Txn ID"\n"1/2/2026","Zoé","x","9AB12345CD678901E","{A}"\n'
        f'"1/2/2026","Ian","x","8AB12345CD678901E","{B}"\n',
        f"Date\tSubscription Number\n1/2/2026\t{A}\n2/2/2026\t{B}\n",
        f'"RH","2026/02/01","A","X",8\n"FH",1\n"SH","x"\n"CH","Subscription ID","Period"\n"SB","{A}","1 M"\n'
        f'"SB","{B}","1 M"\n"SF","EUR",2\n"SC",2\n"RF",2\n"RC",2\n"FF",2\n',
    ],
)
def test_the_column_is_the_one_whose_cells_are_ids(text):
    rows = list(read_list(text.encode()))
    assert [(row.profile_id, row.fault) for row in rows] == [(A, None), (B, None)]


def test_lines_keep_their_numbers_below_what_is_no_row():
    assert [row.line for row in read_list(f"sep=;\n\nName;Code\nx;{A}\ny;{B}\n".encode())] == [4, 5]
    report = f'"RH",1\n"FH",1\n"CH","Subscription ID"\n"SB","{A}"\n"SF",1\n"SB","{B}"\n'
    assert [row.line for row in read_list(report.encode())] == [4, 6]


def test_a_state_named_as_a_reports_rows_are_is_not_left_out():
    text = f"State;Profile ID\nSC;{A}\nRC;{B}\n"
    assert ids(text.encode()) == [A, B]


def test_a_named_column_without_any_id_among_ids_of_nobody_says_so_row_by_row():
    rows = list(read_list(b"Profile ID;name\nfoo;x\nbar;y\n"))
    assert [row.fault for row in rows] == [RowFault.NOT_AN_ID] * 2


@pytest.mark.parametrize(
    ("content", "expected", "line"),
    [
        (b"", FileFault.EMPTY, None),
        (b"\xef\xbb\xbf\r\n  \r\n", FileFault.EMPTY, None),
        (b";;;\n;;\n", FileFault.EMPTY, None),
        (b"PK\x03\x04\x14\x00\x06\x00", FileFault.NOT_TEXT, None),
        (f"{A}\n".encode("utf-16"), FileFault.NOT_TEXT, None),
        (b"\x89PNG\r\n\x1a\n\x00\x81", FileFault.NOT_TEXT, None),
        (b"name;email\nZo\xe9;z@x\n", FileFault.COLUMNS, 1),
        (b"\n\nhello\n", FileFault.COLUMNS, 3),
        (f"{A},{B},{C}\n".encode(), FileFault.COLUMNS, 1),
        (b"Profile ID\n\n;\n", FileFault.NO_ROWS, None),
        (f'Profile ID;name\n{A};"x\n{B};y\n'.encode(), FileFault.QUOTES, 2),
        (f"{A}\n{B};two\n".encode(), FileFault.SEVERAL_COLUMNS, 2),
        (b"x" * (MOST_BYTES + 1), FileFault.TOO_LARGE, None),
        (b"x" * MOST_BYTES, FileFault.COLUMNS, 1),
        (b"\nx" + b";" * (MOST_BYTES - 2), FileFault.TOO_MANY_COLUMNS, 2),
        (b"Profile ID" + b"\t" * 1_000, FileFault.TOO_MANY_COLUMNS, 1),
        (f"{A},".encode() * 1_001, FileFault.TOO_MANY_COLUMNS, 1),
        ((" " * 100).join("ProfileID").encode() + b"\nfoo", FileFault.COLUMNS, 1),  # too long for a name
        (b"Profile ID\n" + b"x" * 1_000_000, FileFault.QUOTES, 2),
    ],
)
def test_a_file_that_cannot_be_taken_says_why_and_where(content, expected, line):
    bad = fault(content)
    assert (bad.fault, bad.line) == (expected, line)


def test_1000_columns_are_taken():
    assert ids(b";" * 999 + f"Profile ID\n{';' * 999}{A}\n".encode()) == [A]


def test_what_is_too_long_for_an_id_is_none_whatever_it_would_come_to():
    spaced, wide = f"I-{' ' * 100}AAAAAAAA1111", "\ufdfa" * 6  # one sign for a sentence of 18
    long = "\ufdfa" * 100_000
    rows = list(read_list(f"Profile ID\n{spaced}\n{long}\n{wide}\n{B}\n".encode()))
    assert [row.fault for row in rows] == [RowFault.NOT_AN_ID] * 3 + [None]
    assert [row.profile_id for row in rows] == ["I- AAAAAAAA1111", long[:100], wide, B]
    assert clean_id(spaced) == spaced, "not looked at sign by sign"
    assert clean_id(wide) == wide, "nor what it would become"
    assert clean_id(f"I-{' ' * 80}aaaaaaaa1111") == A


def test_wrong_columns_are_named():
    assert fault("Nom;Courriel\nZoé;z@x\n".encode()).seen == ("Nom", "Courriel")


def test_each_bad_row_fails_alone_and_keeps_its_line():
    text = f"Profile ID;name\n{A};x\n;nobody\nfoo;x\nS-1AB23456CD789012E;old\n{A.lower()};again\n\n{B};x\nI-1;short\n"
    found = [(row.line, row.profile_id, row.fault) for row in read_list(text.encode())]
    assert found == [
        (2, A, None),
        (3, "", RowFault.NO_ID),
        (4, "foo", RowFault.NOT_AN_ID),
        (5, "S-1AB23456CD789012E", RowFault.OLD_ID),
        (6, A.lower(), RowFault.DUPLICATE),
        (8, B, None),
        (9, "I-1", RowFault.NOT_AN_ID),
    ]


def test_lines_are_counted_as_an_editor_counts_them():
    text = f'name;Profile ID\n"two\nlines";{A}\nx;{B}\n'
    assert [row.line for row in read_list(text.encode())] == [2, 4]


@pytest.mark.exhaustive
def test_200000_rows_are_taken_and_one_more_is_not():
    most = "\n".join(f"I-{number:012d}" for number in range(MOST_ROWS)).encode()
    assert len(most) <= MOST_BYTES
    assert sum(1 for _row in read_list(most)) == MOST_ROWS
    bad = fault(most + b"\nI-999999999999\n")
    assert (bad.fault, bad.line) == (FileFault.TOO_MANY_ROWS, MOST_ROWS + 1)


@pytest.mark.parametrize(
    ("text", "own"),
    [
        (f"Profile ID;external_id\n{A};user 4711\n{B};\n", ["user 4711", ""]),
        (f"external_id,name,subscr_id\nÉ-1,Zoé,{A}\n{'x' * 200},,{B}\n", ["É-1", "x" * 129]),
        (f"External ID\tid\nx\t{A}\n", ["x"]),
        (f"shop;Profile ID\n1;{A}\n", [""]),
        (f"{A}\n{B}\n", ["", ""]),
    ],
)
def test_a_column_may_hold_the_merchants_own_ids(text, own):
    assert [row.external_id for row in read_list(text.encode())] == own

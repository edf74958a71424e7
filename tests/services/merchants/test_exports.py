"""The archive of a merchant: every table is in it or named as left out, nothing of others, nothing secret."""

from __future__ import annotations

import csv
import io
import json
import uuid
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary

from portal.domain.audit import OPERATOR
from portal.domain.policies import Role
from portal.models import Base
from portal.queries.merchants import erasures, merchant_rows
from portal.services.merchants import exports
from portal.services.people import memberships

# Whatever opens something, by its name; a column that sounds like one is a secret until somebody says why not.
SOUNDS_SECRET = ("password", "secret", "token", "hash", "totp")
KNOWN_TO_BE_NONE = {
    ("audit_entries", "previous_hash"),
    ("audit_entries", "hash"),
    ("audit_heads", "hash"),
    ("event_endpoints", "secret_set_at"),
    ("event_endpoints", "former_secret_until"),
    ("paypal_accounts", "secret_ending"),
    ("time_stamps", "hash"),
    ("paypal_accounts", "token_scopes"),
}


def archive(ctx, merchant, now):
    file = io.BytesIO()
    exports.export(ctx, merchant.id, file, by=OPERATOR, now=now)
    with zipfile.ZipFile(file) as found:
        assert found.testzip() is None
        return {name: found.read(name).decode() for name in found.namelist()}


@pytest.mark.law("R-EU-22")
def test_every_table_is_in_it_or_named_as_left_out():
    assert {table.name for table in merchant_rows.tables()} | merchant_rows.LEFT_OUT == set(Base.metadata.tables)


def test_each_of_them_says_whose_its_rows_are():
    """By a column of its own or by the row that it hangs on, always the same one, which is never empty.

    A new table that does neither belongs to the left out.
    """
    for table in {*merchant_rows.tables(), *erasures.tables()}:
        told = {str(merchant_rows.of_merchant(_turned(table, way), uuid.uuid4())) for way in (1, -1)}
        assert len(told) == 1, table.name
        assert not merchant_rows.of_merchant(table, uuid.uuid4()).left.nullable, table.name


class _turned:
    """A table whose foreign keys come in another order: they are a set."""

    def __init__(self, table, way):
        self.name, self.c = table.name, table.c
        self.foreign_keys = sorted(table.foreign_keys, key=lambda key: key.parent.name)[::way]


def test_no_column_that_sounds_secret_and_no_sealed_box():
    shown = {(table.name, one.name): one for table in merchant_rows.tables() for one in merchant_rows.columns(table)}
    sounding = {key for key in shown if any(word in key[1] for word in SOUNDS_SECRET)}
    assert sounding == KNOWN_TO_BE_NONE
    boxes = {key for key, one in shown.items() if isinstance(one.type, LargeBinary)}
    assert boxes == {("logos", "content"), ("paypal_events", "body"), ("time_stamps", "reply")}


@pytest.mark.law("R-GD-7")
def test_the_merchants_rows_and_nobody_elses(ctx, make, hire, now):
    ours, theirs = make.merchant(name="L’Atelier"), make.merchant(name="Studio")
    product = make.product(ours, contents=(("Leçon 1", 0), ("Leçon 2", 7)))
    make.product(theirs, contents=(("Autre", 0),))
    mine, other = make.subscription(merchant=ours, product=product), make.subscription(merchant=theirs)
    make.payment(mine, 5)
    anne, bob = hire(ours), hire(theirs, email="bob@studio.test")
    files = archive(ctx, ours, now)
    rows = {
        name.removeprefix("jsonl/"): [json.loads(line) for line in text.splitlines()]
        for name, text in files.items()
        if name.startswith("jsonl/")
    }
    assert [one["name"] for one in rows["merchants.jsonl"]] == ["L’Atelier"]
    assert [one["id"] for one in rows["subscriptions.jsonl"]] == [str(mine.id)]
    assert {one["title"] for one in rows["product_contents.jsonl"]} == {"Leçon 1", "Leçon 2"}
    assert [one["email"] for one in rows["staff.jsonl"]] == ["lea@atelier.test"]
    assert len(rows["payments.jsonl"]) == 1
    whole = "".join(files.values())
    for word in (str(other.id), "bob@studio.test", str(theirs.id), anne.totp_secret, bob.totp_secret, "$argon2"):
        assert word not in whole
    assert rows["audit_entries.jsonl"][-1]["act"] == "export.merchant"
    assert "audit chain" in files["README.txt"]


@pytest.mark.law("R-GD-7")
def test_who_works_for_two_merchants_says_nothing_of_the_other(ctx, make, hire, now):
    ours, theirs = make.merchant(name="L’Atelier"), make.merchant(name="Studio")
    hire(ours)
    bob = hire(theirs, email="bob@studio.test").staff
    with ctx.db.begin() as session:
        memberships.join(session, bob, ours.id, Role.MANAGER, by=OPERATOR, at=now)
    files = archive(ctx, ours, now)
    assert "bob@studio.test" in files["jsonl/staff.jsonl"]
    assert str(theirs.id) not in "".join(files.values())


def test_it_is_of_one_moment_and_reads_in_pieces(ctx, make, now, monkeypatch):
    monkeypatch.setattr(merchant_rows, "BATCH", 2)
    merchant = make.merchant()
    for _ in range(7):
        make.customer(merchant)
    assert archive(ctx, merchant, now)["jsonl/customers.jsonl"].count("\n") == 7


def test_each_table_is_there_for_a_spreadsheet_too_and_says_what_the_lines_say(ctx, make, now):
    merchant = make.merchant()
    make.customer(merchant, name="=HYPERLINK(1)", email="zoe@client.test")
    files = archive(ctx, merchant, now)
    named = {name.partition("/")[2].partition(".")[0] for name in files if name != "README.txt"}
    assert named == {table.name for table in merchant_rows.tables()}
    assert len(files) == 2 * len(named) + 1
    (line,) = files["jsonl/customers.jsonl"].splitlines()
    told = list(csv.DictReader(files["csv/customers.csv"].removeprefix("\ufeff").splitlines(), delimiter=";"))
    row = json.loads(line)
    assert told == [{name: "" if value is None else _cell(value) for name, value in row.items()}]
    assert (row["name"], told[0]["name"]) == ("=HYPERLINK(1)", "'=HYPERLINK(1)")


def _cell(value):
    if isinstance(value, list):
        return json.dumps(value)
    return "'" + value if str(value).startswith("=") else str(value)


def test_what_each_file_holds_is_written_down():
    page = (Path(__file__).resolve().parents[3] / "docs" / "archive.md").read_text()
    told = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert told == {table.name for table in merchant_rows.tables()}

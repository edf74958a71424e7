"""A customer's archive: all that is theirs, nothing of anybody else, nothing secret; sealed, and gone after a week."""

from __future__ import annotations

import csv
import io
import json
import uuid
import zipfile
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.policies import Actor
from portal.models import Base, DataExport, ExportState, Mail, RetentionRun
from portal.queries.account import own_data
from portal.services.own_data import data_exports, retention
from portal.services.people import customer_notes
from tests.services.carrying.carried import ask as ask_for_end
from tests.services.carrying.carried import carry

ANNE = By(actor=Actor.STAFF, actor_id=uuid.uuid4(), channel="staff", name="Anne Legrand")
DAY = timedelta(days=1)


@pytest.fixture
def customer(make):
    return make.customer(make.merchant(name="L’Atelier"), name="=Zoé", email="zoe@client.test")


def wanted(ctx, customer, now, language="en"):
    return data_exports.ask(ctx, customer.merchant_id, customer.id, language=language, now=now)


def rows(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(DataExport)).all()


def made(ctx, customer, now, language="en"):
    data_exports.make(ctx, wanted(ctx, customer, now, language).id, now=now)
    _export, content = data_exports.content_of(ctx, customer.merchant_id, customer.id)
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        return {name: found.read(name).decode("utf-8") for name in found.namelist()}


@pytest.mark.law("R-GD-1")
def test_it_holds_what_is_theirs_and_nothing_of_others(ctx, make, customer, now):
    held, other = make.subscription(customer=customer), make.subscription(customer=None)
    make.payment(held, 5)
    make.payment(other, 7)
    carry(ctx, ask_for_end(ctx, make, held, reason_text="too dear"))
    customer_notes.write(ctx, customer.merchant_id, customer.id, "called twice", by=ANNE, now=now)
    files = made(ctx, customer, now)
    whole = json.loads(files["data.json"])
    assert whole["record"][0]["email"] == "zoe@client.test"
    assert [one["id"] for one in whole["subscriptions"]] == [str(held.id)]
    assert [one["amount"] for one in whole["payments"]] == ["29.9000"]
    (request,) = whole["requests_to_end"]
    assert (request["comment"], request["state"]) == ("too dear", "confirmed")
    assert whole["proofs"][0]["facts"]["reference"] == request["reference"]
    assert whole["notes"][0]["text"] == "called twice"
    assert [one["is_open"] for one in whole["access"]] == [True]
    assert {one["kind"] for one in whole["emails"]} >= {"end_confirmed"}
    said = "".join(files.values())
    for word in (str(other.id), other.customer.email, "Legrand", "token", "hash", "link/"):
        assert word not in said, word


@pytest.mark.law("R-GD-1")
def test_every_part_stands_in_both_forms_and_is_safe_in_a_spreadsheet(ctx, customer, now):
    files = made(ctx, customer, now)
    parts = {*own_data.PARTS, "access"}
    assert {name for name in files if name.startswith("csv/")} == {f"csv/{part}.csv" for part in parts}
    assert json.loads(files["data.json"]).keys() == {*parts, "merchant", "made_at"}
    (record,) = csv.DictReader(io.StringIO(files["csv/record.csv"].removeprefix("\ufeff")), delimiter=";")
    assert record["name"] == "'=Zoé"
    assert record["payer_id"] == ""


def test_a_table_that_names_customers_is_in_it_or_left_out_on_purpose():
    """Not in it: secrets, what only opens a door, what stands for nobody, and what the archive is made of itself."""
    left_out = {"login_challenges", "customer_joinings", "erased_payers", "data_exports", "search_words"}
    left_out.add("access_marks")  # what others were told of what the access part shows
    named = {table.name for table in Base.metadata.sorted_tables if "customer_id" in table.c}
    asked = "".join(f"{statement(uuid.uuid4())}".replace("\n", " ") for statement in own_data.PARTS.values())
    assert {name for name in named if f" {name}." not in asked} == left_out


def test_asked_five_times_there_is_one(ctx, customer, now):
    first = wanted(ctx, customer, now)
    assert {wanted(ctx, customer, now).id for _ in range(4)} == {first.id}
    data_exports.make(ctx, first.id, now=now)
    assert wanted(ctx, customer, now + timedelta(hours=23)).id == first.id, "fresh"
    later = wanted(ctx, customer, now + DAY)
    assert later.id != first.id
    assert len(rows(ctx)) == 2, "the old one can be had until the new one is made"
    data_exports.make(ctx, later.id, now=now + DAY)
    assert [one.id for one in rows(ctx)] == [later.id]


def test_made_twice_it_is_told_once_and_the_mail_carries_nothing(ctx, customer, mailer, left, now):
    export = wanted(ctx, customer, now)
    for _ in range(2):
        data_exports.make(ctx, export.id, now=now)
    (letter,) = left(utc_now())
    assert letter.to == "zoe@client.test"
    assert "/data" in letter.text


def test_it_is_sealed_for_its_own_row(ctx, make, customer, now):
    other = make.customer(make.merchant())
    for one in (customer, other):
        data_exports.make(ctx, wanted(ctx, one, now).id, now=now)
    with ctx.db.begin() as session:
        mine, theirs = session.scalars(select(DataExport).order_by(DataExport.customer_id == other.id)).all()
        assert b"PK" not in bytes(mine.content)[:64]
        theirs.content = mine.content
    with pytest.raises(Exception, match="does not open"):
        data_exports.content_of(ctx, other.merchant_id, other.id)


def test_nobody_elses_is_given(ctx, make, customer, now):
    data_exports.make(ctx, wanted(ctx, customer, now).id, now=now)
    other = make.customer(make.merchant())
    for merchant_id, customer_id in ((customer.merchant_id, other.id), (other.merchant_id, customer.id)):
        with pytest.raises(NoResultFound):
            data_exports.content_of(ctx, merchant_id, customer_id)


def test_after_a_week_the_night_takes_it_away(ctx, customer, now):
    data_exports.make(ctx, wanted(ctx, customer, now).id, now=now)
    retention.run(ctx, now=now + 6 * DAY)
    assert [one.state for one in rows(ctx)] == [ExportState.READY]
    retention.run(ctx, now=now + 8 * DAY)
    assert rows(ctx) == []
    with ctx.db.read() as session:
        nights = session.scalars(select(RetentionRun).order_by(RetentionRun.created_at)).all()
        assert [night.counts["exports"] for night in nights] == [0, 1]
        assert session.scalars(select(Mail.kind)).all() == ["data_ready"]

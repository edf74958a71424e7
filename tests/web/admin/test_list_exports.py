"""A list as a file: the rows and the order that it shows, safe for a spreadsheet, whoever may take it."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text

from portal.domain.ended_by import EndedBy
from portal.domain.subscriptions import Status
from portal.queries import list_exports as queries
from portal.services import list_exports
from tests.web.admin.test_subscription_list import ids


def taken(page, press):
    return page.submit(press=press)


def csv_rows(page):
    assert page.response.mimetype == "text/csv"
    assert page.body.startswith("\ufeff")
    return list(csv.DictReader(page.body.removeprefix("\ufeff").splitlines(), delimiter=";"))


def json_rows(page):
    assert page.response.mimetype == "application/jsonl"
    return [json.loads(line) for line in page.body.splitlines()]


@pytest.fixture
def three(make, merchant):
    noon = datetime(2026, 3, 29, 10, tzinfo=UTC)
    anna = make.customer(merchant, name="=HYPERLINK(1)", email="anna@client.test")
    columns = {"merchant": merchant, "at_paypal": False}
    ended = {"status": Status.CANCELLED, "ended_by": EndedBy.STAFF, "amount": Decimal("1234.50"), "currency": "EUR"}
    return [
        make.subscription(customer=anna, ended_at=noon, **ended, **columns),
        make.subscription(ended_at=noon.replace(day=1), **ended, **columns),
        make.subscription(**columns),
    ]


def test_the_file_holds_what_the_list_shows_in_its_order(manager, three):
    page = manager.get("/admin/subscriptions?state=cancelled&sort=ended")
    told = csv_rows(taken(page, "Download as CSV"))
    assert [row["id"] for row in told] == ids(page) == [str(three[1].id), str(three[0].id)]
    lines = json_rows(taken(page, "Download as JSON Lines"))
    assert [row["id"] for row in lines] == ids(page)
    assert [set(row) for row in lines] == [set(told[0])] * 2


def test_times_are_iso_by_the_merchants_clock_and_amounts_decimal(manager, three):
    page = manager.get("/admin/subscriptions?ended_from=2026-03-29")
    (row,) = json_rows(taken(page, "Download as JSON Lines"))
    assert row["ended_at"] == "2026-03-29T12:00:00+02:00", "the clock had just changed"
    assert (row["amount"], row["currency"]) == ("1234.50", "EUR")
    assert (row["status"], row["ended_by"], row["key"]) == ("cancelled", "staff", "paypal_rest")
    assert row["customer_name"] == "=HYPERLINK(1)", "nothing calculates JSON"
    (row,) = csv_rows(taken(page, "Download as CSV"))
    assert (row["customer_name"], row["next_payment_at"]) == ("'=HYPERLINK(1)", "")
    assert row["ended_at"] == "2026-03-29T12:00:00+02:00"


def test_customers_too_and_a_search(manager, three, make):
    page = manager.get("/admin/customers?state=cancelled&q=anna@client.test")
    (row,) = json_rows(taken(page, "Download as JSON Lines"))
    assert (row["email"], row["contact_allowed"]) == ("anna@client.test", True)
    assert [one["id"] for one in csv_rows(taken(page, "Download as CSV"))] == ids(page)


def test_pages_of_one_file_lose_nobody(manager, make, merchant, monkeypatch):
    monkeypatch.setattr(queries, "BATCH", 2)
    made = [make.subscription(merchant=merchant, at_paypal=False) for _number in range(5)]
    told = csv_rows(taken(manager.get("/admin/subscriptions?sort=next"), "Download as CSV"))
    assert {row["id"] for row in told} == {str(one.id) for one in made}
    assert len(told) == 5


def test_more_rows_than_one_file_takes_are_no_file(manager, three, monkeypatch):
    monkeypatch.setattr(list_exports, "AT_ONCE", 2)
    page = taken(manager.get("/admin/subscriptions"), "Download as CSV")
    assert "This list has more than 5,000 rows." in page.notices[0]
    page = manager.get("/admin/subscriptions?state=cancelled")
    assert len(csv_rows(taken(page, "Download as CSV"))) == 2


def test_managers_take_it_and_nobody_below(support, manager, enter, make, three):
    page = support.get("/admin/subscriptions")
    assert "Export this list" not in page.text
    token = support.values_of(page)["csrf_token"]
    support.post("/admin/subscriptions/export", {"csrf_token": token, "format": "csv"}, status=403)
    token = manager.values_of(manager.get("/admin/subscriptions"))["csrf_token"]
    manager.post("/admin/customers/export", {"csrf_token": token, "format": "xml"}, status=422)
    other = enter(make.merchant())
    make.subscription(merchant=make.merchant(), at_paypal=False)
    token = other.values_of(other.get("/admin/views/new"))["csrf_token"]
    answer = other.post("/admin/subscriptions/export", {"csrf_token": token, "format": "jsonl"}, status=200)
    assert answer.body == ""


def test_an_address_in_vain_gives_no_other_list(manager, three):
    token = manager.values_of(manager.get("/admin/subscriptions"))["csrf_token"]
    sent = {"csrf_token": token, "format": "csv"}
    answer = manager.client.post("/admin/subscriptions/export?state=nonsense", data=sent)
    assert answer.status_code == 303
    assert "Status: there is no “nonsense”." in manager.get(answer.headers["Location"]).text


def test_the_chain_says_what_was_taken_and_nobodys_name(manager, three, ctx):
    taken(manager.get("/admin/subscriptions?state=cancelled&q=hyperlink"), "Download as CSV")
    with ctx.db.read() as session:
        (details,) = session.scalars(text("SELECT details FROM audit_entries WHERE act = 'export.list'"))
    assert details == {
        "list": "subscriptions", "format": "csv", "rows": 1, "query": [["state", "cancelled"]], "searched": True,
    }  # fmt: skip

"""A list as a file: the rows and the order that it shows, safe for a spreadsheet, whoever may take it."""

from __future__ import annotations

import csv
import json
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text, update

from portal.clock import utc_now
from portal.domain.audit import PORTAL
from portal.domain.ends.end_requests import RequestState
from portal.domain.ends.ended_by import EndedBy
from portal.domain.subscriptions import Status
from portal.models import ListExport, ListExportPart, Mail
from portal.queries.desk import list_exports as queries
from portal.services import list_exports
from portal.services.handing_over import CutOff
from tests.web.admin.test_subscription_list import ids
from tests.web.admin.waiting import make_request


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


def test_a_file_says_why_when_and_under_which_reference(manager, make, merchant, now):
    """What the lists are narrowed by, and what the merchant brought themselves, is in their file too."""
    own = {"reference": "2026-00412", "extra": {"Salon": "Zürich; oben"}}
    one = make.subscription(merchant=merchant, at_paypal=False, **own)
    make_request(make, one, now - timedelta(days=9), reason_code="cost", state=RequestState.WITHDRAWN)
    day = now + timedelta(days=5)
    asked = {"reason_code": "technical", "reason_text": "Bugs, bugs", "state": RequestState.RECORDED, "due_at": day}
    make_request(make, one, now, **asked)
    make.subscription(merchant=merchant, at_paypal=False)
    page = manager.get("/admin/subscriptions?sort=created")
    row, bare = csv_rows(taken(page, "Download as CSV"))
    assert (row["reference"], json.loads(row["extra"])) == ("2026-00412", own["extra"])
    assert (row["reason"], row["reason_text"]) == ("technical", "Bugs, bugs")
    assert datetime.fromisoformat(row["planned_end"]) == day.replace(microsecond=0)
    assert [bare[name] for name in ("reference", "extra", "reason", "reason_text", "planned_end")] == [""] * 5
    row, bare = json_rows(taken(page, "Download as JSON Lines"))
    assert (row["extra"], bare["extra"], bare["reason"]) == (own["extra"], {}, None)


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


@pytest.fixture
def long(monkeypatch):
    """Every list of more than two rows is a long one."""
    monkeypatch.setattr(list_exports, "AT_ONCE", 2)
    monkeypatch.setattr(queries, "BATCH", 2)


def only_export(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(ListExport)).one()


def test_a_long_list_is_made_by_a_worker_and_taken_when_it_is_ready(manager, three, long, ctx, now):
    page = taken(manager.get("/admin/subscriptions?sort=ended"), "Download as CSV")
    assert page.h1 == "Your file is being prepared"
    assert not page.select("main form")
    made = only_export(ctx)
    list_exports.make(ctx, made.id, now=utc_now())
    page = manager.get(page.path)
    assert page.h1 == "Your file is ready"
    told = csv_rows(taken(page, "Download the file"))
    assert [row["id"] for row in told] == [str(three[1].id), str(three[0].id), str(three[2].id)]
    with ctx.db.read() as session:
        (mail,) = session.scalars(select(Mail).where(Mail.kind == "staff_list_ready"))
        stored = session.scalars(select(ListExportPart.content)).all()
    assert mail.recipient.endswith("@desk.test")
    assert len(stored) == 3, "a head and two stretches"
    assert not any(b"HYPERLINK" in one for one in stored), "packed and sealed"


def test_started_twice_is_one_file_and_three_are_enough(manager, three, long, ctx):
    first = taken(manager.get("/admin/subscriptions"), "Download as CSV").path
    assert taken(manager.get("/admin/subscriptions"), "Download as CSV").path == first
    others = ("/admin/subscriptions?sort=next", "/admin/subscriptions?sort=ended")
    assert len({taken(manager.get(path), "Download as CSV").path for path in others} | {first}) == 3
    page = taken(manager.get("/admin/customers"), "Download as JSON Lines")
    assert "Three files are being prepared already." in page.notices[0]
    list_exports.make(ctx, uuid.UUID(first.rpartition("/")[2]), now=utc_now())
    assert taken(manager.get("/admin/subscriptions"), "Download as CSV").path != first, "what is ready is of its moment"


def test_rows_that_change_meanwhile_are_in_the_file_as_they_were(manager, three, long, ctx, monkeypatch):
    taken(manager.get("/admin/subscriptions?sort=ended"), "Download as JSON Lines")
    keep, changed = list_exports._keep, []

    def change(*given):
        if not changed and given[2] == 2:
            with ctx.db.begin() as session:
                session.execute(text("UPDATE subscriptions SET created_at = now(), currency = 'XXX'"))
            changed.append(True)
        return keep(*given)

    monkeypatch.setattr(list_exports, "_keep", change)
    list_exports.make(ctx, only_export(ctx).id, now=utc_now())
    assert changed
    page = manager.get(f"/admin/exports/{only_export(ctx).id}")
    rows = json_rows(taken(page, "Download the file"))
    assert len({row["id"] for row in rows}) == len(rows) == 3
    assert {row["currency"] for row in rows} == {"EUR"}


def test_a_job_that_was_overtaken_writes_nothing_more_and_one_that_was_lost_is_made_anew(
    manager, three, long, ctx, monkeypatch
):
    taken(manager.get("/admin/subscriptions"), "Download as CSV")
    made, keep = only_export(ctx), list_exports._keep

    def overtaken(*given):
        if given[2] == 2 and not overtaken.done:
            overtaken.done = True
            list_exports.make(ctx, made.id, now=utc_now())
        return keep(*given)

    overtaken.done = False
    monkeypatch.setattr(list_exports, "_keep", overtaken)
    list_exports.make(ctx, made.id, now=utc_now())
    assert only_export(ctx).rows == 3
    assert len(csv_rows(taken(manager.get(f"/admin/exports/{made.id}"), "Download the file"))) == 3
    with ctx.db.begin() as session:
        session.execute(update(ListExport).values(state="running", ready_at=None))
    assert list_exports.sweep(ctx, now=utc_now()) == 0
    assert list_exports.sweep(ctx, now=utc_now() + timedelta(minutes=21)) == 1


@pytest.mark.parametrize("narrowed", ["subscriptions?state=active", "customers?sort=-known"])
def test_one_that_could_not_be_made_says_so_and_is_started_again_as_it_was_asked(
    manager, three, long, ctx, narrowed, monkeypatch
):
    monkeypatch.setattr(list_exports, "AT_ONCE", 0)
    path = taken(manager.get(f"/admin/{narrowed}"), "Download as JSON Lines").path
    first = only_export(ctx)
    list_exports.give_up(ctx, first.id, now=utc_now())
    page = manager.get(path)
    assert page.h1 == "Your file could not be made"
    assert "Your data is as it was." in page.text
    again = taken(page, "Start again")
    assert again.h1 == "Your file is being prepared"
    assert again.path != path
    with ctx.db.read() as session:
        second = session.scalars(select(ListExport).where(ListExport.id != first.id)).one()
    asked = "of_list", "file_format", "query"
    assert [getattr(second, name) for name in asked] == [getattr(first, name) for name in asked]


def test_those_that_could_not_be_made_take_nobodys_turn(manager, three, long, ctx):
    for order in ("next", "ended", "customer"):
        taken(manager.get(f"/admin/subscriptions?sort={order}"), "Download as CSV")
    with ctx.db.begin() as session:
        session.execute(update(ListExport).values(failed_at=utc_now()))
    assert taken(manager.get("/admin/subscriptions"), "Download as CSV").h1 == "Your file is being prepared"


def test_it_is_gone_after_seven_days(manager, three, long, ctx):
    path = taken(manager.get("/admin/subscriptions"), "Download as CSV").path
    made = only_export(ctx)
    list_exports.make(ctx, made.id, now=utc_now())
    list_exports.purge(ctx, now=utc_now() + timedelta(days=6, hours=23))
    assert only_export(ctx).state == "ready"
    list_exports.purge(ctx, now=utc_now() + timedelta(days=7, minutes=1))
    page = manager.get(path, status=404)
    assert "deleted seven days after" in page.text
    with ctx.db.read() as session:
        assert session.scalars(select(ListExportPart)).all() == []


def test_it_is_over_after_seven_days_though_nobody_has_deleted_it_yet(manager, three, long, ctx):
    page = taken(manager.get("/admin/subscriptions"), "Download as CSV")
    list_exports.make(ctx, only_export(ctx).id, now=utc_now())
    ready = manager.get(page.path)
    with ctx.db.begin() as session:
        session.execute(update(ListExport).values(ready_at=utc_now() - timedelta(days=7, minutes=1)))
    assert "deleted seven days after" in manager.get(page.path, status=404).text
    ready.submit(press="Download the file", status=404)


@pytest.mark.parametrize("lost", ["role = 'support'", "disabled_at = now()"])
@pytest.mark.parametrize("when", ["before it is made", "while it is made"])
def test_who_may_take_no_lists_any_more_gets_no_file_and_no_mail(manager, three, long, ctx, monkeypatch, lost, when):
    taken(manager.get("/admin/subscriptions"), "Download as CSV")
    keep = list_exports._keep

    def let_go():
        with ctx.db.begin() as session:
            session.execute(text(f"UPDATE memberships SET {lost}"))  # noqa: S608

    def letting_go(*given):
        let_go()
        return keep(*given)

    if when == "before it is made":
        let_go()
    else:
        monkeypatch.setattr(list_exports, "_keep", letting_go)
    list_exports.make(ctx, only_export(ctx).id, now=utc_now())
    with ctx.db.read() as session:
        assert session.scalars(select(ListExport)).all() == []
        assert session.scalars(select(ListExportPart)).all() == []
        assert session.scalars(select(Mail).where(Mail.kind == "staff_list_ready")).all() == []


def test_nobody_else_sees_the_file(manager, owner, enter, make, three, long, ctx):
    path = taken(manager.get("/admin/subscriptions"), "Download as CSV").path
    list_exports.make(ctx, only_export(ctx).id, now=utc_now())
    for browser in (owner, enter(make.merchant())):
        browser.get(path, status=404)
        token = browser.values_of(browser.get("/admin/views/new"))["csrf_token"]
        browser.post(f"{path}/file", {"csrf_token": token}, status=404)


def test_a_search_that_finds_too_much_is_to_be_filtered(manager, three, long):
    page = taken(manager.get("/admin/subscriptions?q=client.test"), "Download as CSV")
    assert "Use filters instead of the search" in page.notices[0]


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
    answer = manager.client.post("/admin/subscriptions/export?state=nonsense", data=sent, base_url=manager.base_url)
    assert answer.status_code == 303
    assert "Status: there is no “nonsense”." in manager.get(answer.headers["Location"]).text


@pytest.mark.parametrize("name", ["endpoint", "self", "_external", "_scheme", "_anchor"])
def test_a_filter_that_there_is_not_is_named_whatever_it_is_called(manager, three, name):
    token = manager.values_of(manager.get("/admin/subscriptions"))["csrf_token"]
    path = f"/admin/subscriptions/export?{name}=x%26y&state=nonsense&state=active"
    sent = {"csrf_token": token, "format": "csv"}
    answer = manager.client.post(path, data=sent, base_url=manager.base_url)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/admin/subscriptions?{name}=x%26y&state=nonsense&state=active"
    said = manager.get(answer.headers["Location"]).text
    assert f"There is no filter “{name}”" in said
    assert "Status: there is no “nonsense”." in said


def test_the_chain_says_what_was_taken_and_nobodys_name(manager, three, ctx):
    taken(manager.get("/admin/subscriptions?state=cancelled&q=hyperlink"), "Download as CSV")
    with ctx.db.read() as session:
        (details,) = session.scalars(text("SELECT details FROM audit_entries WHERE act = 'export.list'"))
    assert details == {
        "list": "subscriptions", "format": "csv", "rows": 1, "query": [["state", "cancelled"]], "searched": True,
    }  # fmt: skip


def test_a_file_that_is_deleted_while_it_is_taken_breaks_off(manager, three, long, ctx):
    """It says beforehand how long it is, so that no half of it is taken for a whole."""
    taken(manager.get("/admin/subscriptions"), "Download as CSV")
    made = only_export(ctx)
    list_exports.make(ctx, made.id, now=utc_now())
    with ctx.db.read() as session:
        held = session.get_one(ListExport, made.id)
    whole = "".join(list_exports.content_of(ctx, held, by=PORTAL, now=utc_now()))
    assert len(whole.encode()) == held.size
    page = manager.get(f"/admin/exports/{made.id}")
    assert taken(page, "Download the file").response.headers["Content-Length"] == str(held.size)
    pieces = list_exports.content_of(ctx, held, by=PORTAL, now=utc_now())
    assert next(pieces)
    with ctx.db.begin() as session:
        session.execute(text("DELETE FROM list_exports"))
    with pytest.raises(CutOff):
        list(pieces)

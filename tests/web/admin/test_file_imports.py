"""Bringing a CSV at the desk: from the file to the report, and whatever may be wrong with it, in words."""

from __future__ import annotations

import csv
import io

import pytest
from sqlalchemy import func, select

from portal.clock import utc_now
from portal.domain.desk.file_import_lines import YEARS
from portal.domain.desk.file_imports import Brought, Field, FileImportState, MatchFault, Wrong
from portal.models import AuditEntry, Customer, FileImport, Membership, MerchantArchive, Staff
from portal.services.imports import file_import_reading, file_import_running
from portal.services.imports.file_import_reading import Encoding, FileFault
from portal.services.merchants import merchant_archives
from portal.web.admin import file_import_words as words
from portal.web.admin import file_imports
from tests.web.admin.test_profile_imports import post_large

HOME = "/admin/data"


def upload(browser, content: bytes | str, *, brought: str = "customers", status: int = 200):
    sent = io.BytesIO(content.encode() if isinstance(content, str) else content)
    page = browser.get(HOME)
    return page.submit(press="Upload", status=status, brought=brought, file=(sent, "liste.csv"))


def work(ctx) -> FileImport:
    """Let the worker come to the end of the newest file."""
    with ctx.db.read() as session:
        found = session.scalars(select(FileImport).order_by(FileImport.created_at.desc())).first()
    file_import_running.run_share(ctx, found.id, found.attempt)
    return found


def figures(page) -> dict[str, str]:
    rows = page.select(".summary > div")
    return {row.find("dt").get_text(strip=True): row.find("dd").get_text(strip=True) for row in rows}


def test_the_button_imports_what_its_page_has_shown_as_checked(ctx, manager):
    page = upload(manager, "E-mail;Nom;Autre\nzoe@client.test;Zoé;x\n").submit(press="Check every line")
    work(ctx)
    old = manager.get(page.path)
    manager.get(page.path).submit(press="Check every line", column_1="", column_2="name")
    work(ctx)
    assert "Meanwhile this import has moved on" in old.submit(press="Import 1 line").notices[0]
    assert people(ctx) == 0
    manager.get(page.path).submit(press="Import 1 line")
    work(ctx)
    with ctx.db.read() as session:
        assert session.scalars(select(Customer.name)).all() == ["x"]


def people(ctx) -> int:
    with ctx.db.read() as session:
        return session.scalar(select(func.count()).select_from(Customer))


def test_a_file_is_brought_matched_checked_carried_out_and_reported(ctx, manager):
    page = upload(manager, "E-mail;Nom;Autre\nzoe@client.test;Zoé;x\nwrong;Ian;y\n".encode("windows-1252"))
    assert page.h1 == "liste.csv"
    assert (figures(page)["Read as"], figures(page)["Separator"]) == (
        "Windows-1252 (Latin-1): check the accents below",
        "semicolon",
    )
    chosen = {one["name"]: one.find("option", selected=True)["value"] for one in page.select("main select")}
    assert chosen == {"column_0": "email", "column_1": "name", "column_2": ""}
    assert "For example: Zoé · Ian" in page.text
    page = page.submit(press="Check every line")
    assert page.select_one("progress")["max"] == "2"
    work(ctx)
    page = manager.get(page.path)
    assert people(ctx) == 0
    assert "1 line cannot be imported" in page.text
    table = [[cell.get_text(" ", strip=True) for cell in row.find_all(["th", "td"])] for row in page.select("tbody tr")]
    assert table == [["3", "E-mail", "This is not an email address. Correct it, for example name@example.com."]]
    page = page.submit(press="Import 1 line")
    assert "Importing the lines" in page.text
    work(ctx)
    page = manager.get(page.path)
    assert (figures(page)["Added lines"], figures(page)["Refused lines"], people(ctx)) == ("1", "1", 1)
    told = page.submit(press="Download the refused lines (CSV)")
    rows = list(csv.DictReader(told.body.removeprefix("\ufeff").splitlines(), delimiter=";"))
    assert [[row[name] for name in ("Line", "Column", "E-mail")] for row in rows] == [["3", "E-mail", "wrong"]]
    with ctx.db.read() as session:
        acts = session.scalars(select(AuditEntry.act).order_by(AuditEntry.number)).all()
    own = [act for act in acts if act.startswith(("file_import", "export", "customer"))]
    assert own == [
        *("file_import.uploaded", "file_import.checked", "file_import.started", "customer.made"),
        "export.failed_rows",
    ]


def test_what_is_wrong_with_a_match_is_said_and_nothing_that_was_chosen_is_lost(ctx, manager):
    page = upload(manager, "email;Mail;fin;produit\na@client.test;b;03/04/2127;Club\n", brought="grants")
    page = page.submit(press="Check every line", column_1="email", status=422)
    assert page.errors == [
        "Two columns are matched to “Email address”: email, Mail. Keep one.",
        "Say whether the day or the month comes first: your file has dates such as 03/04/2027.",
    ]
    chosen = [one.find("option", selected=True)["value"] for one in page.select("main select")]
    assert chosen == ["email", "email", "until", "product"]
    page = page.submit(press="Check every line", column_1="", date_order="day_first")
    assert work(ctx).date_order.value == "day_first"
    assert figures(manager.get(page.path))["Refused lines"] == "1", "nobody has the address"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty."),
        (b"email;name\n", "The file names its columns, but there is no line below."),
        (b"a@client.test;x\nb@client.test;y\n", "Line 1: The first line must name the columns."),
        (b"email;Email\na;b\n", "Line 1: Two columns have the same name."),
        (b'email;name\na;"b\nc;d\n', "Line 2: A quotation mark that begins here is never closed"),
        (b"email;name\na;b\0\n", "Line 2: There is a NUL byte"),
        (b"PK\x03\x04\x14", "This file is not text."),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused_in_words_and_nothing_is_kept(ctx, manager, content, sentence):
    page = upload(manager, content, status=422)
    (said,) = page.errors
    assert said.startswith(sentence)
    assert "Nothing was saved" in said, "and what to do, once"
    assert said.count("choose") == 1
    assert page.select_one("input[name=brought][checked]")["value"] == "customers"
    with ctx.db.read() as session:
        assert session.scalar(select(func.count()).select_from(FileImport)) == 0


def test_the_limit_is_said_before_and_kept(manager, monkeypatch):
    assert "At most 1,000,000 lines and 200 MB" in manager.get(HOME).text
    monkeypatch.setattr(file_import_reading, "MOST_BYTES", 100)
    (said,) = upload(manager, "email\n" + "a@client.test\n" * 20, status=422).errors
    assert said.startswith("The file is larger than 200 MB.")


def test_two_gigabytes_are_not_read(manager, monkeypatch):
    assert file_imports.MOST_SENT < 2 * 1024**3 / 10
    monkeypatch.setattr(file_imports, "MOST_SENT", 1_000_000)
    token = manager.get(HOME).select_one("main input[name=csrf_token]")["value"]
    assert post_large(manager, HOME, token, b"x" * 2_000_000).status_code == 413


def test_who_is_too_late_is_told_so(ctx, manager):
    page = upload(manager, "email\na@client.test\n").submit(press="Check every line")
    work(ctx)
    page = manager.get(page.path)
    page.submit(press="Import 1 line")
    work(ctx)
    again = page.submit(press="Import 1 line")
    assert "Meanwhile this import has moved on" in again.text
    page = again.submit(press="Delete the file now")
    assert page.h1 == "File that was deleted"
    assert not page.select("main form")


def test_what_a_subscription_is_called_elsewhere_stands_on_its_page(ctx, make, merchant, manager):
    held = make.subscription(merchant=merchant, at_paypal=False)
    page = upload(manager, f"paypal id;ref;Salon\n{held.provider_id};R-1;=1+1\n", brought="subscriptions")
    page.submit(press="Check every line", column_2="extra")
    work(ctx)
    manager.get(page.path).submit(press="Import 1 line")
    work(ctx)
    told = figures(manager.get(f"/admin/subscriptions/{held.id}"))
    assert (told["Your reference"], told["Salon"]) == ("R-1", "=1+1")


def test_another_merchants_file_is_not_there(make, manager, enter):
    page = upload(manager, "email\na@client.test\n")
    enter(make.merchant(name="Another", locale="en")).get(page.path, status=404)


@pytest.mark.parametrize("step", ["uploaded", "checked", "stopped", "done"])
def test_a_deleted_file_asks_for_nothing_more_and_says_what_is_imported(ctx, manager, step):
    page = upload(manager, "email\na@client.test\nwrong\n")
    if step != "uploaded":
        page.submit(press="Check every line")
        work(ctx)
        page = manager.get(page.path)
    if step in ("stopped", "done"):
        page = page.submit(press="Import 1 line")
        page = page.submit(press="Stop the import") if step == "stopped" else page
        work(ctx)
        page = manager.get(page.path)
    page = page.submit(press="Delete the file now")
    assert page.notices == ["The file is deleted: what it held is erased within a few minutes."]
    said = " ".join(page.select_one("main").get_text().split())
    expected = {"stopped": "What was imported before stays", "done": "Some lines were refused."}
    assert expected.get(step, "Nothing of it was imported.") in said
    for invitation in ("see why below", "Say what each column is", "continues", "The others can"):
        assert invitation not in said
    assert not page.select("main form")
    row = manager.get(HOME).select_one("tbody tr").get_text(" ", strip=True)
    assert ("Imported" if step == "done" else "File deleted") in row
    assert "to be matched" not in row


def test_where_no_line_can_be_imported_none_is_said_to_be(ctx, manager):
    page = upload(manager, "email\nwrong\nworse\n").submit(press="Check every line")
    work(ctx)
    page = manager.get(page.path)
    assert "No line can be imported: see why below." in page.text
    assert "The others can" not in page.text


def test_who_uploaded_checked_and_imported_are_each_said(ctx, merchant, manager, owner):
    def by(page):
        return {name: said for name, said in figures(page).items() if name.endswith(" by")}

    with ctx.db.begin() as session:
        for member in session.scalars(select(Membership)):
            session.get_one(Staff, member.staff_id).name = member.role.value
    page = upload(manager, "email\na@client.test\n")
    assert by(page) == {"Uploaded by": "manager"}
    owner.get(page.path).submit(press="Check every line")
    work(ctx)
    assert by(manager.get(page.path)) == {"Checked by": "owner"}
    manager.get(page.path).submit(press="Import 1 line")
    work(ctx)
    assert by(owner.get(page.path)) == {"Imported by": "manager"}


def test_columns_that_are_matched_on_a_page_of_before_change_nothing(ctx, manager):
    old = upload(manager, "email\na@client.test\n")
    old.submit(press="Check every line")
    assert "Meanwhile this import has moved on" in old.submit(press="Check every line").text
    work(ctx)
    manager.get(old.path).submit(press="Import 1 line")
    work(ctx)
    assert "Meanwhile this import has moved on" in old.submit(press="Check every line").text
    with ctx.db.read() as session:
        assert session.scalars(select(FileImport.state)).one() is FileImportState.DONE


def test_the_sentence_on_a_day_that_is_none_names_the_years_that_are_taken(ctx, manager):
    page = upload(manager, "email;product;until\na@client.test;Club;9999-12-31T23:59:59Z\n", brought="grants")
    page.submit(press="Check every line")
    work(ctx)
    said = "This is not a date from {} to {}.".format(*YEARS)
    assert said in manager.get(page.path).text


def test_nobody_is_asked_how_days_are_written_where_nothing_is_a_day(manager):
    content = "email;born\na@client.test;03/04/2007\n"
    assert "Dates such as" not in upload(manager, content).text
    assert "Dates such as" in upload(manager, content, brought="grants").text


def test_a_column_takes_only_what_its_kind_of_file_has(ctx, manager):
    page = upload(manager, "email;born\na@client.test;03/04/2007\n")
    token = page.values(page.form(press="Check every line"))["csrf_token"]
    manager.post(page.path, {"csrf_token": token, "column_0": "email", "column_1": "since"}, status=303)
    with ctx.db.read() as session:
        assert session.scalars(select(FileImport.columns)).one() == ["email", ""]


@pytest.mark.parametrize("after", ["-1", "0", "x", "9" * 30, "1&after=2"])
def test_an_address_with_a_line_that_there_is_not_is_a_page(ctx, manager, after):
    page = upload(manager, "email\nwrong\n").submit(press="Check every line")
    work(ctx)
    assert manager.get(f"{page.path}?after={after}").h1 == "liste.csv"


def test_every_word_has_a_sentence():
    assert set(words.BROUGHT) == set(words.BROUGHT_HINT) == set(Brought)
    assert set(words.STATE) == set(FileImportState)
    assert set(words.FIELD) == set(Field)
    assert set(words.ENCODING) == set(Encoding)
    assert set(words.FILE) == set(FileFault)
    assert set(words.WRONG) == set(Wrong) - {Wrong.SAID_OTHERWISE}
    assert set(words.MATCH) == set(MatchFault) - {MatchFault.TWICE, MatchFault.EXTRA_NAME}


def test_an_owner_takes_everything(ctx, owner, merchant, now):
    page = owner.get("/admin/data/archive").submit(press="Prepare the archive")
    assert page.select_one("progress") is not None
    with ctx.db.read() as session:
        made = session.scalars(select(MerchantArchive)).one()
    merchant_archives.make(ctx, made.id, now=utc_now())
    page = owner.get("/admin/data/archive")
    (form,) = [one for one in page.select("main form") if "Download the archive" in one.text]
    token = {"csrf_token": form.select_one("input[name=csrf_token]")["value"]}
    answer = owner.client.post(form["action"], data=token, base_url="http://portal.test")
    assert (answer.mimetype, answer.data[:2]) == ("application/zip", b"PK")


def test_an_archive_that_could_not_be_made_says_so_and_is_prepared_anew(ctx, owner, merchant, now):
    page = owner.get("/admin/data/archive").submit(press="Prepare the archive")
    with ctx.db.read() as session:
        first = session.scalars(select(MerchantArchive)).one()
    merchant_archives.give_up(ctx, first.id, now=utc_now())
    page = owner.get("/admin/data/archive")
    assert "The archive could not be made" in page.text
    assert page.select_one("progress") is None
    page = page.submit(press="Prepare a new archive")
    assert page.select_one("progress") is not None
    assert "could not be made" not in page.text
    with ctx.db.read() as session:
        assert session.scalars(select(MerchantArchive)).one().id != first.id


@pytest.mark.parametrize("step", ["checking", "running"])
def test_what_no_worker_could_go_through_is_said_and_goes_on_from_its_page(ctx, manager, step, now):
    page = upload(manager, "email\na@client.test\n")
    page.submit(press="Check every line")
    if step == "running":
        work(ctx)
        manager.get(page.path).submit(press="Import 1 line")
    with ctx.db.read() as session:
        (held,) = session.scalars(select(FileImport))
    file_import_running.give_up(ctx, held.id, held.attempt, now=now)
    page = manager.get(page.path)
    assert "failed each time" in page.text
    page.submit(press="Check every line" if step == "checking" else "Continue")
    work(ctx)
    page = manager.get(page.path)
    assert "failed each time" not in page.text
    assert ("Every line can be imported." if step == "checking" else "The import is finished.") in page.text

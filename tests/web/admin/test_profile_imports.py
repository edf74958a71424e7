"""Bringing a list of classic profiles at the desk: the file, its errors, the progress, the report, the download."""

from __future__ import annotations

import csv
import io
import uuid

import pytest
from sqlalchemy import func, select, update

from portal.clock import utc_now
from portal.models import ImportState, ProfileImport, ProfileImportRow, ProfileRowState
from portal.services.imports import profile_import_reading, profile_imports
from portal.services.imports.profile_import_files import FileFault, RowFault, read_list
from portal.services.imports.profile_imports import OwnIdFault, RowResult
from portal.web.admin import profile_words

A, B = "I-AAAAAAAA1111", "I-BBBBBBBB2222"
HOME = "/admin/paypal/profiles"


@pytest.fixture
def merchant(make):
    merchant = make.merchant(name="L’Atelier", locale="en", key=False)
    make.classic_key(merchant)
    return merchant


def file(content: bytes | str, name: str = "liste.csv"):
    return (io.BytesIO(content.encode() if isinstance(content, str) else content), name)


def upload(browser, content, *, status: int = 200, name: str = "liste.csv"):
    """Choose a file on the page and send it; a large one as raw bytes, for the test client would leave a file open."""
    page = browser.get(HOME)
    sent, _name = file(content, name)
    if len(sent.getvalue()) < 400_000:
        return page.submit(press="Add these subscriptions", status=status, file=(sent, name))
    response = post_large(browser, HOME, page.select_one("input[name=csrf_token]")["value"], sent.getvalue())
    return browser.arrive(response, HOME, status=status)


def post_large(browser, path: str, token: str, content: bytes):
    fields = ((b'name="csrf_token"', token.encode()), (b'name="file"; filename="liste.csv"', content))
    parts = [b"--edge\r\nContent-Disposition: form-data; " + name + b"\r\n\r\n" + value for name, value in fields]
    return browser.client.post(
        path,
        data=b"\r\n".join([*parts, b"--edge--\r\n"]),
        content_type="multipart/form-data; boundary=edge",
        base_url="http://portal.test",
        headers={"Sec-Fetch-Site": "same-origin"},
    )


def brought(ctx) -> list[ProfileImport]:
    with ctx.db.read() as session:
        return list(session.scalars(select(ProfileImport).order_by(ProfileImport.created_at)))


def figures(page) -> dict[str, str]:
    rows = page.select(".summary > div")
    return {row.find("dt").get_text(strip=True): row.find("dd").get_text(strip=True) for row in rows}


def test_a_list_is_brought_read_and_reported(ctx, owner, paypal):
    profile = paypal.add_profile(name="Club")
    page = upload(owner, f"Profile ID;Nom\n{profile.id};Zoé\n{B};Ian\nfoo;\n{B};again\n".encode("windows-1252"))
    assert page.h1 == "List of classic subscriptions"
    assert page.select_one("progress")["value"] == "2"
    assert page.select_one("progress")["max"] == "4"
    assert page.follow("Refresh").path == page.path
    (made,) = brought(ctx)
    profile_import_reading.run_share(ctx, made.id, gap=0)

    page = owner.get(page.path)
    assert page.select_one("progress") is None
    assert "Some rows were not added" in page.text
    assert figures(page) | {"Last progress": ""} == {
        "File": "liste.csv",
        "Rows": "4",
        "Profiles added": "1",
        "Profiles already here": "0",
        "Rows not added": "3",
        "Last progress": "",
    }
    failed = owner.get(page.path + "?state=failed")
    assert profile.id not in failed.text
    for sentence in ("PayPal does not know this profile", "The same ID is on an earlier line", "begin with “I-”"):
        assert sentence in failed.text
    assert "liste.csv" in owner.get(HOME).text


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty."),
        (b"PK\x03\x04\x00", "This file is not text."),
        (
            "Nom;Courriel\nZoé;z@x\n",
            "Line 1: The file has no column of profile IDs. Its first line says: Nom · Courriel.",
        ),
        ("Profile ID\n", "The file has a header, but no profile ID below it."),
        (f'Profile ID\n{A}\n"{B}\n', "Line 3: A quotation mark is never closed"),
        (f"{A}\n{A};x\n", "Line 2: There is more than one value in this line."),
        ("\n".join(f"I-{n:012d}" for n in range(200_001)), "Line 200001: The file has more than 200,000 rows."),
        (b"I-AAAAAAAA1111\n" * 400_000, "The file is larger than 5 MB."),
    ],
)
def test_a_file_that_cannot_be_taken_is_answered_with_why(ctx, owner, content, sentence):
    page = upload(owner, content, status=422)
    (error,) = page.errors
    assert error.startswith(sentence) if sentence.startswith("Line") else sentence in error
    assert error.endswith("Nothing was saved: correct the file and choose it again.")
    assert page.select_one("input[type=file]")["aria-invalid"] == "true"
    assert brought(ctx) == []


def test_no_file_at_all_is_said(ctx, owner):
    assert upload(owner, b"", status=422, name="").errors == ["Choose a file."]


@pytest.mark.exhaustive
def test_200000_rows_pass_through_the_page(ctx, owner):
    """It takes long because that many rows are read, stored and counted."""
    page = upload(owner, "\n".join(f"I-{number:012d}" for number in range(200_000)))
    assert figures(page)["Rows"] == "200,000"
    with ctx.db.read() as session:
        assert session.scalar(select(func.count()).select_from(ProfileImportRow)) == 200_000


def test_only_this_page_takes_so_much(owner):
    token = owner.get("/admin/settings").select_one("input[name=csrf_token]")["value"]
    assert post_large(owner, "/admin/settings", token, b"x" * 2_000_000).status_code == 413
    assert post_large(owner, HOME, token, b"x" * 2_000_000).status_code == 422
    assert post_large(owner, HOME, token, b"x" * 10_000_000).status_code == 413


def test_a_second_list_waits_for_the_first(ctx, owner):
    page = owner.get(HOME)
    first = upload(owner, A)
    second = page.submit(press="Add these subscriptions", file=file(B))
    assert second.path == first.path
    assert second.notices == ["Another list is not finished yet: here is where it stands."]
    assert owner.get(HOME).select_one("input[type=file]") is None
    assert len(brought(ctx)) == 1


def test_without_a_classic_key_the_page_says_what_is_missing(ctx, make, enter):
    merchant = make.merchant(key=False)
    page = enter(merchant).get(HOME)
    assert "There is no classic key yet." in page.text
    assert page.select_one("input[type=file]") is None


def test_the_page_says_plainly_that_paypal_retires_it(owner):
    assert "PayPal is retiring the API for classic subscriptions" in owner.get(HOME).text


def test_a_stopped_list_says_why_and_goes_on(ctx, owner, paypal):
    profile = paypal.add_profile()
    paypal.rule("nvp_get", "401", 1)
    page = upload(owner, profile.id)
    (made,) = brought(ctx)
    profile_import_reading.run_share(ctx, made.id, gap=0)
    page = owner.get(page.path)
    assert "The reading stopped before the end. PayPal no longer accepts the key." in page.text
    page = page.submit(press="Continue")
    profile_import_reading.run_share(ctx, made.id, gap=0)
    assert "The list is finished." in owner.get(page.path).text


def test_the_rest_can_be_left(ctx, owner):
    page = upload(owner, f"{A}\n{B}").submit(press="Leave the rest unread")
    assert page.notices == ["The list is closed. 0 subscriptions of it are here."]
    assert brought(ctx)[0].state is ImportState.DONE
    assert "Not read: the list was closed first." in page.text


def finished(ctx, merchant, content: str) -> ProfileImport:
    made = profile_imports.start(ctx, merchant.id, file_name="x.csv", content=content.encode(), now=utc_now())
    return profile_imports.give_up(ctx, merchant.id, made.id, now=utc_now())


def test_pages_go_by_lines_in_both_directions(ctx, owner, merchant):
    made = finished(ctx, merchant, "\n".join(f"I-{number:012d}" for number in range(250)))
    first = owner.get(f"{HOME}/{made.id}?state=failed")

    def lines(page):
        return [int(cell.get_text(strip=True)) for cell in page.select("#rows td.number")]

    second = first.follow("Next page")
    third = second.follow("Next page")
    assert [*lines(first), *lines(second), *lines(third)] == list(range(1, 251))
    back = third.follow("Previous page")
    assert lines(back) == lines(second)
    assert lines(back.follow("Previous page")) == lines(first)
    for junk in ("after=x", "after=-1", "before=99999999999999", "state=nothing"):
        owner.get(f"{HOME}/{made.id}?{junk}")


def test_what_was_not_added_can_be_downloaded_and_brought_again(ctx, owner, merchant):
    evil = ("=HYPERLINK(1)", "+1", "-1", "@x", "\ttab")
    many = [f"I-{number:012d}" for number in range(1500)]
    content = "\n".join(["Profile ID;Nom", A, *(f'"{cell}";x' for cell in evil), *many])
    made = finished(ctx, merchant, content)
    page = owner.get(f"{HOME}/{made.id}")
    answer = owner.client.post(
        f"{HOME}/{made.id}/not-added.csv",
        data={"csrf_token": page.select_one("input[name=csrf_token]")["value"]},
        base_url="http://portal.test",
    )
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    body = answer.data
    assert body.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig")), delimiter=";"))
    assert rows[0] == ["Line", "Profile ID", "external_id", "Why it was not added"]
    assert len(rows) == 1 + 1 + len(evil) + 1500
    assert rows[1][:2] == ["2", A]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for row in rows for cell in row)
    assert [row[1] for row in rows[2:5]] == ["'=HYPERLINK(1)", "'+1", "'-1"]
    again = upload(owner, body)
    assert figures(again)["Rows"] == f"{len(rows) - 1:,}"


def test_ids_of_the_merchants_own_come_along_and_those_that_were_not_written_are_counted(ctx, owner, merchant):
    made = finished(ctx, merchant, f"external_id;Profile ID\n=1;x\nA;{A}\nB;{B}")
    with ctx.db.begin() as session:
        session.execute(
            update(ProfileImportRow)
            .where(ProfileImportRow.profile_import_id == made.id, ProfileImportRow.profile_id.in_([A, B]))
            .values(state=ProfileRowState.ADDED, reason=OwnIdFault.TAKEN, external_id=None)
        )
    page = owner.get(f"{HOME}/{made.id}")
    counted = [row.get_text(" ", strip=True) for row in page.select("#unnamed tbody tr")]
    assert counted == ["Its external_id was not written: another of your customers has it. 2"]
    answer = owner.client.post(
        f"{HOME}/{made.id}/not-added.csv",
        data={"csrf_token": page.select_one("input[name=csrf_token]")["value"]},
        base_url="http://portal.test",
    )
    assert [row.external_id for row in read_list(answer.data)] == ["=1"]


def test_every_role_looks_and_support_acts(ctx, merchant, support, reader):
    page = upload(support, A)
    assert reader.get(page.path).select("main form[method=post]") == []
    assert reader.get(HOME).select_one("input[type=file]") is None
    reader.post(HOME, {}, status=403)
    reader.post(page.path + "/end", {}, status=403)
    page.submit(press="Leave the rest unread")
    assert brought(ctx)[0].state is ImportState.DONE


def test_another_merchants_list_does_not_exist(ctx, make, owner, enter, merchant):
    other = make.classic_merchant()
    theirs = finished(ctx, other, A)
    for path in (f"{HOME}/{theirs.id}", f"{HOME}/{uuid.uuid4()}"):
        owner.get(path, status=404)
    token = owner.get(HOME).select_one("input[name=csrf_token]")["value"]
    for act in ("resume", "end", "not-added.csv"):
        owner.post(f"{HOME}/{theirs.id}/{act}", {"csrf_token": token}, status=404)
    assert "x.csv" not in owner.get(HOME).text


def test_a_page_of_rows_costs_the_same_however_many_there_are(ctx, owner, merchant, statements):
    costs = []
    for number in (3, 3000):
        made = finished(ctx, merchant, "\n".join(f"I-{place:012d}" for place in range(number)))
        with ctx.db.begin() as session:
            session.execute(
                update(ProfileImportRow)
                .where(ProfileImportRow.profile_import_id == made.id)
                .values(state=ProfileRowState.ADDED)
            )
        with statements() as seen:
            owner.get(f"{HOME}/{made.id}")
        costs.append(len(seen))
    assert costs[0] == costs[1]


def test_every_code_has_its_sentence():
    assert set(profile_words.STATE) == {state.value for state in ProfileRowState}
    assert set(profile_words.REASON) == {*map(str, RowFault), *map(str, RowResult), *map(str, OwnIdFault)}
    assert set(profile_words.FILE) == set(FileFault)

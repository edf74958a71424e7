"""What a file leaves behind: nothing of a check that another one follows, nothing once somebody has deleted it."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from portal.models import FileImportFault, FileImportKey, FileImportPart
from portal.queries.people import file_imports as stored
from portal.services import batches
from portal.services.imports import file_imports
from portal.services.imports.file_imports import KEPT
from tests.services.imports.bringing import bring, check, found, go, run, who, why

CONTENT = "email;name\n" + "".join(f"p{n}@client.test;P\n" for n in range(5)) + "wrong;x\nworse;y\n"
ROWS = (FileImportPart, FileImportKey, FileImportFault)


@pytest.fixture(autouse=True)
def some_at_a_time(monkeypatch):
    monkeypatch.setattr(batches, "DELETED_AT_ONCE", 2)


@pytest.fixture
def checked(ctx, staff, small, now):
    made = bring(ctx, staff, CONTENT, now=now)
    check(ctx, staff, made, now=now)
    return made


def rows(ctx) -> list[int]:
    with ctx.db.read() as session:
        return [session.scalar(select(func.count()).select_from(row)) for row in ROWS]


def attempts(ctx) -> list[set[int]]:
    with ctx.db.read() as session:
        return [set(session.scalars(select(row.attempt))) for row in (FileImportKey, FileImportFault)]


def test_a_second_check_leaves_nothing_of_the_first(ctx, staff, checked, now):
    assert attempts(ctx) == [{1}, {1}]
    check(ctx, staff, checked, now=now)
    assert attempts(ctx) == [{2}, {2}]
    run(ctx, staff, checked, now=now)
    assert attempts(ctx) == [set(), {3}]
    assert why(ctx, checked) == {7: "bad_email", 8: "bad_email"}


def test_another_file_keeps_what_is_its_own(ctx, staff, checked, now):
    before = rows(ctx)
    other = bring(ctx, staff, CONTENT, now=now)
    file_imports.remove(ctx, staff.merchant_id, other, by=who(staff), now=now)
    go(ctx, other)
    assert rows(ctx) == before


def test_of_a_deleted_file_nothing_is_shown_and_no_page_waits_until_its_rows_are_gone(ctx, staff, checked, now):
    before = rows(ctx)
    file_imports.remove(ctx, staff.merchant_id, checked, by=who(staff), now=now)
    assert rows(ctx) == before == [4, 5, 2]
    held = found(ctx, checked)
    with ctx.db.read() as session:
        assert stored.part(session, checked, 1) is None
        assert (list(stored.faults(session, held)), stored.reasons(session, held)) == ([], [])
    go(ctx, checked)
    assert rows(ctx) == [0, 0, 0]


@pytest.mark.parametrize("whose", ["of_one", "of_all"])
def test_what_no_worker_came_to_the_end_of_goes_with_the_next_look(ctx, make, staff, checked, now, whose):
    file_imports.remove(ctx, staff.merchant_id, checked, by=who(staff), now=now)
    other = make.merchant(name="Another").id
    assert file_imports.purge(ctx, before=now - KEPT, merchant_id=other, now=now) == 0
    assert rows(ctx) == [4, 5, 2]
    merchant_id = staff.merchant_id if whose == "of_one" else None
    assert file_imports.purge(ctx, before=now - KEPT, merchant_id=merchant_id, now=now) == 0, "deleted by hand"
    assert rows(ctx) == [0, 0, 0]

"""A merchant's file whose lines no worker can go through: given up after some tries, told, and begun again."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.clock import utc_now
from portal.domain.desk.file_imports import FileImportState
from portal.jobs.last_tries import MOST
from portal.models import Customer, FileImport, Mail
from portal.services.imports import file_import_running, file_imports
from tests.jobs.test_last_tries import failing, work
from tests.services.imports.bringing import bring, check, counts, found, go, who

PEOPLE = "email;name\nzoe@client.test;Zoé Durand\nian@client.test;Ian\n"


@pytest.fixture
def staff(hire, make):
    return hire(make.merchant()).staff


def mails(ctx):
    with ctx.db.read() as session:
        return [(one.kind, one.recipient) for one in session.scalars(select(Mail))]


def in_vain(ctx, monkeypatch):
    """Let workers try until they give up; return how often they did."""
    with monkeypatch.context() as broken:
        tries = failing(broken, (file_import_running, "plan"))
        for _number in range(MOST + 3):
            work(ctx)
    return len(tries)


def test_a_check_is_given_up_told_and_asked_for_again(ctx, monkeypatch, staff):
    made = bring(ctx, staff, PEOPLE, now=utc_now())
    file_imports.check(
        ctx, staff.merchant_id, made, file_imports.match_of(found(ctx, made)), by=who(staff), now=utc_now()
    )
    assert in_vain(ctx, monkeypatch) == MOST + 1
    held = found(ctx, made)
    assert (held.state, held.failed_at is not None) == (FileImportState.UPLOADED, True)
    assert mails(ctx) == [("staff_import_failed", staff.email)]
    assert file_imports.sweep(ctx, now=utc_now() + 2 * file_imports.LOST) == 0, "nobody tries it any more"
    assert counts(check(ctx, staff, made, now=utc_now())) == (2, 0, 0, 0)
    assert found(ctx, made).failed_at is None


def test_a_run_is_stopped_told_and_goes_on_with_the_next_line(ctx, monkeypatch, staff):
    made = bring(ctx, staff, PEOPLE, now=utc_now())
    check(ctx, staff, made, now=utc_now())
    file_imports.run(ctx, staff.merchant_id, made, by=who(staff), now=utc_now())
    assert in_vain(ctx, monkeypatch) == MOST + 1
    held = found(ctx, made)
    assert (held.state, held.failed_at is not None) == (FileImportState.STOPPED, True)
    assert mails(ctx) == [("staff_import_failed", staff.email)]
    file_imports.run(ctx, staff.merchant_id, made, by=who(staff), now=utc_now())
    assert in_vain(ctx, monkeypatch) == MOST + 1
    assert mails(ctx) == [("staff_import_failed", staff.email)] * 2, "who left the page hears that it stopped once more"
    file_imports.run(ctx, staff.merchant_id, made, by=who(staff), now=utc_now())
    assert counts(go(ctx, made)) == (2, 0, 0, 0)
    with ctx.db.read() as session:
        assert len(session.scalars(select(Customer)).all()) == 2
        assert session.get_one(FileImport, made).failed_at is None


def test_what_somebody_stopped_or_began_anew_is_not_given_up(ctx, staff):
    made = bring(ctx, staff, PEOPLE, now=utc_now())
    check(ctx, staff, made, now=utc_now())
    file_imports.run(ctx, staff.merchant_id, made, by=who(staff), now=utc_now())
    attempt = found(ctx, made).attempt
    file_import_running.give_up(ctx, made, attempt - 1, now=utc_now())
    assert found(ctx, made).state is FileImportState.RUNNING, "a job of the check"
    file_imports.stop(ctx, staff.merchant_id, made, by=who(staff), now=utc_now())
    file_import_running.give_up(ctx, made, attempt, now=utc_now())
    assert found(ctx, made).failed_at is None
    assert mails(ctx) == []

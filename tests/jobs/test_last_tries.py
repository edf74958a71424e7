"""A file that fails each time: tried as often as other jobs, then given up, told to who waits, and started again."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import select, text

from portal.clock import utc_now
from portal.domain.desk.list_exports import FileState, Format
from portal.domain.desk.list_views import FILTERS, List
from portal.jobs import run_worker
from portal.jobs.last_tries import MOST
from portal.models import DataExport, ListExport, ListExportPart, Mail, MerchantArchive
from portal.queries.desk.subscription_filters import Whose
from portal.services import list_exports
from portal.services.merchants import merchant_archives
from portal.services.own_data import data_exports, retention
from tests.services.imports.bringing import who


class Fault(Exception):
    """What is wrong with every try."""


@pytest.fixture(params=[ListExport, MerchantArchive, DataExport])
def file(request, make, hire, ctx):
    """Return the kind of a file, how it is asked for, and where making it can be made to fail."""
    merchant = make.merchant()
    staff, customer = hire(merchant).staff, make.customer(merchant)
    whose = Whose(merchant_id=merchant.id, time_zone="Europe/Paris", now=utc_now())

    def list_export():
        asked = FILTERS[List.SUBSCRIPTIONS].parse([]).filter
        return list_exports.start(ctx, whose, staff.id, List.SUBSCRIPTIONS, asked, Format.CSV, by=who(staff))

    def archive():
        return merchant_archives.start(ctx, merchant.id, by=who(staff), now=utc_now())

    def own_data():
        return data_exports.ask(ctx, merchant.id, customer.id, language="fr", now=utc_now()).id

    asking = {
        ListExport: (list_export, (list_exports.list_exports, "total")),
        MerchantArchive: (archive, (merchant_archives.exports, "fill")),
        DataExport: (own_data, (data_exports, "zipped")),
    }
    return request.param, *asking[request.param]


def work(ctx):
    """Do what is to be done, however late it is planned."""
    with ctx.db.begin() as session:
        session.execute(text("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'"))
    run_worker(ctx, wait=False)


def jobs(ctx):
    with ctx.db.read() as session:
        names = "('list_exports.make', 'merchant_archives.make', 'own_data.export')"
        asked = text(f"SELECT status, attempts FROM procrastinate_jobs WHERE task_name IN {names}")  # noqa: S608
        return [(row.status, row.attempts) for row in session.execute(asked)]


def failing(monkeypatch, place):
    tries = []

    def fail(*given, **more):
        tries.append(given)
        raise Fault

    monkeypatch.setattr(*place, fail)
    return tries


def test_it_is_given_up_after_the_tries_of_other_jobs_and_made_when_asked_again(ctx, monkeypatch, file):
    kind, ask, place = file
    with monkeypatch.context() as broken:
        tries = failing(broken, place)
        first = ask()
        for _number in range(MOST):
            work(ctx)
        with ctx.db.read() as session:
            assert session.get_one(kind, first).failed_at is None, "it is tried once more"
        for _number in range(3):
            work(ctx)
    assert len(tries) == MOST + 1
    assert [status for status, _attempts in jobs(ctx)] == ["failed"], "for whoever runs the portal, too"
    with ctx.db.read() as session:
        assert session.get_one(kind, first).failed_at is not None
        assert session.scalars(select(ListExportPart)).all() == [], "nothing of it is kept"
        told = {
            DataExport: ["data_failed"],
            ListExport: ["staff_list_failed"],
            MerchantArchive: ["staff_archive_failed"],
        }
        assert session.scalars(select(Mail.kind)).all() == told[kind], "whoever left the page and waits for a message"
    later = utc_now() + 2 * list_exports.LOST
    assert list_exports.sweep(ctx, now=later) + merchant_archives.sweep(ctx, now=later) == 0, "nobody makes it any more"
    second = ask()
    assert second != first
    work(ctx)
    with ctx.db.read() as session:
        made = session.get_one(kind, second)
        assert (made.state.value, made.failed_at) == (FileState.READY.value, None)


def test_it_is_given_up_when_each_try_killed_its_worker(ctx, monkeypatch, file):
    kind, ask, place = file
    tries = failing(monkeypatch, place)
    made = ask()
    with ctx.db.begin() as session:
        session.execute(text(f"UPDATE procrastinate_jobs SET attempts = {MOST + 1}"))  # noqa: S608 - as stalled jobs are
    work(ctx)
    assert tries == []
    with ctx.db.read() as session:
        assert session.get_one(kind, made).failed_at is not None


def test_one_that_is_ready_or_gone_is_not_given_up(ctx, file):
    kind, ask, _place = file
    made = ask()
    work(ctx)
    for service in (list_exports, merchant_archives, data_exports):
        service.give_up(ctx, uuid.uuid4(), now=utc_now())
        service.give_up(ctx, made, now=utc_now())
    with ctx.db.read() as session:
        assert session.get_one(kind, made).failed_at is None


def test_what_was_given_up_is_forgotten_as_what_was_ready(ctx, monkeypatch, file):
    kind, ask, _place = file
    given_up = {ListExport: list_exports, MerchantArchive: merchant_archives, DataExport: data_exports}[kind]
    given_up.give_up(ctx, ask(), now=utc_now())
    for days, left in ((6, 1), (8, 0)):
        later = utc_now() + list_exports.timedelta(days=days)
        list_exports.purge(ctx, now=later)
        retention.run(ctx, now=later)
        with ctx.db.read() as session:
            assert len(session.scalars(select(kind)).all()) == left

"""Everything of a merchant for its owner: made in pieces by a worker, sealed, of one moment, gone after a week."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import NoResultFound

from portal.clock import utc_now
from portal.domain.desk.list_exports import FileState
from portal.domain.law.retention import FIXED_DAYS, Kind
from portal.models import AuditEntry, Mail, MerchantArchive, MerchantArchivePart
from portal.queries.merchants import merchant_archives as stored
from portal.services.handing_over import CutOff
from portal.services.merchants import merchant_archives
from portal.services.own_data import retention
from tests.services.imports.bringing import who


@pytest.fixture
def owner(make, hire):
    merchant = make.merchant(name="L’Atelier")
    for number in range(5):
        make.customer(merchant, email=f"p{number}@client.test")
    return hire(merchant).staff


def archives(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(MerchantArchive)).all()


def test_it_is_made_in_small_sealed_pieces_and_given_whole(ctx, make, owner, now, monkeypatch):
    monkeypatch.setattr(merchant_archives, "PIECE", 1000)
    make.customer(make.merchant(name="Another"), email="other@client.test")
    made = merchant_archives.start(ctx, owner.merchant_id, by=who(owner), now=now)
    assert merchant_archives.start(ctx, owner.merchant_id, by=who(owner), now=now) == made, (
        "a second click is the first"
    )
    merchant_archives.make(ctx, made, now=now)
    (found,) = archives(ctx)
    assert (found.state, found.tables) == (FileState.READY, found.of_tables)
    with ctx.db.read() as session:
        assert session.scalar(select(func.count()).select_from(MerchantArchivePart)) > 3
        boxes = session.scalars(text("SELECT encode(content, 'escape') FROM merchant_archive_parts")).all()
    assert not any("p1@client.test" in box or box.startswith("PK") for box in boxes)
    pieces = list(merchant_archives.content_of(ctx, owner.merchant_id, made, by=who(owner), now=now))
    assert (max(map(len, pieces)), sum(map(len, pieces))) == (1000, found.size)
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        rows = [json.loads(line) for line in archive.read("jsonl/customers.jsonl").splitlines()]
        assert "audit chain" in archive.read("README.txt").decode()
    assert sorted(row["email"] for row in rows) == [f"p{number}@client.test" for number in range(5)]
    with ctx.db.read() as session:
        acts = session.scalars(
            select(AuditEntry).where(AuditEntry.act == "export.merchant").order_by(AuditEntry.number)
        ).all()
    assert [one.details.get("taken", False) for one in acts] == [False, True]


def test_a_job_that_was_overtaken_writes_nothing_more(ctx, owner, now, monkeypatch):
    made = merchant_archives.start(ctx, owner.merchant_id, by=who(owner), now=now)
    fill, again = merchant_archives.exports.fill, []

    def overtaken(*given, **more):
        if not again:
            again.append(1)
            merchant_archives.make(ctx, made, now=now)
        return fill(*given, **more)

    monkeypatch.setattr(merchant_archives.exports, "fill", overtaken)
    merchant_archives.make(ctx, made, now=now)
    (found,) = archives(ctx)
    assert (found.attempt, found.state) == (2, FileState.READY)
    content = b"".join(merchant_archives.content_of(ctx, owner.merchant_id, made, by=who(owner), now=now))
    assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None


def test_a_killed_job_begins_anew_and_a_lost_one_is_found(ctx, owner, now, monkeypatch):
    made = merchant_archives.start(ctx, owner.merchant_id, by=who(owner), now=now)
    with monkeypatch.context() as patch:
        patch.setattr(
            merchant_archives._Writer, "close", lambda *_given, **_more: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            merchant_archives.make(ctx, made, now=now)
    assert merchant_archives.sweep(ctx, now=utc_now()) == 0
    assert merchant_archives.sweep(ctx, now=utc_now() + timedelta(minutes=21)) == 1
    merchant_archives.make(ctx, made, now=now)
    content = b"".join(merchant_archives.content_of(ctx, owner.merchant_id, made, by=who(owner), now=now))
    assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None


def test_it_is_nobody_elses_and_goes_after_a_week(ctx, make, owner, now):
    made = merchant_archives.start(ctx, owner.merchant_id, by=who(owner), now=now)
    with pytest.raises(NoResultFound):
        list(merchant_archives.content_of(ctx, owner.merchant_id, made, by=who(owner), now=now))
    merchant_archives.make(ctx, made, now=now)
    with pytest.raises(NoResultFound):
        list(merchant_archives.content_of(ctx, make.merchant(name="Another").id, made, by=who(owner), now=now))
    with ctx.db.begin() as session:
        session.execute(update(MerchantArchive).values(ready_at=now))
    week = FIXED_DAYS[Kind.FILES]
    assert week == timedelta(days=7)
    assert retention.forget_archives(ctx, before=now) == 0
    assert retention.forget_archives(ctx, before=now + timedelta(seconds=1)) == 1
    assert archives(ctx) == []


def test_after_its_week_it_is_gone_whether_or_not_the_job_has_come(ctx, owner, now):
    made = merchant_archives.start(ctx, owner.merchant_id, by=who(owner), now=now)
    merchant_archives.make(ctx, made, now=now)
    (found,) = archives(ctx)
    week = found.ready_at + timedelta(days=7)
    for moment, there in ((week - timedelta(seconds=1), True), (week + timedelta(seconds=1), False)):
        with ctx.db.read() as session:
            assert (stored.newest(session, owner.merchant_id, now=moment) is not None) is there
    assert list(merchant_archives.content_of(ctx, owner.merchant_id, made, by=who(owner), now=week))
    with pytest.raises(NoResultFound):
        merchant_archives.content_of(ctx, owner.merchant_id, made, by=who(owner), now=week + timedelta(seconds=1))


@pytest.mark.parametrize("lost", ["role = 'owner'", "role = 'manager'", "disabled_at = now()"])
def test_who_asked_is_told_that_it_is_ready_unless_they_own_the_merchant_no_more(ctx, owner, now, lost):
    made = merchant_archives.start(ctx, owner.merchant_id, by=who(owner), now=now)
    with ctx.db.begin() as session:
        session.execute(text(f"UPDATE memberships SET {lost}"))  # noqa: S608
    merchant_archives.make(ctx, made, now=now)
    merchant_archives.make(ctx, made, now=now)  # a second job finds it made
    with ctx.db.read() as session:
        mails = session.scalars(select(Mail.recipient).where(Mail.kind == "staff_archive_ready")).all()
    assert mails == ([owner.email] if "owner" in lost else [])


@pytest.mark.parametrize("gone", ["the archive", "a piece"])
def test_a_download_that_is_not_whole_breaks_off(ctx, owner, now, monkeypatch, gone):
    """Its reader sees that it failed, and keeps no half of it for a whole."""
    monkeypatch.setattr(merchant_archives, "PIECE", 1000)
    made = merchant_archives.start(ctx, owner.merchant_id, by=who(owner), now=now)
    merchant_archives.make(ctx, made, now=now)
    pieces = merchant_archives.content_of(ctx, owner.merchant_id, made, by=who(owner), now=now)
    assert next(pieces)
    with ctx.db.begin() as session:
        what = "merchant_archives" if gone == "the archive" else "merchant_archive_parts WHERE number = 3"
        session.execute(text(f"DELETE FROM {what}"))  # noqa: S608
    with pytest.raises(CutOff):
        list(pieces)

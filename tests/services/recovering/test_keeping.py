"""The journal in ordinary days: what it costs, what happens while its disk is full, what goes after its time."""

from __future__ import annotations

import errno
import json
import os
import threading
from datetime import timedelta

import pytest
from sqlalchemy import event, select, text, update

from portal import clock
from portal.clock import utc_now
from portal.domain.ends.end_requests import RequestState
from portal.journal import pens, segments
from portal.models import AuditHead, Customer, Installation, JournalEntry, Merchant, Subscription
from portal.services import journal_keeping, recovering, restores
from portal.services.metrics import Figures
from tests.services.carrying.carried import ask, carry
from tests.services.recovering.rewriting import written_anew
from tests.services.recovering.stories import found

AT = "2026-01-01T00:00:00+00:00"
SAID = json.dumps({"number": 1, "at": AT})
LATER = timedelta(minutes=1)


@pytest.fixture
def subscription(make):
    return make.subscription(merchant=make.merchant())


def written(journal):
    return [entry for path in journal.folder.paths() for entry in segments.read(path, journal.folder.vault).entries]


def waiting(ctx):
    with ctx.db.read() as session:
        return session.scalars(select(JournalEntry.of_table).where(JournalEntry.waits)).all()


def test_a_request_stands_in_the_journal_with_what_it_hangs_on_before_anybody_is_answered(
    ctx, make, journal, subscription
):
    request = ask(ctx, make, subscription)
    images = {(entry.of_table, entry.key): entry for entry in written(journal)}
    assert images["end_requests", str(request.id)].image["reference"] == request.reference
    assert images["subscriptions", str(subscription.id)].image["provider_id"] == subscription.provider_id
    assert images["customers", str(subscription.customer_id)].image["email"] == subscription.customer.email


def test_what_is_rolled_back_never_stands_there(ctx, journal, subscription):
    before = len(written(journal))

    def break_off():
        with ctx.db.begin() as session:
            session.execute(update(Merchant).values(name="Never"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert len(written(journal)) == before
    assert waiting(ctx) == []


def test_what_tells_nobody_anything_is_not_kept(ctx, journal, subscription):
    before = len(written(journal))
    with ctx.db.begin() as session:
        session.execute(update(Subscription).values(provider_read_at=utc_now()))
        session.execute(update(Customer).values(seen_at=utc_now()))
    assert len(written(journal)) == before


def test_a_read_asks_nothing_more_and_a_write_that_is_told_one_question(ctx, statements, subscription):
    with statements() as asked, ctx.db.read() as session:
        session.scalar(select(Merchant.name))
    assert len(asked) == 1
    driver = []
    event.listen(ctx.db.engine, "commit", lambda connection: driver.append(connection.info.get("journal")))
    with ctx.db.begin() as session:
        session.execute(update(AuditHead).values(number=AuditHead.number + 1))
    assert len(driver) == 1


def test_what_was_written_is_crossed_off_and_keeps_no_image(ctx, make, subscription):
    ask(ctx, make, subscription)
    ask(ctx, make, make.subscription())
    journal_keeping.sweep(ctx, now=utc_now() + LATER)
    with ctx.db.read() as session:
        assert session.scalars(select(JournalEntry).where(JournalEntry.image.is_not(None))).all() == []
        assert waiting(ctx) == []


@pytest.fixture
def broken(journal, tmp_path):
    """The folder is gone: a disk that is full, or belongs to somebody else, ends in the same error."""
    journal.close()
    journal.folder.path.rename(tmp_path / "away")
    yield
    if not journal.folder.path.exists():
        (tmp_path / "away").rename(journal.folder.path)


def mend(journal, tmp_path):
    (tmp_path / "away").rename(journal.folder.path)


def test_who_asks_is_served_while_nothing_can_be_written_and_the_alarm_rings(
    ctx, make, paypal, journal, broken, subscription, caplog
):
    request = carry(ctx, ask(ctx, make, subscription))
    assert request.state is RequestState.CONFIRMED
    assert paypal.cancelled == [subscription.provider_id]
    assert journal.failing_since is not None, "known without the database"
    assert "end_requests" in waiting(ctx)
    assert "journal_not_written" in caplog.text


def test_what_could_not_be_written_is_as_soon_as_it_can(ctx, make, journal, broken, subscription, tmp_path, backup):
    copy = backup()
    request = ask(ctx, make, subscription)
    assert journal_keeping.sweep(ctx, now=utc_now() + LATER) == 0, "still broken"
    mend(journal, tmp_path)
    assert journal_keeping.sweep(ctx, now=utc_now() + LATER) > 0
    assert journal.failing_since is None
    copy.restore()
    recovering.recover(ctx, now=utc_now())
    assert found(ctx, request).state is RequestState.RECORDED


def test_what_a_process_died_over_is_written_by_the_next_sweep(ctx, make, journal, subscription, monkeypatch):
    monkeypatch.setattr(journal, "write_own", lambda: None)  # killed after the COMMIT
    request = ask(ctx, make, subscription)
    monkeypatch.undo()
    assert str(request.id) not in {entry.key for entry in written(journal)}
    journal_keeping.sweep(ctx, now=utc_now() + LATER)
    assert str(request.id) in {entry.key for entry in written(journal)}


def test_once_it_is_switched_off_nothing_is_noted_any_more(ctx, make, db, subscription):
    journal, db.journal = db.journal, None
    ask(ctx, make, subscription)
    assert waiting(ctx) != []
    journal_keeping.sweep(ctx, now=utc_now() + LATER)
    assert waiting(ctx) != [], "another process may still have the setting"
    restores.switch_off(ctx.db)
    ask(ctx, make, make.subscription())
    assert waiting(ctx) == []
    db.journal = journal


def test_what_is_older_than_its_time_goes_from_the_folder_first(ctx, make, journal, subscription):
    ask(ctx, make, subscription)
    journal.close()
    (path,) = journal.folder.paths()
    old = path.stat().st_mtime - timedelta(days=36).total_seconds()
    os.utime(path, (old, old))
    journal_keeping.forget(ctx, now=utc_now())
    assert journal.folder.paths() == []
    assert restores.look(ctx.db) is None, "what is deleted is missed by nobody"
    with ctx.db.begin() as session:
        session.execute(update(JournalEntry).values(waits=False))
    journal_keeping.forget(ctx, now=utc_now() + timedelta(days=38))
    with ctx.db.read() as session:
        assert session.scalars(select(JournalEntry)).all() == []


def test_a_segment_that_is_closed_late_goes_no_later(ctx, make, journal, subscription):
    """A process wrote last on Friday and ended on Tuesday: the database forgets the numbers of Friday."""
    ask(ctx, make, subscription)
    (path,) = journal.folder.paths()
    friday = path.stat().st_mtime - timedelta(days=4).total_seconds()
    os.utime(path, (friday, friday))
    journal.close()
    (path,) = journal.folder.paths()
    assert path.suffix == segments.SEALED
    assert path.stat().st_mtime == pytest.approx(friday)


def test_what_the_database_has_forgotten_by_its_age_is_no_sign_of_a_restore(ctx, make, journal, subscription):
    """A copy of the folder may have lost when its files were written."""
    ask(ctx, make, subscription)
    with ctx.db.begin() as session:
        session.execute(text("UPDATE journal_entries SET at = at - interval '38 days', waits = false"))
    written_anew(ctx, journal, earlier=timedelta(days=38))
    journal_keeping.forget(ctx, now=utc_now())
    with ctx.db.read() as session:
        assert session.scalars(select(JournalEntry)).all() == []
    assert journal.folder.paths() != []
    assert restores.look(ctx.db) is None
    report = recovering.recover(ctx, now=utc_now())
    assert (report.unknown, report.put.total()) == (0, 0)


def test_a_folder_that_cannot_be_read_is_said(ctx, journal, broken, tmp_path):
    assert restores.look(ctx.db) is None
    assert journal.unread_since is not None
    mend(journal, tmp_path)
    restores.look(ctx.db)
    assert journal.unread_since is None


def test_a_process_that_cannot_read_or_write_the_journal_tells_so_in_its_figures(ctx, journal, tmp_path):
    """The database has nothing that waits, as the worker writes for it: nothing else would ring."""

    def told():
        said = Figures(ctx, tmp_path).exposition().decode()
        return [line for line in said.splitlines() if line.startswith("portal_journal_fails ")]

    assert told() == ["portal_journal_fails 0.0"]
    journal.was_read(False)
    assert told() == ["portal_journal_fails 1.0"]
    journal.was_read(True)
    assert told() == ["portal_journal_fails 0.0"]
    journal.failing_since = 1.0
    assert told() == ["portal_journal_fails 1.0"]


def test_of_two_that_wait_for_one_failing_disk_neither_is_told_yes(journal, monkeypatch):
    """The system tells of a failure once: the second `fsync` of the same file says yes."""
    answers = iter([OSError(errno.EIO, "broken")])

    def fsync(handle):
        for error in answers:
            raise error

    journal._pen.write("0" * 32, [(1, AT, SAID)])
    file = journal._pen._file
    file.append(journal.folder.vault, [("2", SAID)])
    first = file.size
    file.append(journal.folder.vault, [("3", SAID)])
    monkeypatch.setattr(os, "fsync", fsync)
    for until in (first, file.size):
        with pytest.raises(OSError, match=r"disk|broken"):
            file.sync(until)


@pytest.fixture
def hanging(monkeypatch):
    """Let a call of the system not come back until it is told to, as a server of files that does not answer."""
    going_on, threads = threading.Event(), []

    def hangs(owner, name, act):
        asked = threading.Event()

        def wait(*given):
            asked.set()
            assert going_on.wait(30)
            return original(*given)

        original = getattr(owner, name)
        monkeypatch.setattr(owner, name, wait)
        threads.append(threading.Thread(target=act))
        threads[-1].start()
        assert asked.wait(30)
        monkeypatch.setattr(owner, name, original)

    hangs.comes_back = lambda: (going_on.set(), [one.join() for one in threads])
    yield hangs
    hangs.comes_back()


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_disk_that_does_not_answer_keeps_one_and_no_other(
    ctx, make, journal, subscription, monkeypatch, hanging, call
):
    monkeypatch.setattr(pens, "PATIENCE", 0.05)
    ask(ctx, make, subscription)
    other = make.subscription()
    hanging(os, call, lambda: ask(ctx, make, other))
    served = ask(ctx, make, make.subscription())
    assert served.state is RequestState.RECORDED
    assert journal.failing_since is not None
    assert "end_requests" in waiting(ctx)
    hanging.comes_back()
    journal_keeping.sweep(ctx, now=utc_now() + LATER)
    assert journal.failing_since is None
    assert waiting(ctx) == []
    assert str(served.id) in {entry.key for entry in written(journal)}


def test_a_folder_that_does_not_answer_keeps_one_and_no_other(ctx, journal, monkeypatch, hanging):
    monkeypatch.setattr(restores, "PATIENCE", 0.05)
    gate = restores.Gate(ctx.db)
    hanging(journal.folder, "tails", gate.is_shut)
    assert (gate.is_shut(), gate.is_restored(), gate.must_rest()) == (True, False, True), "nobody has looked yet"
    assert journal.unread_since is not None
    hanging.comes_back()
    assert (gate.is_shut(), gate.must_rest()) == (False, False)
    assert journal.unread_since is None


def test_while_a_folder_does_not_answer_what_another_machine_found_counts(ctx, journal, monkeypatch, hanging):
    for name in ("PATIENCE", "LOOK_EVERY", "TRUST"):
        monkeypatch.setattr(restores, name, 0)
    gate = restores.Gate(ctx.db)
    assert not gate.is_shut()
    hanging(journal.folder, "tails", gate.is_shut)
    for restored_at in (utc_now(), None):
        with ctx.db.begin() as session:
            session.execute(update(Installation).values(restored_at=restored_at))
        assert gate.is_shut() is gate.must_rest() is (restored_at is not None)


@pytest.mark.parametrize("why", ["clock", "restored"])
def test_nothing_goes_while_the_clock_is_off_or_a_recovery_is_due(ctx, make, journal, subscription, monkeypatch, why):
    ask(ctx, make, subscription)
    journal.close()
    (path,) = journal.folder.paths()
    os.utime(path, (0, 0))
    if why == "clock":
        monkeypatch.setattr(clock, "machine_is_off", lambda: True)
    else:
        with ctx.db.begin() as session:
            session.execute(update(Installation).values(restored_at=utc_now()))
    assert journal_keeping.forget(ctx, now=utc_now()) == 0
    assert journal.folder.paths() == [path]


def test_a_clock_that_jumped_back_hides_nothing_from_a_recovery(ctx, make, backup, subscription, restarted):
    """Entries of an hour that comes twice: the number says which is later."""
    copy = backup()
    request = ask(ctx, make, subscription)
    copy.restore()
    here = restarted()
    with here.db.begin() as session:
        session.execute(text("UPDATE journal_entries SET at = at - interval '2 hours'"))
    assert here.is_restored
    recovering.recover(here, now=utc_now() - timedelta(hours=1))
    assert found(here, request).state is RequestState.RECORDED

"""After a restore: what the journal knows and the database does not is put back, and then things may leave again.

Nothing is sent from here: the gate opens at the end, and whatever is open is then carried on by the engine, which reads
PayPal before any call.  Entry by entry: replaying.py.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import func, or_, update
from sqlalchemy.orm import Session

from portal.domain.audit import OPERATOR, Act
from portal.journal import segments
from portal.journal.gathering import Journal
from portal.journal.segments import Entry
from portal.journal.watched import WITNESSES
from portal.models import BulkAct, BulkState, Hold, Installation, Mail, MailState
from portal.queries.operating import journal as queries
from portal.services import replaying, restores, tries
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.lost_jobs import FORGOTTEN
from portal.services.merchants import departures
from portal.services.replaying import Missing, Report

log = structlog.get_logger("portal.journal")

ONE_AT_A_TIME: Final = 6_200_062  # the advisory lock of a recovery


class NoJournal(Exception):
    """The settings name no folder: there is nothing to recover from."""


class RecoveryRuns(Exception):
    """Another recovery is at it."""


class OtherInstallation(Exception):
    """Segments that our keys open are another installation's, by its name: adopt it, or take them away."""

    def __init__(self, names: Collection[str]) -> None:
        super().__init__(", ".join(sorted(names)))
        self.names = sorted(names)


def recover(ctx: Context, *, now: datetime, dry_run: bool = False, adopt: Sequence[str] = ()) -> Report:
    """Put back what is missing, then let things leave again. `adopt`: installations whose journal is ours, by name.

    Safe to run again, also after it died half-way.  Raises NoJournal, RecoveryRuns, OtherInstallation, OSError.
    """
    journal = ctx.db.journal
    if journal is None:
        raise NoJournal
    journal.start(ctx.db.engine)
    with _alone(ctx):
        report = Report()
        names = _names(ctx, journal, adopt, is_kept=not dry_run)
        whole = _read(journal, report, names)
        missing = _missing(ctx, whole, report, days=journal.days)
        if dry_run:
            report.put = Counter(entry.of_table for entry in missing.entries)
            return report
        if missing.entries:
            _notice(ctx, journal)
        with ctx.db.read() as session:
            is_due = queries.restored_at(session) is not None
        if is_due:  # or this one was, and died half-way
            left = replaying.replay(ctx, missing, missing.entries, report, now=now)
            _erase_merchants(ctx, whole, now=now)
            while left and len(still := replaying.replay(ctx, missing, left, report, now=now)) < len(left):
                left = still  # one may refer to another that was noted after it
            replaying.give_up(ctx, left)
            report.unplaced += [f"{entry.of_table} {entry.key} ({entry.act}, {entry.number})" for entry in left]
        _finish(ctx, whole, report, now=now)
    log.warning("database_recovered", put=report.put.total(), unplaced=len(report.unplaced), erased=report.erased)
    return report


@contextmanager
def _alone(ctx: Context) -> Iterator[None]:
    """Hold the lock of recoveries; it goes with the connection, whatever happens."""
    with ctx.db.engine.connect() as connection:
        if not queries.is_alone(connection, ONE_AT_A_TIME):
            raise RecoveryRuns
        try:
            yield
        finally:
            queries.let_others(connection, ONE_AT_A_TIME)


def _names(ctx: Context, journal: Journal, adopt: Sequence[str], *, is_kept: bool) -> frozenset[str]:
    """Return the names that our segments bear; raise OtherInstallation where others lie beside them."""
    found = {tail.installation for tail in journal.folder.tails() if tail.newest}
    with ctx.db.begin() as session:
        here = session.get_one(Installation, 1)
        names = here.names | set(adopt)
        if found - names:
            raise OtherInstallation(found - names)
        if is_kept:
            here.adopted = sorted(names - {here.name.hex})
    return names


def _notice(ctx: Context, journal: Journal) -> None:
    """Where no process has looked yet: shut the gate, and let nobody stay logged in, as if one had."""
    with ctx.db.begin() as session:
        if session.get_one(Installation, 1).restored_at is None:
            restores.mark(session, restores.BEHIND, journal.folder.tails())


def _read(journal: Journal, report: Report, names: Collection[str]) -> list[Entry]:
    """Read every segment; return what they say, in order, each once."""
    found: dict[tuple[int, datetime], Entry] = {}
    for path in journal.folder.paths():
        segment = segments.read(path, journal.folder.vault)
        if segments.installation_of(path.stem) not in names or (segment.flaws and not segment.entries):
            report.strange.append(path.name)
            continue
        report.segments += 1
        report.flaws += [f"{segment.name}: {flaw}" for flaw in segment.flaws]
        if segment.is_torn:
            report.torn.append(segment.name)
        found |= {(entry.number, datetime.fromisoformat(entry.at)): entry for entry in segment.entries}
    report.entries = len(found)
    return [found[one] for one in sorted(found)]


def _missing(ctx: Context, whole: Sequence[Entry], report: Report, *, days: int) -> Missing:
    """Return what of it the database does not know."""
    with ctx.db.read() as session:
        unknown = queries.unknown(session, [(entry.number, entry.at) for entry in whole], days=days)
        put_back = queries.first_put_back(session)
    entries = [entry for entry in whole if (entry.number, datetime.fromisoformat(entry.at)) in unknown]
    report.unknown = len(entries)
    numbers = [entry.number for entry in entries[:1]] + ([put_back] if put_back is not None else [])
    last = {(entry.of_table, entry.key): entry for entry in entries}
    return Missing(entries, last, since=min(numbers, default=0))


def _erase_merchants(ctx: Context, whole: Sequence[Entry], *, now: datetime) -> None:
    """Erase again, by the same service, merchants that had been erased: not all their rows are in the journal.

    Also those of which the database knows by now: the recovery before this one may have died right here.
    """
    told = [entry for entry in whole if entry.of_table == "merchants" and (entry.image or {}).get("erased_at")]
    for key in {entry.key for entry in told}:
        departures.erase(ctx, uuid.UUID(key), now=now)


def _finish(ctx: Context, whole: Sequence[Entry], report: Report, *, now: datetime) -> None:
    """Say in each chain where it was cut, let what is open be carried on, and open the gate: all or nothing."""
    with ctx.db.begin() as session:
        queries.count_from(session, max((entry.number for entry in whole), default=0))
        if session.get_one(Installation, 1).restored_at is None:
            return
        ended = Counter[str]()
        for entry in whole:
            if entry.of_table in WITNESSES:
                ended[entry.key] = max(ended[entry.key], int((entry.image or {})["number"]))
        chains = queries.audit_ends(session)
        for merchant_id in queries.merchant_ids(session):
            end, former = chains.get(str(merchant_id), 0), ended[str(merchant_id)]
            report.cut[str(merchant_id)] = (end, max(end, former))
            found: dict[str, Any] = {"cut_after": end, "had_reached": max(end, former)}
            audit.append(session, merchant_id, Act.DATABASE_RECOVERED, by=OPERATOR, at=now, **found)
        report.stopped = _stop_bulk_acts(session, now=now)
        _hurry(session, now=now)
        session.execute(update(Installation).values(restored_at=None, restored_why="", recovered_at=func.now()))


def _stop_bulk_acts(session: Session, *, now: datetime) -> list[str]:
    """An act on many may have been stopped, or done, since the backup: somebody looks before it goes on."""
    stopped = {"state": BulkState.STOPPED, "held": Hold.NONE, "touched_at": now}
    running = update(BulkAct).where(BulkAct.state == BulkState.RUNNING).values(stopped).returning(BulkAct.id)
    return [str(act_id) for act_id in session.scalars(running)]


def _hurry(session: Session, *, now: datetime) -> None:
    """What found the gate shut is tried now, not at the end of its growing waits; the sweeps give each its job."""
    for row in tries.CARRIED:
        waiting = row.state.in_(row.open_states), row.next_try_at > now
        session.execute(update(row).where(*waiting).values(next_try_at=now))
    put_off = Mail.state == MailState.WAITING, or_(Mail.attempts > 0, Mail.send_at <= now)
    session.execute(update(Mail).where(*put_off).values(send_at=now - FORGOTTEN))

"""After a restore: what the journal knows and the database does not is put back, in the order in which it happened.

Rows come back under their own ids and references.  What this database has noted since is kept.  Nothing is sent from
here: the gate opens at the end, and whatever is open is then carried on by the engine, which reads PayPal before any
call.  What had been sent by mail is known as sent.  Who was erased is erased again, by the same service.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Uuid, func, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.domain.audit import OPERATOR, Act
from portal.domain.ends.end_requests import RequestState
from portal.journal import segments
from portal.journal.gathering import Journal
from portal.journal.segments import Entry
from portal.journal.watched import REFERRED, WATCHED, WITNESSES, key_of
from portal.models import Base, Customer, EndRequest, Installation, JournalEntry, Mail, MailState
from portal.queries.operating import journal as queries
from portal.queries.people import customers
from portal.services import done_twice, restores, tries
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.lost_jobs import FORGOTTEN
from portal.services.merchants import departures
from portal.services.own_data import erasing

log = structlog.get_logger("portal.journal")

ONE_AT_A_TIME: Final = 6_200_062  # the advisory lock of a recovery
BATCH: Final = 500  # entries of one transaction


class NoJournal(Exception):
    """The settings name no folder: there is nothing to recover from."""


class RecoveryRuns(Exception):
    """Another recovery is at it."""


class OtherInstallation(Exception):
    """Segments that our keys open are another installation's, by its name: adopt it, or take them away."""

    def __init__(self, names: Collection[str]) -> None:
        super().__init__(", ".join(sorted(names)))
        self.names = sorted(names)


@dataclass
class Report:
    """What was found in the journal, and what became of it."""

    segments: int = 0
    entries: int = 0
    unknown: int = 0  # that the database does not know
    strange: list[str] = field(default_factory=list)  # segments that no key of ours opens
    torn: list[str] = field(default_factory=list)  # whose last line is not whole
    flaws: list[str] = field(default_factory=list)
    put: Counter[str] = field(default_factory=Counter)  # by table
    kept: int = 0  # something later is there
    erased: int = 0
    asked_again: list[str] = field(default_factory=list)  # references of requests that give way to earlier ones
    unplaced: list[str] = field(default_factory=list)
    cut: dict[str, tuple[int, int]] = field(default_factory=dict)  # merchant: the chain's end, and where it had been


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
        entries = _missing(ctx, journal, report, names)
        if dry_run:
            report.put = Counter(entry.of_table for entry in entries)
            return report
        if entries:
            _notice(ctx, journal)
        left = _replay(ctx, entries, report, now=now)
        _erase_merchants(ctx, entries, now=now)
        while left and len(still := _replay(ctx, left, report, now=now)) < len(left):
            left = still  # one may refer to another that was noted after it
        _give_up(ctx, left)
        report.unplaced += [f"{entry.of_table} {entry.key} ({entry.act}, {entry.number})" for entry in left]
        _finish(ctx, entries, report, now=now)
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


def _missing(ctx: Context, journal: Journal, report: Report, names: Collection[str]) -> list[Entry]:
    """Read every segment; return what the database does not know, in order, each once."""
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
    with ctx.db.read() as session:
        unknown = queries.unknown(session, [(entry.number, entry.at) for entry in found.values()])
    report.unknown = len(unknown)
    return [found[one] for one in sorted(unknown)]


def _replay(ctx: Context, entries: Sequence[Entry], report: Report, *, now: datetime) -> list[Entry]:
    """Put entries back, some hundred a transaction; return those that have no place yet."""
    left: list[Entry] = []
    for start in range(0, len(entries), BATCH):
        with ctx.db.begin() as session:
            queries.note_nothing(session)  # what is put back stands in the journal already
            for entry in entries[start : start + BATCH]:
                try:
                    with session.begin_nested():
                        _place(session, entry, report, now=now)
                except IntegrityError:
                    left.append(entry)
                else:
                    _know(session, entry)
    return left


def _erase_merchants(ctx: Context, entries: Sequence[Entry], *, now: datetime) -> None:
    """Erase again, by the same service, merchants that had been erased: not all their rows are in the journal."""
    told = [entry for entry in entries if entry.of_table == "merchants" and (entry.image or {}).get("erased_at")]
    for key in {entry.key for entry in told}:
        departures.erase(ctx, uuid.UUID(key), now=now)


def _give_up(ctx: Context, left: Sequence[Entry]) -> None:
    """What has no place is the operator's to look at: it must not keep the gate shut for everybody."""
    with ctx.db.begin() as session:
        for entry in left:
            _know(session, entry)


def _know(session: Session, entry: Entry) -> None:
    """From now on the database knows of it."""
    values = {name: getattr(entry, name) for name in ("number", "of_table", "key", "act")}
    known = insert(JournalEntry).values(**values, at=datetime.fromisoformat(entry.at), waits=False)
    session.execute(known.on_conflict_do_nothing())


def _place(session: Session, entry: Entry, report: Report, *, now: datetime) -> None:
    """Write one entry's row as it was, unless something later is there. Raises IntegrityError."""
    if entry.of_table in WITNESSES:
        return
    if entry.of_table not in WATCHED | REFERRED:
        report.unplaced.append(f"{entry.of_table}: no such table is kept")
        return
    at = datetime.fromisoformat(entry.at)
    if queries.is_overtaken(session, entry.of_table, entry.key, number=entry.number, at=at):
        report.kept += 1
        return
    if entry.act == "gone":
        _take_out(session, entry)
    else:
        again = done_twice.give_way(session, entry.of_table, entry.image or {})
        if again is None:  # what was done first is there
            report.kept += 1
            return
        report.asked_again += again
        _before(session, entry, report, now=now)
        _put(session, entry)
    report.put[entry.of_table] += 1


def _before(session: Session, entry: Entry, report: Report, *, now: datetime) -> None:
    """Do what a row's own columns do not say: erase the person, let a later request give way."""
    image = entry.image or {}
    if entry.of_table == "customers" and image.get("erased_at"):
        report.erased += _erase(session, uuid.UUID(entry.key), now=datetime.fromisoformat(image["erased_at"]))
    elif entry.of_table == "end_requests" and _is_open(image):
        report.asked_again += _give_way(session, image, now=now)


def _erase(session: Session, customer_id: uuid.UUID, *, now: datetime) -> bool:
    customer = session.get(Customer, customer_id)
    if customer is None or customer.erased_at is not None:
        return False
    (customer,) = customers.lock(session, customer.merchant_id, customer_id)
    erasing.erase(session, customer, now=now)
    return True


def _is_open(image: Mapping[str, Any]) -> bool:
    return RequestState(image["state"]) in EndRequest.open_states


def _give_way(session: Session, image: Mapping[str, Any], *, now: datetime) -> list[str]:
    """Who asked, and asked again because the restored portal had forgotten it: what was asked for first counts."""
    found = queries.lock_open_others(session, uuid.UUID(image["subscription_id"]), uuid.UUID(image["id"]))
    for request in found:
        request.state, request.withdrawn_at = RequestState.WITHDRAWN, now
    session.flush()
    return [request.reference for request in found]


def _put(session: Session, entry: Entry) -> None:
    """Write the row as its image says; columns that the image does not know stay, or take their default."""
    image, key, one = entry.image or {}, key_of(entry.of_table), Base.metadata.tables[entry.of_table]
    names = [column.name for column in one.c if column.name in image]
    written = insert(one).from_select(names, queries.as_row(one, names, image))
    others = [name for name in names if name != key]
    if entry.act == "is" and others:
        differs = or_(*(one.c[name].is_distinct_from(written.excluded[name]) for name in others))
        new = {name: written.excluded[name] for name in others}
        written = written.on_conflict_do_update(index_elements=[key], set_=new, where=differs)
    else:  # a row that was only referred to is as it was then: it is put where there is none
        written = written.on_conflict_do_nothing(index_elements=[key])
    session.connection().execute(written)
    session.expire_all()


def _take_out(session: Session, entry: Entry) -> None:
    column = Base.metadata.tables[entry.of_table].c[key_of(entry.of_table)]
    key = uuid.UUID(entry.key) if isinstance(column.type, Uuid) else entry.key
    session.connection().execute(column.table.delete().where(column == key))


def _finish(ctx: Context, entries: Sequence[Entry], report: Report, *, now: datetime) -> None:
    """Say in each chain where it was cut, let what is open be carried on, and open the gate: all or nothing."""
    with ctx.db.begin() as session:
        was_restored = session.get_one(Installation, 1).restored_at is not None
        queries.count_from(session, max((entry.number for entry in entries), default=0))
        if not was_restored and not entries:
            return
        ended = {entry.key: int((entry.image or {})["number"]) for entry in entries if entry.of_table in WITNESSES}
        chains = queries.audit_ends(session)
        for merchant_id in queries.merchant_ids(session):
            end, former = chains.get(str(merchant_id), 0), ended.get(str(merchant_id), 0)
            report.cut[str(merchant_id)] = (end, max(end, former))
            found: dict[str, Any] = {"cut_after": end, "had_reached": max(end, former)}
            audit.append(session, merchant_id, Act.DATABASE_RECOVERED, by=OPERATOR, at=now, **found)
        _hurry(session, now=now)
        session.execute(update(Installation).values(restored_at=None, restored_why="", recovered_at=func.now()))


def _hurry(session: Session, *, now: datetime) -> None:
    """What found the gate shut is tried now, not at the end of its growing waits; the sweeps give each its job."""
    for row in tries.CARRIED:
        waiting = row.state.in_(row.open_states), row.next_try_at > now
        session.execute(update(row).where(*waiting).values(next_try_at=now))
    put_off = Mail.state == MailState.WAITING, or_(Mail.attempts > 0, Mail.send_at <= now)
    session.execute(update(Mail).where(*put_off).values(send_at=now - FORGOTTEN))

"""A restored database is noticed by itself: the journal outside it knows what no transaction of it has committed.

Looked for by every process before it first sends something to PayPal or by mail, and each minute after that.  From
then on nothing leaves until `flask recover` was run.  What people ask meanwhile is taken, dated and answered.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import delete, func, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from portal.extensions import OF_THE_PROCESS, Database
from portal.journal.gathering import Journal
from portal.journal.stores import Tail
from portal.models import Installation, JournalEntry, LoginChallenge, LoginSession
from portal.queries.operating import journal as queries

log = structlog.get_logger("portal.journal")

LOOK_EVERY: Final = 60.0  # seconds
TRUST: Final = 2.0  # seconds that what the database said of itself is believed
PATIENCE: Final = 3.0  # seconds for another thread's look: a folder over the network may not answer for minutes
BEHIND, FOREIGN = "behind", "foreign"


class Gate:
    """Whether anything may leave. One a process; without a journal it is always open."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._looked: float | None = None
        self._asked: float | None = None
        self._is_shut = False
        self._looking, self._hangs = threading.Lock(), False

    def is_shut(self) -> bool:
        """Say whether the database was restored and not recovered; one that does not answer lets nothing out either.

        While the folder does not answer, what another machine found of it counts; before a first look it is shut.
        """
        journal = self._db.journal
        if journal is None:
            return False
        try:
            has_looked = self._is_to_look(journal) and self._look(journal)
            if not has_looked and (self._asked is None or time.monotonic() - self._asked > TRUST):
                self._is_shut = restored_at(self._db) is not None
                self._asked = time.monotonic()
        except SQLAlchemyError:
            return True
        return self._is_shut or self._looked is None

    def _is_to_look(self, journal: Journal) -> bool:
        is_due = self._looked is None or time.monotonic() - self._looked > LOOK_EVERY
        return is_due or journal.is_new_to_database or self._looking.locked()

    def _look(self, journal: Journal) -> bool:
        """Look, or wait a while for the thread that does; say whether what it saw is known."""
        if not self._looking.acquire(timeout=0 if self._hangs else PATIENCE):
            self._hangs = True
            journal.was_read(False)
            return False
        try:
            if self._is_to_look(journal):
                journal.is_new_to_database = False
                began = time.monotonic()
                self._is_shut = look(self._db) is not None
                self._looked = self._asked = began
            self._hangs = False
        finally:
            self._looking.release()
        return True

    def must_rest(self) -> bool:
        """Say whether rows are to be left alone: it was restored, or whoever looks first has not come back yet.

        A database that is away says nothing: whoever touches a row is told by the database itself.
        """
        return self.is_restored() or (self._looked is None and self._looking.locked())

    def is_restored(self) -> bool:
        """Say whether it is known that the database was restored: one that only reads, or is away, says nothing."""
        self.is_shut()
        return self._is_shut


def restored_at(db: Database) -> datetime | None:
    """Return since when it is known that the database was restored, None when it was not, or was recovered."""
    with db.read() as session:
        return queries.restored_at(session)


def look(db: Database) -> datetime | None:
    """Compare the journal's ends with what the database has committed; return `restored_at`.

    A folder that cannot be read says nothing: the alarm about it is another one (`Journal.unread_since`).
    """
    if db.journal is None:
        return None
    db.journal.start(db.engine, again=True)
    try:
        tails = db.journal.folder.tails()
    except OSError as error:
        db.journal.was_read(False)
        log.error("journal_not_read", reason=error.strerror)
        return restored_at(db)
    db.journal.was_read(True)
    with db.begin() as session:
        session.connection(execution_options=OF_THE_PROCESS)
        here = session.get_one(Installation, 1)
        if here.restored_at is not None:
            return here.restored_at
        why = _why(session, here, tails, days=db.journal.days)
        if why:
            mark(session, why, tails)
            log.error("database_restored", why=why)
    db.journal.folder.note(tails)
    return restored_at(db) if why else None


def _why(session: Session, here: Installation, tails: list[Tail], *, days: int) -> str:
    ours = {one for tail in tails if tail.installation in here.names for one in tail.newest}
    if queries.unknown(session, ours, days=days):
        return BEHIND
    return FOREIGN if any(tail.newest and tail.installation not in here.names for tail in tails) else ""


def mark(session: Session, why: str, tails: list[Tail]) -> None:
    """Write that the database was restored, and let nobody stay logged in: who was logged out since is not known."""
    session.execute(update(Installation).values(restored_at=func.now(), restored_why=why))
    session.execute(delete(LoginChallenge))
    session.execute(delete(LoginSession))
    queries.count_from(session, max((tail.number for tail in tails), default=0) + 1000)


def switch_off(db: Database) -> None:
    """Nobody keeps a journal any more: note nothing, and forget what waits for one."""
    with db.begin() as session:
        session.execute(update(Installation).values(journals=False))
        session.execute(delete(JournalEntry).where(JournalEntry.waits))
    log.warning("journal_switched_off")

"""From the database into the journal: what a transaction changed is taken before its COMMIT, and written after it.

Triggers have noted it in the transaction itself (`journal_entries`).  It costs one question more, and only where a
watched table was written to.  What was written is crossed off with a later question.  What a process could not write,
or died before, still waits in the database: the next sweep writes it.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Engine, event

from portal.extensions import OF_THE_PROCESS
from portal.journal.pens import Pen
from portal.journal.stores import Folder
from portal.journal.watched import WATCHED
from portal.secrets import Vault

log = structlog.get_logger(__name__)

FLAG: Final = "journal"  # in the `info` of a connection: its transaction wrote to a watched table
WRITES: Final = re.compile(rf"\b(?:INSERT INTO|UPDATE|DELETE FROM) (?:ONLY )?(?:{'|'.join(sorted(WATCHED))})\b")
HEAD: Final = 120  # letters within which an INSERT, an UPDATE or a DELETE names its table
SWITCH_ON: Final = """
    INSERT INTO installations (id, journals) VALUES (1, true)
    ON CONFLICT (id) DO UPDATE SET journals = true WHERE NOT installations.journals
"""
OWN: Final = """
    WITH crossed AS (UPDATE journal_entries SET waits = false, image = NULL WHERE number = ANY(%s))
    SELECT (SELECT name FROM installations), number, to_jsonb(at) #>> '{}', (to_jsonb(one) - 'waits' - 'xact')::text
    FROM journal_entries one WHERE waits AND xact = pg_current_xact_id()::text::bigint ORDER BY number
"""


class Journal:
    """One process's way into the journal."""

    def __init__(self, path: Path, vault: Vault, *, days: int = 35) -> None:
        self.folder, self.days = Folder(path, vault), days
        self.failing_since: float | None = None  # monotonic; the disk, or the folder, does not take what is written
        self.unread_since: float | None = None  # monotonic; the folder cannot be read: a restore would not be noticed
        self.is_new_to_database = True  # a connection was made: the database may have been replaced meanwhile
        self._pen, self._own, self._lock = Pen(path, vault), threading.local(), threading.Lock()
        self._written: list[int] = []  # and not crossed off in the database yet
        self._started = False

    def attach(self, engine: Engine) -> None:
        """Take from the transactions of this engine what belongs in the journal."""
        event.listen(engine, "connect", self._connected)
        event.listen(engine, "after_cursor_execute", _look)
        event.listen(engine, "commit", self._gather)

    def start(self, engine: Engine, *, again: bool = False) -> None:
        """Have the database note from now on; said once, and `again` to one that may have been replaced."""
        if again or not self._started:
            with engine.execution_options(**OF_THE_PROCESS).begin() as connection:
                self._started = True  # before: a connection that is made meanwhile says it again
                connection.exec_driver_sql(SWITCH_ON)

    def write_own(self) -> None:
        """Write what this thread's transaction has committed, before anybody is answered; never raises.

        Who asked is served all the same: what is missing waits in the database, and the alarm rings here.
        """
        gathered = getattr(self._own, "gathered", None)
        self._own.gathered = None
        if gathered and self.write(gathered):
            with self._lock:
                self._written += [number for _installation, number, _at, _said in gathered]

    def write(self, gathered: Sequence[Any]) -> bool:
        """Append rows of installation, number, moment and JSON; say whether the disk has them."""
        try:
            self._pen.write(gathered[0][0].hex, [(number, at, said) for _installation, number, at, said in gathered])
        except Exception as error:
            if self.failing_since is None:
                self.failing_since = time.monotonic()
            log.error("journal_not_written", error=type(error).__name__, reason=getattr(error, "strerror", "") or "")
            return False
        self.failing_since = None
        return True

    def was_read(self, is_read: bool) -> None:
        """Note whether the folder could just be read."""
        if is_read:
            self.unread_since = None
        elif self.unread_since is None:
            self.unread_since = time.monotonic()

    def close(self) -> None:
        """Seal this process's segment, as it ends; one that cannot be sealed is still read."""
        with suppress(OSError):
            self._pen.close()

    def _connected(self, *_connection: Any) -> None:
        self.is_new_to_database, self._started = True, False

    def _gather(self, connection: Connection) -> None:
        """Right before COMMIT, by the driver itself: nothing of the session's is touched."""
        self._own.gathered = None
        if not connection.info.pop(FLAG, False):
            return
        with self._lock:
            written, self._written = self._written, []
        driver: Any = connection.connection.driver_connection
        self._own.gathered = driver.execute(OWN, [written]).fetchall()


def _look(connection: Connection, _cursor: Any, statement: str, *_more: Any) -> None:
    if _writes(statement):
        connection.info[FLAG] = True


def _writes(statement: str) -> bool:
    """Say whether it writes to a watched table: not remembered, as each length of a list makes a text of its own."""
    if statement.startswith("SELECT"):
        return False
    said = statement if statement.startswith("WITH") else statement[:HEAD]
    return WRITES.search(said) is not None

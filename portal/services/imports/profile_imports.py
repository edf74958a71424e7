"""Lists of classic profile ids, brought by the merchant: stored whole, given to a worker, resumed, given up.

PayPal has no list of classic profiles (FACTS.md 3.1); the reading itself is in `profile_import_reading`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import structlog
from psycopg import Connection
from sqlalchemy import update
from sqlalchemy.orm import Session

from portal import queue
from portal.domain.audit import PORTAL, Act, By
from portal.models import ImportState, ProfileImport, ProfileImportRow, ProfileRowState, Provider
from portal.queries.merchants import paypal_accounts
from portal.queries.operating import profile_imports
from portal.queries.people import merchants
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.imports.imports import AlreadyRunning
from portal.services.imports.profile_import_files import ListedRow, read_list
from portal.services.paypal.gateways import NoKey

log = structlog.get_logger(__name__)

LOCK: Final = "profile_imports"  # one job at a time, of all merchants
QUIET: Final = timedelta(minutes=10)  # a list that moved nothing for so long may be taken over
LOST: Final = timedelta(minutes=15)  # so long without a word and without a job: nobody reads it any more
WATCHED: Final = timedelta(days=7)  # so long a list goes on by itself; a key that works and forbids would try for ever
LONGEST_NAME: Final = 120


class RowResult(StrEnum):
    """Why a row was not added, besides what its file already told (`RowFault`); the page has a sentence for each."""

    UNKNOWN_PROFILE = "unknown_profile"  # 11552: not of this account
    OLD_ID = "old_id"  # 11592
    NO_ANSWER = "no_answer"  # twice, while PayPal answered for others
    REFUSED = "refused"
    NOT_WRITTEN = "not_written"  # a defect of ours
    GIVEN_UP = "given_up"


class OwnIdFault(StrEnum):
    """Why the merchant's own id on a row was left where it is; the subscription itself came in."""

    BAD = "external_id_bad"
    TAKEN = "external_id_taken"
    OTHER = "external_id_other"  # the customer has another one, and a file takes none away


def start(
    ctx: Context, merchant_id: uuid.UUID, *, file_name: str, content: bytes, by: By = PORTAL, now: datetime
) -> ProfileImport:
    """Store the list of an uploaded file and give it to a worker.

    Raises BadFile (then nothing is stored), NoKey, and AlreadyRunning while another list is unfinished.
    """
    with ctx.db.begin() as session:
        account = paypal_accounts.of_merchant(session, merchant_id, Provider.PAYPAL_CLASSIC)
        if account is None:
            raise NoKey
        merchants.lock(session, merchant_id)
        unfinished = profile_imports.unfinished(session, merchant_id)
        if unfinished is not None:
            raise AlreadyRunning(unfinished.id)
        made = ProfileImport(
            merchant_id=merchant_id,
            environment=account.environment,
            file_name="".join(sign for sign in file_name if sign.isprintable())[:LONGEST_NAME],
            created_at=now,
            touched_at=now,
        )
        session.add(made)
        session.flush()
        _store(session, made, read_list(content))
        finish_if_done(made, now=now)
        _tell(session, made, Act.LIST_UPLOADED, by=by, at=now)
        if made.state is ImportState.RUNNING:
            defer(session, made.id)
        return made


def resume(ctx: Context, merchant_id: uuid.UUID, import_id: uuid.UUID, *, now: datetime) -> ProfileImport:
    """Go on with a list that stopped, or that was quiet for ten minutes. Raises NoResultFound, AlreadyRunning."""
    with ctx.db.begin() as session:
        profile_imports.of_merchant(session, merchant_id, import_id)
        held = profile_imports.lock(session, import_id)
        if may_resume(held, now=now):
            _go(session, held, now=now)
        elif held.state is ImportState.RUNNING:
            raise AlreadyRunning(held.id)
        return held


def may_resume(found: ProfileImport, *, now: datetime) -> bool:
    """Say whether somebody may press the button: the list stopped, or its job was lost."""
    quiet = found.state is ImportState.RUNNING and now - found.touched_at >= QUIET
    return found.state is ImportState.STOPPED or quiet


def wake(session: Session, merchant_id: uuid.UUID, *, now: datetime) -> None:
    """Go on with the list that stopped, if there is one: the classic key works again."""
    found = profile_imports.unfinished(session, merchant_id)
    if found is not None:
        held = profile_imports.lock(session, found.id)
        if held.state is ImportState.STOPPED:
            _go(session, held, now=now)


def resume_stopped(ctx: Context, *, now: datetime) -> int:
    """Go on with the lists whose job was lost, and with those whose key was tested well since; return how many.

    `wake` comes when a key that was broken works again.  One that refused a single call was never written as broken.
    """
    with ctx.db.read() as session:
        left = [
            *profile_imports.forgotten(session, quiet_since=now - LOST),
            *profile_imports.waiting_for_a_key(session, brought_since=now - WATCHED),
        ]
    return sum(_resume_left(ctx, seen, now=now) for seen in left)


def _resume_left(ctx: Context, seen: ProfileImport, *, now: datetime) -> bool:
    with ctx.db.begin() as session:
        held = profile_imports.lock(session, seen.id)
        if (held.state, held.touched_at) != (seen.state, seen.touched_at):  # somebody was quicker
            return False
        log.warning("profile_import_resumed", import_id=str(held.id), state=held.state.value, reason=held.error[:40])
        _go(session, held, now=now)
        return True


def note_export(ctx: Context, merchant_id: uuid.UUID, import_id: uuid.UUID, *, by: By, now: datetime) -> None:
    """Say in the audit chain that somebody takes the rows that were not added. Raises NoResultFound."""
    with ctx.db.begin() as session:
        found = profile_imports.of_merchant(session, merchant_id, import_id)
        _tell(session, found, Act.EXPORT_FAILED_ROWS, by=by, at=now)


def _tell(session: Session, found: ProfileImport, act: Act, *, by: By, at: datetime) -> None:
    about = ("profile_list", found.id)
    audit.append(session, found.merchant_id, act, by=by, at=at, subject=about, rows=found.total, not_added=found.failed)


def give_up(
    ctx: Context, merchant_id: uuid.UUID, import_id: uuid.UUID, *, by: By = PORTAL, now: datetime
) -> ProfileImport:
    """Leave the rest of a list unread, so that another one can be brought. Raises NoResultFound."""
    with ctx.db.begin() as session:
        profile_imports.of_merchant(session, merchant_id, import_id)
        held = profile_imports.lock(session, import_id)
        if held.state is ImportState.DONE:
            return held
        rest = update(ProfileImportRow).where(
            ProfileImportRow.profile_import_id == held.id, ProfileImportRow.state == ProfileRowState.WAITING
        )
        session.execute(rest.values(state=ProfileRowState.FAILED, reason=RowResult.GIVEN_UP))
        held.failed = held.total - held.added - held.known
        held.state, held.error, held.touched_at, held.finished_at = ImportState.DONE, "", now, now
        _tell(session, held, Act.LIST_ENDED, by=by, at=now)
        return held


def _store(session: Session, made: ProfileImport, rows: Iterable[ListedRow]) -> None:
    """Write the rows as they are read from the file (COPY: neither the rows nor the objects pile up)."""
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, Connection)  # noqa: S101 - psycopg, the only driver there is
    columns = "id, profile_import_id, line, profile_id, external_id, state, reason"
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY profile_import_rows ({columns}) FROM STDIN") as copy,
    ):
        for row in _counted(made, rows):
            state = ProfileRowState.FAILED if row.fault else ProfileRowState.WAITING
            own = row.external_id or None
            copy.write_row((uuid.uuid4(), made.id, row.line, row.profile_id, own, state.value, row.fault or ""))


def _counted(made: ProfileImport, rows: Iterable[ListedRow]) -> Iterator[ListedRow]:
    for row in rows:
        made.total += 1
        made.failed += row.fault is not None
        yield row


def finish_if_done(held: ProfileImport, *, now: datetime) -> None:
    """Close a list whose every row has a result."""
    if held.added + held.known + held.failed >= held.total:
        held.state, held.finished_at = ImportState.DONE, now


def _go(session: Session, held: ProfileImport, *, now: datetime) -> None:
    held.state, held.error, held.touched_at = ImportState.RUNNING, "", now
    defer(session, held.id)


def defer(session: Session, import_id: uuid.UUID, *, at: datetime | None = None, waits: int = 0) -> None:
    """Give the list to a worker, in the session's transaction.

    A job that waits for a later time takes no lock: queued first, it would hold up every other merchant's list.
    """
    lock = LOCK if at is None else None
    queue.defer(session, queue.RUN_PROFILE_IMPORT, at=at, lock=lock, import_id=str(import_id), waits=waits)

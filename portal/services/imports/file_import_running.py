"""A worker goes through a merchant's CSV, part by part: to check it, or to carry it out.

Each part is one transaction: what its lines do, what was wrong in them, and that it is done.
"""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import insert
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.audit import By
from portal.domain.desk.file_import_lines import Reading
from portal.domain.desk.file_imports import Brought, FileImportState
from portal.domain.desk.list_exports import AT_ONCE
from portal.domain.ends.duties import Duty
from portal.domain.ends.end_requests import Channel
from portal.domain.merchants import merchants as standing
from portal.domain.policies import Actor
from portal.i18n import LOCALES
from portal.models import FileImport, FileImportFault
from portal.queries.people import file_imports, merchants, staff
from portal.services.context import Context
from portal.services.imports.file_import_customers import CustomerLook
from portal.services.imports.file_import_grants import GrantLook
from portal.services.imports.file_import_plans import Look, Outcome, Planned, Work, plan
from portal.services.imports.file_import_removals import tidy
from portal.services.imports.file_import_subscriptions import SubscriptionLook
from portal.services.imports.file_imports import WORKING, defer, halt, match_of, part_of
from portal.services.people import staff_alerts

log = structlog.get_logger("portal.file_imports")

LOOKS: Final[dict[Brought, type[Look]]] = {
    Brought.CUSTOMERS: CustomerLook,
    Brought.SUBSCRIPTIONS: SubscriptionLook,
    Brought.GRANTS: GrantLook,
}
PARTS_PER_JOB: Final = 20  # then another merchant's turn; about as long as a worker that stops may take
FINISHED: Final = {FileImportState.CHECKING: FileImportState.CHECKED, FileImportState.RUNNING: FileImportState.DONE}


def run_share(ctx: Context, import_id: uuid.UUID, attempt: int, *, most: int = PARTS_PER_JOB) -> None:
    """Do some parts, as one job does, and give the rest to another job; what nobody asks any more of the file goes.

    Killed at any point, it may run again: it goes on with the first part that is not done.
    """
    tidy(ctx, import_id)
    for _number in range(most):
        if not do_part(ctx, import_id, attempt, now=utc_now()):
            tidy(ctx, import_id)
            return
    with ctx.db.begin() as session:
        held = file_imports.lock(session, import_id)
        if held is not None and held.attempt == attempt and held.state in WORKING:
            defer(session, held)


def do_part(ctx: Context, import_id: uuid.UUID, attempt: int, *, now: datetime) -> bool:
    """Do the next part; False when there is none, or nobody wants it any more."""
    with ctx.db.begin() as session:
        held = file_imports.lock(session, import_id)
        if held is None or held.attempt != attempt or held.state not in WORKING:
            return False
        held.touched_at = now
        if held.state is FileImportState.RUNNING and not _may_go_on(session, held):
            halt(session, held, now=now)
            return False
        records = part_of(ctx, session, held.id, held.part + 1)
        if records is None:
            _finish(ctx, session, held, now=now)
            return False
        work = _work(ctx, session, held, now=now)
        planned = plan(work, records, LOOKS)
        if work.is_run:
            for one in planned:
                if one.write is not None:
                    one.write()
        _count(session, held, planned)
        held.part, held.done = held.part + 1, held.done + len(records)
    return True


def give_up(ctx: Context, import_id: uuid.UUID, attempt: int, *, now: datetime) -> None:
    """Write that no worker could go on, and tell who began it: a run is stopped, a check is to be asked for again."""
    with ctx.db.begin() as session:
        held = file_imports.lock(session, import_id)
        if held is None or held.attempt != attempt or held.state not in WORKING:
            return
        is_check = held.state is FileImportState.CHECKING
        if is_check:
            held.state, held.attempt, held.touched_at = FileImportState.UPLOADED, held.attempt + 1, now
        else:
            halt(session, held, now=now)
        held.failed_at = now
        person = staff.allowed(session, held.merchant_id, held.staff_id, Duty.EXPORT)
        if person is not None:
            staff_alerts.import_failed(ctx, session, person, held, is_check=is_check, now=now)
    log.error("file_import_given_up", file_import_id=str(import_id), is_check=is_check)


def _finish(ctx: Context, session: Session, held: FileImport, *, now: datetime) -> None:
    """Close a check or a run, and write to who began it: of a check only where it took a while."""
    held.state, held.finished_at = FINISHED[held.state], now
    is_check = held.state is FileImportState.CHECKED
    person = staff.allowed(session, held.merchant_id, held.staff_id, Duty.EXPORT)
    if person is not None and (not is_check or held.lines > AT_ONCE):
        staff_alerts.import_finished(ctx, session, person, held, is_check=is_check, now=now)
    log.info("file_import_finished", file_import_id=str(held.id), state=held.state.value, lines=held.done)


def _may_go_on(session: Session, held: FileImport) -> bool:
    """Say whether who started the run may still import, and their merchant still begin something."""
    if staff.allowed(session, held.merchant_id, held.staff_id, Duty.EXPORT) is None:
        return False
    return standing.goes_on(merchants.of(session, held.merchant_id).state, standing.Work.BEGIN)


def _work(ctx: Context, session: Session, held: FileImport, *, now: datetime) -> Work:
    zone = ZoneInfo(merchants.of(session, held.merchant_id).time_zone)
    reading = Reading(
        brought=held.brought, match=match_of(held), header=tuple(held.header), languages=LOCALES, zone=zone
    )
    by = By(actor=Actor.STAFF, actor_id=held.staff_id, channel=Channel.STAFF, name=held.staff_name)
    is_run = held.state is FileImportState.RUNNING
    return Work(ctx=ctx, session=session, found=held, reading=reading, by=by, now=now, is_run=is_run)


def _count(session: Session, held: FileImport, planned: list[Planned]) -> None:
    whose = {"file_import_id": held.id, "attempt": held.attempt}
    refused = [
        {**whose, "line": one.line, "place": one.place, "why": one.why, "other": one.other}
        for one in planned
        if one.outcome is Outcome.REFUSED
    ]
    if refused:
        session.execute(insert(FileImportFault), refused)
    counts = Counter(one.outcome for one in planned)
    for outcome in Outcome:
        setattr(held, outcome.value, getattr(held, outcome.value) + counts[outcome])

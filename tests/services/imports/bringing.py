"""Files as a merchant brings them, and what is in the database of what they may touch."""

from __future__ import annotations

import io

from sqlalchemy import select, text

from portal.domain.audit import By
from portal.domain.desk.file_imports import Brought, DateOrder, Field, Match
from portal.domain.policies import Actor
from portal.models import FileImport, FileImportFault
from portal.services.imports import file_import_running, file_imports

TOUCHED = (
    *("customers", "subscriptions", "grants", "address_changes", "mails", "search_words", "access_marks"),
    *("outgoing_events", "timeline_entries"),
)


def who(staff) -> By:
    return By(actor=Actor.STAFF, actor_id=staff.id, channel="staff", name=staff.name)


def bring(ctx, staff, content: bytes | str, brought: Brought = Brought.CUSTOMERS, *, now):
    sent = content.encode() if isinstance(content, str) else content
    return file_imports.start(
        ctx,
        staff.merchant_id,
        brought,
        io.BytesIO(sent),
        file_name="liste.csv",
        staff_id=staff.id,
        by=who(staff),
        now=now,
    )


def found(ctx, import_id) -> FileImport:
    with ctx.db.read() as session:
        return session.get_one(FileImport, import_id)


def go(ctx, import_id) -> FileImport:
    """Let a worker come to the end of it."""
    attempt = found(ctx, import_id).attempt
    file_import_running.run_share(ctx, import_id, attempt, most=10_000)
    return found(ctx, import_id)


def check(ctx, staff, import_id, columns=None, order: DateOrder | None = None, *, now) -> FileImport:
    match = file_imports.match_of(found(ctx, import_id))
    fields = match.columns if columns is None else tuple(Field(name) if name else None for name in columns)
    file_imports.check(ctx, staff.merchant_id, import_id, Match(fields, order), by=who(staff), now=now)
    return go(ctx, import_id)


def run(ctx, staff, import_id, *, now) -> FileImport:
    file_imports.run(ctx, staff.merchant_id, import_id, by=who(staff), now=now)
    return go(ctx, import_id)


def whole(ctx, staff, content, brought=Brought.CUSTOMERS, order=None, *, now) -> FileImport:
    """Bring, check and carry out."""
    made = bring(ctx, staff, content, brought, now=now)
    check(ctx, staff, made, order=order, now=now)
    return run(ctx, staff, made, now=now)


def why(ctx, import_id) -> dict[int, str]:
    """Why each refused line of the last attempt is, by its number."""
    held = found(ctx, import_id)
    with ctx.db.read() as session:
        mine = FileImportFault.file_import_id == import_id, FileImportFault.attempt == held.attempt
        return {one.line: one.why.value for one in session.scalars(select(FileImportFault).where(*mine))}


def counts(held: FileImport) -> tuple[int, int, int, int]:
    return held.made, held.changed, held.same, held.refused


def state(ctx) -> dict[str, list[str]]:
    """All that there is of what an import may touch, without ids and times."""
    with ctx.db.read() as session:
        return {
            table: sorted(session.scalars(text(f"SELECT to_jsonb(t)::text FROM {table} t")).all())  # noqa: S608
            for table in TOUCHED
        }


def said(ctx) -> list[tuple]:
    """What customers and their gifts say, whatever their ids."""
    with ctx.db.read() as session:
        people = session.execute(text("SELECT email, name, external_id, locale FROM customers ORDER BY 1, 2, 3"))
        given = session.execute(
            text(
                "SELECT c.email, g.since, g.until, g.note FROM grants g JOIN customers c ON c.id = g.customer_id"
                " ORDER BY 1, 2, 3"
            )
        )
        acts = session.execute(
            text("SELECT act, count(*) FROM audit_entries WHERE act NOT LIKE 'file_import%' GROUP BY 1")
        )
        return [sorted(map(str, rows)) for rows in (people, given, acts)]

"""Which version of something is stored, and what was saved since another one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import Session

from portal.domain.edits import Edit, Subject
from portal.models import EditEntry, Staff


def version(session: Session, subject: Subject) -> int:
    """Return the number of the last save, 0 before the first.

    A form reads it before the values that it shows: read after them, it could be of a save that they do not have.
    """
    return session.scalars(select(func.coalesce(func.max(EditEntry.version), 0)).where(_of(subject))).one()


def since(session: Session, subject: Subject, read: int) -> list[Edit]:
    """Return what was saved after that version, oldest first, each with the name of who did."""
    return _read(session, _edits(subject).where(EditEntry.version > read).order_by(EditEntry.version))


def newest(session: Session, subject: Subject, *, limit: int = 10) -> list[Edit]:
    """Return the last saves, newest first."""
    return _read(session, _edits(subject).order_by(EditEntry.version.desc()).limit(limit))


def _edits(subject: Subject) -> Select[Any]:
    return (
        select(EditEntry.version, EditEntry.at, EditEntry.actor_id, EditEntry.changes, Staff.name)
        .outerjoin(Staff, Staff.id == EditEntry.actor_id)
        .where(_of(subject))
    )


def _read(session: Session, statement: Select[Any]) -> list[Edit]:
    return [
        Edit(version=row.version, at=row.at, by_id=row.actor_id, by_name=row.name or "", changes=row.changes)
        for row in session.execute(statement)
    ]


def _of(subject: Subject) -> ColumnElement[bool]:
    return and_(
        EditEntry.merchant_id == subject.merchant_id,
        EditEntry.subject_kind == subject.kind,
        EditEntry.subject_id == subject.id,
    )

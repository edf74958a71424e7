"""Every SELECT of archives of everything of a merchant."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from portal.domain.desk.list_exports import KEPT, FileState
from portal.models import MerchantArchive, MerchantArchivePart

__all__ = ["FileState", "MerchantArchive"]  # the web names these


def newest(session: Session, merchant_id: uuid.UUID, *, now: datetime) -> MerchantArchive | None:
    """Return the merchant's last one; none that is over, whether or not it is deleted yet."""
    mine = _of(merchant_id, now)
    return session.scalars(mine.order_by(MerchantArchive.created_at.desc(), MerchantArchive.id).limit(1)).one_or_none()


def ready(session: Session, merchant_id: uuid.UUID, archive_id: uuid.UUID, *, now: datetime) -> MerchantArchive:
    """Return one that is ready; raise NoResultFound for any other, and for one that is over."""
    which = MerchantArchive.id == archive_id, MerchantArchive.state == FileState.READY
    return session.scalars(_of(merchant_id, now).where(*which)).one()


def _of(merchant_id: uuid.UUID, now: datetime) -> Select[MerchantArchive]:
    return select(MerchantArchive).where(
        MerchantArchive.merchant_id == merchant_id, is_over(before=now - KEPT).is_not(True)
    )


def is_over(*, before: datetime) -> ColumnElement[bool]:
    """Whether one was ready, or given up, before then; of one that is being made, unknown."""
    return func.coalesce(MerchantArchive.ready_at, MerchantArchive.failed_at) < before


def lock(session: Session, archive_id: uuid.UUID) -> MerchantArchive | None:
    """Return one, locked; None when it is gone by now."""
    which = select(MerchantArchive).where(MerchantArchive.id == archive_id)
    return session.scalars(which.with_for_update(key_share=True)).one_or_none()


def lost(session: Session, *, before: datetime) -> Sequence[MerchantArchive]:
    """Return those that nobody has worked on since then, locked."""
    is_made = MerchantArchive.state == FileState.RUNNING, MerchantArchive.failed_at.is_(None)
    which = select(MerchantArchive).where(*is_made, MerchantArchive.touched_at < before)
    return session.scalars(which.with_for_update(key_share=True, skip_locked=True)).all()


def part(session: Session, archive_id: uuid.UUID, number: int) -> MerchantArchivePart | None:
    """Return a stretch of a file as it is stored; None beyond the last."""
    which = MerchantArchivePart.archive_id == archive_id, MerchantArchivePart.number == number
    return session.scalar(select(MerchantArchivePart).where(*which))

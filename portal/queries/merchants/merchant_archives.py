"""Every SELECT of archives of everything of a merchant."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.desk.list_exports import FileState
from portal.models import MerchantArchive, MerchantArchivePart

__all__ = ["FileState", "MerchantArchive"]  # the web names these


def newest(session: Session, merchant_id: uuid.UUID) -> MerchantArchive | None:
    """Return the merchant's last one that is there."""
    mine = select(MerchantArchive).where(MerchantArchive.merchant_id == merchant_id)
    return session.scalars(mine.order_by(MerchantArchive.created_at.desc(), MerchantArchive.id).limit(1)).one_or_none()


def ready(session: Session, merchant_id: uuid.UUID, archive_id: uuid.UUID) -> MerchantArchive:
    """Return one that is ready; raise NoResultFound for any other."""
    mine = MerchantArchive.id == archive_id, MerchantArchive.merchant_id == merchant_id
    return session.scalars(select(MerchantArchive).where(*mine, MerchantArchive.state == FileState.READY)).one()


def lock(session: Session, archive_id: uuid.UUID) -> MerchantArchive | None:
    """Return one, locked; None when it is gone by now."""
    which = select(MerchantArchive).where(MerchantArchive.id == archive_id)
    return session.scalars(which.with_for_update(key_share=True)).one_or_none()


def lost(session: Session, *, before: datetime) -> Sequence[MerchantArchive]:
    """Return those that nobody has worked on since then, locked."""
    quiet = MerchantArchive.state == FileState.RUNNING, MerchantArchive.touched_at < before
    which = select(MerchantArchive).where(*quiet)
    return session.scalars(which.with_for_update(key_share=True, skip_locked=True)).all()


def part(session: Session, archive_id: uuid.UUID, number: int) -> MerchantArchivePart | None:
    """Return a stretch of a file as it is stored; None beyond the last."""
    which = MerchantArchivePart.archive_id == archive_id, MerchantArchivePart.number == number
    return session.scalar(select(MerchantArchivePart).where(*which))

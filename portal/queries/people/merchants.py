"""Merchants: locked, listed, or found by name. Who is visiting whose page is in `people`."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.models import Merchant

_KEPT: Final = "merchants"  # in the session's own notes: it forgets a row that nobody holds


def of(session: Session, merchant_id: uuid.UUID) -> Merchant:
    """Return the merchant of a unit of work: read once, and kept as long as its session."""
    kept: dict[uuid.UUID, Merchant] = session.info.setdefault(_KEPT, {})
    if merchant_id not in kept:
        kept[merchant_id] = session.get_one(Merchant, merchant_id)
    return kept[merchant_id]


def keep(session: Session, merchant: Merchant) -> None:
    """Keep a merchant that was read with something else."""
    session.info.setdefault(_KEPT, {})[merchant.id] = merchant


def lock(session: Session, merchant_id: uuid.UUID) -> Merchant:
    """Return the merchant, locked until the transaction ends; rows that refer to it may be written meanwhile."""
    return session.scalars(select(Merchant).where(Merchant.id == merchant_id).with_for_update(key_share=True)).one()


def called(session: Session, slug: str) -> uuid.UUID | None:
    """Return the id of the merchant of that name in addresses, if there is one."""
    return session.scalar(select(Merchant.id).where(Merchant.slug == slug))


def named(session: Session, slug: str) -> Merchant | None:
    """Return the merchant of that name in addresses, locked until the transaction ends, if there is one."""
    return session.scalars(select(Merchant).where(Merchant.slug == slug).with_for_update(key_share=True)).one_or_none()


def every(session: Session) -> Sequence[Merchant]:
    """Return all of them, by their name in addresses."""
    return session.scalars(select(Merchant).order_by(Merchant.slug)).all()


def is_there_one(session: Session) -> bool:
    """Say whether the installation has a merchant at all."""
    return session.scalar(select(Merchant.id).limit(1)) is not None


def due_to_go(session: Session, now: datetime) -> Sequence[Merchant]:
    """Return those whose last day is over and whose rows are still here, the longest gone first."""
    is_due = Merchant.gone_at <= now, Merchant.erased_at.is_(None)
    return session.scalars(select(Merchant).where(*is_due).order_by(Merchant.gone_at)).all()

"""Every SELECT of outside time stamps."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, exists, func, select
from sqlalchemy.orm import Session

from portal.models import AuditEntry, AuditHead, Merchant, Proof, TimeStamp


def ends_to_stamp(session: Session, *, since: datetime) -> Sequence[Row[uuid.UUID, int, str]]:
    """Return the chains' ends (merchant, number, hash) that moved on and for which nothing was asked since then."""
    ours = TimeStamp.merchant_id == AuditHead.merchant_id
    asked = exists().where(ours, TimeStamp.number.is_not(None), TimeStamp.created_at > since)
    same = exists().where(ours, TimeStamp.number == AuditHead.number)
    return session.execute(
        select(AuditHead.merchant_id, AuditHead.number, AuditHead.hash)
        .join(Merchant, Merchant.id == AuditHead.merchant_id)
        .where(~asked, ~same, AuditHead.number > 0, Merchant.erased_at.is_(None))
        .order_by(AuditHead.merchant_id)
    ).all()


def proofs_to_stamp(session: Session, *, limit: int) -> Sequence[Row[uuid.UUID, uuid.UUID]]:
    """Return the next proofs (merchant, id) for which no stamp was asked, the oldest first."""
    asked = exists().where(TimeStamp.proof_id == Proof.id)
    return session.execute(
        select(Proof.merchant_id, Proof.id).where(~asked).order_by(Proof.made_at, Proof.id).limit(limit)
    ).all()


def due(session: Session, *, now: datetime, limit: int) -> Sequence[TimeStamp]:
    """Return what waits and is to be tried, the one that has waited longest first."""
    waits = TimeStamp.reply.is_(None), TimeStamp.next_try_at <= now
    return session.scalars(
        select(TimeStamp).where(*waits).order_by(TimeStamp.next_try_at, TimeStamp.id).limit(limit)
    ).all()


def facts_of(session: Session, proof_id: uuid.UUID) -> dict[str, Any] | None:
    """Return what a proof says, None when it is gone."""
    return session.scalar(select(Proof.facts).where(Proof.id == proof_id))


def got(session: Session, merchant_id: uuid.UUID, *, after: uuid.UUID | None, limit: int) -> Sequence[TimeStamp]:
    """Return the merchant's next stamps by id that are there."""
    where: list[ColumnElement[bool]] = [TimeStamp.merchant_id == merchant_id, TimeStamp.reply.is_not(None)]
    if after is not None:
        where.append(TimeStamp.id > after)
    return session.scalars(select(TimeStamp).where(*where).order_by(TimeStamp.id).limit(limit)).all()


def hash_of(session: Session, merchant_id: uuid.UUID, number: int) -> str | None:
    """Return the hash of a row of the chain as it stands there now."""
    return session.scalar(
        select(AuditEntry.hash).where(AuditEntry.merchant_id == merchant_id, AuditEntry.number == number)
    )


def of_proof(session: Session, proof_id: uuid.UUID) -> TimeStamp | None:
    """Return the stamp of a proof that is there."""
    return session.scalars(
        select(TimeStamp).where(TimeStamp.proof_id == proof_id, TimeStamp.reply.is_not(None))
    ).one_or_none()


def newest_of_chain(session: Session, merchant_id: uuid.UUID, *, from_number: int) -> TimeStamp | None:
    """Return the first stamp of the chain at that row or behind it."""
    return session.scalars(
        select(TimeStamp)
        .where(TimeStamp.merchant_id == merchant_id, TimeStamp.reply.is_not(None), TimeStamp.number >= from_number)
        .order_by(TimeStamp.number)
        .limit(1)
    ).one_or_none()


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a merchant's stamps stand; `late_since`: what waits longest, after a try that failed."""

    number: int
    last_at: datetime | None
    waiting: int
    late_since: datetime | None


def standing(session: Session, merchant_id: uuid.UUID) -> Standing:
    """Return how many there are, the newest, and what waits."""
    waits = TimeStamp.reply.is_(None)
    row = session.execute(
        select(
            func.count(TimeStamp.reply),
            func.max(TimeStamp.stamped_at),
            func.count().filter(waits),
            func.min(TimeStamp.created_at).filter(and_(waits, TimeStamp.failed > 0)),
        ).where(TimeStamp.merchant_id == merchant_id)
    ).one()
    return Standing(number=row[0], last_at=row[1], waiting=row[2], late_since=row[3])

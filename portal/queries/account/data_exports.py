"""Every SELECT of the archives that customers asked for."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session, undefer

from portal.models import DataExport, ExportState


def newest_of(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID) -> DataExport | None:
    """Return the archive that the customer asked for last, without its content."""
    return session.scalars(
        select(DataExport)
        .where(DataExport.merchant_id == merchant_id, DataExport.customer_id == customer_id)
        .order_by(DataExport.created_at.desc(), DataExport.id)
        .limit(1)
    ).one_or_none()


def ready_of(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID) -> DataExport:
    """Return the customer's newest finished archive with its content; raise NoResultFound where there is none."""
    found = session.scalars(
        select(DataExport)
        .options(undefer(DataExport.content))
        .where(
            DataExport.merchant_id == merchant_id,
            DataExport.customer_id == customer_id,
            DataExport.state == ExportState.READY,
        )
        .order_by(DataExport.ready_at.desc(), DataExport.id)
        .limit(1)
    ).one_or_none()
    if found is None:
        raise NoResultFound
    return found


def lock(session: Session, export_id: uuid.UUID) -> DataExport | None:
    """Return one, locked; None when it is gone by now."""
    return session.scalars(
        select(DataExport).where(DataExport.id == export_id).with_for_update(key_share=True)
    ).one_or_none()

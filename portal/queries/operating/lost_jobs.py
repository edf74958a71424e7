"""Rows that wait for a job which never came, of whatever table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute, Session


def lock(
    session: Session, waits: ColumnElement[bool], time: InstrumentedAttribute[Any], *, before: datetime, limit: int
) -> Sequence[Any]:
    """Lock rows that wait and whose time was before that moment; none that somebody holds."""
    return session.scalars(
        select(time.class_)
        .where(waits, time < before)
        .order_by(time)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
    ).all()

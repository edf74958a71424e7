"""The codes by which the first merchant is made."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from portal.models import SetupCode


def lock_all(session: Session) -> Sequence[SetupCode]:
    """Return every code, locked until the transaction ends: one at a time makes a merchant."""
    return session.scalars(select(SetupCode).order_by(SetupCode.id).with_for_update(key_share=True)).all()


def forget_all(session: Session) -> None:
    """Delete every code, in the caller's transaction."""
    session.execute(delete(SetupCode))

"""Answers that are kept under the names of their calls."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.models import ApiReply


def of_name(session: Session, key_id: uuid.UUID, name: str) -> ApiReply | None:
    """Return what a key has under a name; None for nothing."""
    return session.scalars(select(ApiReply).where(ApiReply.key_id == key_id, ApiReply.name == name)).one_or_none()


def lock(session: Session, key_id: uuid.UUID, name: str) -> ApiReply | None:
    """Return what a key has under a name, locked; None for nothing."""
    mine = select(ApiReply).where(ApiReply.key_id == key_id, ApiReply.name == name)
    return session.scalars(mine.with_for_update(key_share=True)).one_or_none()

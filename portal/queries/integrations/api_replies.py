"""Every SELECT of what calls with a name were answered."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.models import ApiReply


def lock(session: Session, key_id: uuid.UUID, name: str) -> ApiReply | None:
    """Return what there is under a key's name, locked."""
    mine = ApiReply.key_id == key_id, ApiReply.name == name
    return session.scalars(select(ApiReply).where(*mine).with_for_update(key_share=True)).one_or_none()

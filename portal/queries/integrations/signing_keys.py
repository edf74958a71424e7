"""Every SELECT of the keys that sign access tokens."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from portal.models import SigningKey


def every(session: Session) -> Sequence[SigningKey]:
    """Return all of them, the oldest first."""
    return session.scalars(select(SigningKey).order_by(SigningKey.signs_from)).all()


def hold(session: Session) -> None:
    """Let one transaction at a time make or delete one."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('signing_keys'))"))

"""Every SELECT of passkeys."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.models import Passkey


def all_of(session: Session, staff_id: uuid.UUID) -> list[Passkey]:
    """Return a person's passkeys, the oldest first."""
    statement = select(Passkey).where(Passkey.staff_id == staff_id).order_by(Passkey.created_at, Passkey.id)
    return list(session.scalars(statement))


def has_any(session: Session, staff_id: uuid.UUID) -> bool:
    """Say whether a person has a passkey."""
    return session.execute(select(select(Passkey.id).where(Passkey.staff_id == staff_id).exists())).scalar_one()


def one_of(session: Session, staff_id: uuid.UUID, passkey_id: uuid.UUID) -> Passkey:
    """Return a passkey of the person; raise NoResultFound for anybody else's."""
    return session.scalars(select(Passkey).where(Passkey.staff_id == staff_id, Passkey.id == passkey_id)).one()


def owner_of(session: Session, credential_id: bytes) -> uuid.UUID | None:
    """Return whose passkey calls itself so, or None."""
    return session.scalars(select(Passkey.staff_id).where(Passkey.credential_id == credential_id)).one_or_none()


def by_credential(session: Session, credential_id: bytes) -> Passkey | None:
    """Return the passkey that calls itself so, whoever's it is, or None."""
    return session.scalars(select(Passkey).where(Passkey.credential_id == credential_id)).one_or_none()

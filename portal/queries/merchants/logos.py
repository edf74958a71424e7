"""Logos: by their own id for whoever sees a page with one, by the merchant's for the desk."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.models import Logo


def content(session: Session, logo_id: uuid.UUID) -> bytes | None:
    """Return a logo's bytes, None when there is none of that id. Its id is its version: nobody guesses it."""
    return session.scalars(select(Logo.content).where(Logo.id == logo_id)).one_or_none()


def check_of_merchant(session: Session, merchant_id: uuid.UUID, logo_id: uuid.UUID) -> None:
    """Raise NoResultFound unless the logo is the merchant's."""
    session.scalars(select(Logo.id).where(Logo.merchant_id == merchant_id, Logo.id == logo_id)).one()

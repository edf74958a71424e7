"""Every SELECT of a merchant's legal texts."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.law.legal_texts import LegalKind, in_force
from portal.models import LegalText


def versions(session: Session, merchant_id: uuid.UUID, kind: LegalKind, language: str) -> Sequence[LegalText]:
    """Return every version of a text in a language, newest first."""
    statement = (
        select(LegalText)
        .where(LegalText.merchant_id == merchant_id, LegalText.kind == kind, LegalText.language == language)
        .order_by(LegalText.number.desc())
    )
    return session.scalars(statement).all()


def newest(session: Session, merchant_id: uuid.UUID, kind: LegalKind, language: str) -> LegalText | None:
    """Return what was published last, whether its day has come or not."""
    return next(iter(versions(session, merchant_id, kind, language)), None)


def holding(session: Session, merchant_id: uuid.UUID, kind: LegalKind, language: str, today: date) -> LegalText | None:
    """Return the version that holds on a day of the merchant's: what a proof names; None before the first."""
    found = {one.number: one for one in versions(session, merchant_id, kind, language)}
    number = in_force((one.version for one in found.values()), today)
    return None if number is None else found[number]

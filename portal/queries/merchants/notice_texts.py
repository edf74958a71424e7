"""What merchants write around the facts of their mails."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.merchants.notice_texts import Text
from portal.models import NoticeText


def of_language(session: Session, merchant_id: uuid.UUID, language: str) -> dict[str, Text]:
    """Return a merchant's own texts in a language, by the mail's kind."""
    statement = select(NoticeText.kind, NoticeText.subject, NoticeText.opening, NoticeText.closing).where(
        NoticeText.merchant_id == merchant_id, NoticeText.language == language
    )
    return {kind: Text(subject, opening, closing) for kind, subject, opening, closing in session.execute(statement)}


def find(session: Session, merchant_id: uuid.UUID, kind: str, language: str) -> NoticeText | None:
    """Return the row of one text; None where the mail is in the portal's own words."""
    return session.scalars(
        select(NoticeText).where(
            NoticeText.merchant_id == merchant_id, NoticeText.kind == kind, NoticeText.language == language
        )
    ).one_or_none()


def written(session: Session, merchant_id: uuid.UUID) -> Iterable[tuple[str, str]]:
    """Return kind and language of each text of a merchant."""
    statement = select(NoticeText.kind, NoticeText.language).where(NoticeText.merchant_id == merchant_id)
    return [(kind, language) for kind, language in session.execute(statement)]

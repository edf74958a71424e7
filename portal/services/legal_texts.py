"""Publish a merchant's legal text: a new version beside the old ones, in both languages at once."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy.orm import Session

from portal.domain.audit import Act, By, canonical
from portal.domain.edits import Subject
from portal.domain.law.legal_texts import LegalKind
from portal.models import LegalText
from portal.queries import edits as stored
from portal.queries.law import legal_texts
from portal.queries.people import merchants
from portal.services import edits
from portal.services.context import Context


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A text as it is to be published.

    `texts`: language → what the portal wrote; `own_text`: the merchant's own words; `answers`: what was typed, which
    the next version's form begins with.
    """

    kind: LegalKind
    texts: Mapping[str, str]
    own_text: str
    own_language: str
    answers: Mapping[str, str]
    valid_from: date


NOT_TOLD: Final = "valid_from"  # the audit chain has the day; of words it has the names alone


def subject(merchant_id: uuid.UUID, kind: LegalKind) -> Subject:
    """Return a text as what several people edit; its versions are counted there."""
    return Subject(merchant_id=merchant_id, kind=f"legal_text.{kind.value}", id=merchant_id)


def publish(ctx: Context, merchant_id: uuid.UUID, wish: Wish, *, today: date, seen: int | None = None, by: By) -> int:
    """Write the next version and return its number; what says the same as the one that holds changes nothing.

    `today` is the merchant's. Raises EditedMeanwhile when somebody published since the form was shown, whose version
    `seen` is.
    """
    edited = subject(merchant_id, wish.kind)
    with ctx.db.begin() as session:
        merchants.lock(session, merchant_id)
        changed = _changed(session, merchant_id, wish, today)
        number = stored.version(session, edited)
        if not changed:  # also a form that was sent twice
            return number
        edits.check(session, edited, read=seen)
        texts = frozenset(changed) - {NOT_TOLD}
        edits.note(session, edited, changed, act=Act.LEGAL_TEXT_PUBLISHED, texts=texts, by=by)
        for language, text in wish.texts.items():
            session.add(_row(merchant_id, wish, language, text, number + 1, by))
        return number + 1


def _row(merchant_id: uuid.UUID, wish: Wish, language: str, text: str, number: int, by: By) -> LegalText:
    return LegalText(
        merchant_id=merchant_id,
        kind=wish.kind,
        language=language,
        number=number,
        valid_from=wish.valid_from,
        text=text,
        own_text=wish.own_text,
        own_language=wish.own_language,
        answers=dict(wish.answers),
        actor_id=by.actor_id,
    )


def _changed(session: Session, merchant_id: uuid.UUID, wish: Wish, today: date) -> dict[str, list[Any]]:
    """Return what the newest version says otherwise: each answer, the day, by a fingerprint what the portal wrote."""
    rows = {language: legal_texts.newest(session, merchant_id, wish.kind, language) for language in sorted(wish.texts)}
    newest = next(filter(None, rows.values()), None)
    before = {
        **(newest.answers if newest else dict.fromkeys(wish.answers, "")),
        "valid_from": newest.valid_from.isoformat() if newest else "",
        "facts": _fingerprint({language: row.text for language, row in rows.items() if row}),
    }
    after = {**wish.answers, "valid_from": wish.valid_from.isoformat(), "facts": _fingerprint(wish.texts)}
    changed = {name: [before.get(name, ""), value] for name, value in after.items() if before.get(name, "") != value}
    holds = newest is not None and newest.valid_from <= today
    return {} if holds and changed.keys() == {"valid_from"} else changed


def _fingerprint(texts: Mapping[str, str]) -> str:
    return hashlib.sha256(canonical(dict(texts)).encode()).hexdigest()

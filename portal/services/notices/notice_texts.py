"""Save what a merchant writes around the facts of a mail, or give the mail back the portal's own words."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Final

from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.edits import Edit, Subject
from portal.domain.merchants.notice_texts import PARTS, PORTALS, Part, Problem, Text, as_it_was, problems
from portal.domain.merchants.notices import NOTICES
from portal.domain.unseen import clean
from portal.mail.letterhead import Letterhead
from portal.mail.own_words import hosts_of
from portal.models import NoticeText
from portal.queries import edits as stored
from portal.queries.merchants import notice_texts
from portal.queries.people import merchants
from portal.services import edits
from portal.services.context import Context

KEPT: Final = 30  # saves that are shown, and of which each can be taken again


class TextRefused(Exception):
    """A text that cannot be sent; nothing was written. `problems`: by part, what is wrong with it."""

    def __init__(self, found: Mapping[Part, list[Problem]]) -> None:
        super().__init__(", ".join(sorted(found)))
        self.problems = found


def subject(merchant_id: uuid.UUID, kind: str, language: str) -> Subject:
    """Return a mail's text in a language as what several people edit."""
    return Subject(merchant_id=merchant_id, kind=f"notice.{kind}.{language}", id=merchant_id)


def read(session: Session, merchant_id: uuid.UUID, kind: str, language: str) -> tuple[Text, int]:
    """Return a text as it stands, the portal's own where nobody wrote one, and the version that its form carries."""
    version = stored.version(session, subject(merchant_id, kind, language))  # before the values: see there
    row = notice_texts.find(session, merchant_id, kind, language)
    return _text(row), version


def history(session: Session, merchant_id: uuid.UUID, kind: str, language: str) -> list[tuple[Edit, Text]]:
    """Return the last saves, newest first, each with the text as it was before it."""
    now, saves = _text(notice_texts.find(session, merchant_id, kind, language)), []
    for edit in stored.newest(session, subject(merchant_id, kind, language), limit=KEPT):
        now = as_it_was(now, [edit.changes])
        saves.append((edit, now))
    return saves


def check(ctx: Context, session: Session, merchant_id: uuid.UUID, kind: str, text: Text) -> None:
    """Raise TextRefused unless the mail can leave with that text."""
    merchant = merchants.of(session, merchant_id)
    hosts = hosts_of(Letterhead.of(merchant, locale=merchant.locale, base_url=ctx.base_url))
    found = {part: problems(part, text.as_dict()[part], NOTICES[kind], hosts) for part in Part}
    if any(found.values()):
        raise TextRefused({part: wrong for part, wrong in found.items() if wrong})


def save(
    ctx: Context, merchant_id: uuid.UUID, kind: str, language: str, text: Text, *, seen: int | None = None, by: By
) -> bool:
    """Write a text; say whether that changed something. With `PORTALS` the mail has the portal's own words again.

    Raises TextRefused; EditedMeanwhile when somebody saved it since the form was shown, whose version `seen` is.
    """
    text = Text(**{name: clean(value) for name, value in text.as_dict().items()})
    edited = subject(merchant_id, kind, language)
    with ctx.db.begin() as session:
        merchants.lock(session, merchant_id)
        check(ctx, session, merchant_id, kind, text)
        row = notice_texts.find(session, merchant_id, kind, language)
        before = _text(row).as_dict()
        changed = {name: [before[name], new] for name, new in text.as_dict().items() if before[name] != new}
        if not changed:  # also a form that was sent twice
            return False
        edits.check(session, edited, read=seen)
        edits.note(session, edited, changed, act=Act.NOTICE_CHANGED, texts=frozenset(PARTS), by=by)
        _write(session, row, merchant_id, kind, language, text)
    return True


def _write(
    session: Session, row: NoticeText | None, merchant_id: uuid.UUID, kind: str, language: str, text: Text
) -> None:
    if text == PORTALS:
        session.delete(row)  # it differs from what is stored, so that there is one
    elif row is None:
        session.add(NoticeText(merchant_id=merchant_id, kind=kind, language=language, **text.as_dict()))
    else:
        for name, value in text.as_dict().items():
            setattr(row, name, value)


def _text(row: NoticeText | None) -> Text:
    return PORTALS if row is None else Text(row.subject, row.opening, row.closing)

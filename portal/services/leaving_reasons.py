"""The merchant's list of reasons, as its team changes it: a place, a word, one retired, one more.

Two people may do different things to it at once; of the same thing the second to save is told first.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.edits import Edit, Subject
from portal.domain.merchants import leaving_reasons as rules
from portal.domain.merchants.leaving_reasons import LANGUAGES, Reason, TooMany, Unknown
from portal.queries import edits as stored
from portal.queries.people import merchants
from portal.services import edits
from portal.services.context import Context
from portal.services.edits import EditedMeanwhile

KIND: Final = "settings.reasons"
ASKED: Final = "asked"  # the codes of those that are asked, in their order

Reasons = tuple[Reason, ...]


def subject(merchant_id: uuid.UUID) -> Subject:
    """Return the list as what several people edit."""
    return Subject(merchant_id=merchant_id, kind=KIND, id=merchant_id)


def arrange(
    ctx: Context, merchant_id: uuid.UUID, change: Callable[[Reasons], Reasons], *, seen: int, by: By
) -> Reasons:
    """Change which reasons are asked, and in which order; return the list as it is then.

    Raises EditedMeanwhile when somebody changed that since the page was shown, and what `change` raises.
    """
    return _save(ctx, merchant_id, change, about=(ASKED,), seen=seen, by=by)


def reword(ctx: Context, merchant_id: uuid.UUID, code: str, words: Mapping[str, str], *, seen: int, by: By) -> Reasons:
    """Give one reason other words; empty ones are the portal's, or those of the other language.

    Raises Unknown, and EditedMeanwhile with the saves of these words alone, by language.
    """
    names = {f"{code}.{language}": language for language in LANGUAGES}
    try:
        return _save(
            ctx, merchant_id, lambda held: rules.reworded(held, code, words), about=tuple(names), seen=seen, by=by
        )
    except EditedMeanwhile as edited:
        raise EditedMeanwhile([_renamed(edit, names) for edit in edited.edits], edited.version) from None


def _save(
    ctx: Context,
    merchant_id: uuid.UUID,
    change: Callable[[Reasons], Reasons],
    *,
    about: Sequence[str],
    seen: int,
    by: By,
) -> Reasons:
    edited = subject(merchant_id)
    with ctx.db.begin() as session:
        merchant = merchants.lock(session, merchant_id)
        before = rules.read(merchant.leaving_reasons)
        try:
            after = change(before)
        except (TooMany, Unknown):  # of what somebody else did since the page was shown, they are told that
            _check(session, edited, about, seen=seen)
            raise
        changed = _changes(before, after)
        if changed:  # else also a form that was sent twice
            _check(session, edited, about, seen=seen)
            texts = frozenset(changed) - {ASKED}
            edits.note(session, edited, changed, act=Act.SETTINGS_CHANGED, texts=texts, by=by)
            merchant.leaving_reasons = rules.write(after)
    return after


def _check(session: Session, edited: Subject, about: Sequence[str], *, seen: int) -> None:
    touching = [edit for edit in stored.since(session, edited, seen) if edit.changes.keys() & set(about)]
    if touching:
        raise EditedMeanwhile(touching, stored.version(session, edited))


def _changes(before: Reasons, after: Reasons) -> dict[str, list[object]]:
    """Return [before, after] of the order, and of each word that differs."""
    held = {one.code: one.words for one in before}
    found: dict[str, list[object]] = {}
    orders = [[one.code for one in rules.asked(reasons)] for reasons in (before, after)]
    if orders[0] != orders[1]:
        found[ASKED] = list(orders)
    for one in after:
        for language in LANGUAGES:
            old, new = held.get(one.code, {}).get(language, ""), one.words.get(language, "")
            if old != new:
                found[f"{one.code}.{language}"] = [old, new]
    return found


def _renamed(edit: Edit, names: Mapping[str, str]) -> Edit:
    return replace(edit, changes={names[name]: pair for name, pair in edit.changes.items() if name in names})

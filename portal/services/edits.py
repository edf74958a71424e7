"""Save what several people edit: nothing is overwritten that its form did not show, and every change is kept.

The caller holds the lock of the row that it changes, so that versions follow one another.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.audit import Act, By, canonical
from portal.domain.edits import Edit, Subject
from portal.models import EditEntry
from portal.queries import edits
from portal.services.audit import audit


class EditedMeanwhile(Exception):
    """Somebody saved it after the form was shown. Nothing was written; `edits` are theirs, `version` is the newest."""

    def __init__(self, found: Sequence[Edit], version: int) -> None:
        super().__init__(version)
        self.edits = found
        self.version = version


def changes(row: object, wanted: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return [before, after] for each of the row's columns that is about to change, as JSON holds them."""
    return {
        name: [_plain(getattr(row, name)), _plain(new)] for name, new in wanted.items() if getattr(row, name) != new
    }


def check(session: Session, subject: Subject, *, read: int | None) -> None:
    """Raise EditedMeanwhile unless `read` is the newest version; None is who showed no form: the command line."""
    newest = edits.version(session, subject)
    if read is not None and read != newest:
        raise EditedMeanwhile(edits.since(session, subject, read), newest)


def note(
    session: Session, subject: Subject, changed: Mapping[str, list[Any]], *, act: Act, texts: frozenset[str], by: By
) -> None:
    """Keep a save that changes something, as the next version; the audit chain says it too.

    Of `texts` the chain holds the names alone, as it can never forget; the fingerprint beside them proves the rest.
    """
    now, entry_id = utc_now(), uuid.uuid4()
    number = edits.version(session, subject) + 1
    entry = EditEntry(
        id=entry_id,
        merchant_id=subject.merchant_id,
        subject_kind=subject.kind,
        subject_id=subject.id,
        version=number,
        at=now,
        actor_id=by.actor_id,
        changes=dict(changed),
    )
    session.add(entry)
    told: dict[str, Any] = {name: pair for name, pair in changed.items() if name not in texts}
    if named := sorted(texts & changed.keys()):
        told["texts"] = named
    about = (subject.kind, subject.id)
    proof = [number, fingerprint(entry_id, changed)]
    audit.append(session, subject.merchant_id, act, by=by, at=now, subject=about, **told, edit=proof)


def fingerprint(entry_id: uuid.UUID, changed: Mapping[str, list[Any]]) -> str:
    """Return the SHA-256 of a save; the id in it, made at random, keeps anybody from guessing a text that is gone."""
    return hashlib.sha256(canonical({"id": str(entry_id), "changes": dict(changed)}).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value

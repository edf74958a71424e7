"""Append to a merchant's audit chain: gathered during a transaction, chained right before its COMMIT.

A chain has one end, so its row would be a hot lock, and one more for deadlocks, if it were taken where the act
happens.  It is therefore always the last lock of a transaction, held for two statements and the COMMIT
(one more for every twenty-five rows).
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, Table, Update, bindparam, event, insert, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session, SessionTransaction

from portal.domain.audit import BEFORE_THE_FIRST, Act, By, Entry, check_details, digest
from portal.models import AuditEntry, AuditHead, TimelineKind
from portal.queries import audit
from portal.services import outgoing_facts

GATHERED: Final = "audit_gathered"  # in `Session.info`
ENTRIES: Final = cast(Table, AuditEntry.__table__)
AT_ONCE: Final = 25  # rows of one statement: nearly always one or two, and each number of them is a statement
# Each made once: making one costs as much as sending it.
FIRST: Final = upsert(AuditHead).on_conflict_do_nothing(constraint="pk_audit_heads").returning(AuditHead.number)


@dataclass(frozen=True)
class _Gathered:
    """A row to be, and the savepoints it was written in: rolled back to one of them, it never was."""

    merchant_id: uuid.UUID
    values: dict[str, Any]
    savepoints: tuple[SessionTransaction, ...]


def append(
    session: Session,
    merchant_id: uuid.UUID,
    act: Act | TimelineKind,
    *,
    by: By,
    at: datetime,
    subject: tuple[str, uuid.UUID] | None = None,
    **details: Any,
) -> None:
    """Add a row to the merchant's chain when the session's transaction commits; rolled back, there is none.

    Other systems are told of what concerns them.

    `subject` is the kind and id of what it is about.  `details` hold codes, ids, references, old and new values of
    switches, addresses masked: never a whole address, a name, a free text or a secret.  Raises TypeError for what JSON
    does not keep exactly.
    """
    check_details(details)
    kind, subject_id = subject or ("", None)
    values = {
        "at": at,
        "act": act.value if isinstance(act, Act) else f"subscription.{act.value}",
        "actor": by.actor,
        "actor_id": by.actor_id,
        "channel": str(by.channel) if by.channel else None,
        "subject_kind": kind,
        "subject_id": subject_id,
        "details": details,
    }
    session.info.setdefault(GATHERED, []).append(_Gathered(merchant_id, values, _savepoints(session)))
    if subject is not None:
        outgoing_facts.of_act(session, merchant_id, act, subject, at, details)


@event.listens_for(Session, "before_commit")
def _chain(session: Session) -> None:
    """Write what was gathered. Also told of savepoints: those wait for the COMMIT."""
    if not session.info.get(GATHERED) or session.in_nested_transaction():
        return
    session.flush()  # takes its locks before the chain's end is locked
    rows: dict[uuid.UUID, list[dict[str, Any]]] = defaultdict(list)
    for row in session.info.pop(GATHERED):
        rows[row.merchant_id].append(row.values)
    for merchant_id in sorted(rows):  # in one order, so that two such transactions never wait for each other
        _extend(session, merchant_id, rows[merchant_id])


@event.listens_for(Session, "after_soft_rollback")
def _drop(session: Session, rolled_back: SessionTransaction) -> None:
    """Forget what was gathered in the transaction, or in the savepoint, that was rolled back.

    A flush that fails rolls back the savepoint around it, and is itself what is told of here.
    """
    gathered: Sequence[_Gathered] = session.info.pop(GATHERED, ())
    undone = rolled_back
    while not undone.nested and undone.parent is not None:
        undone = undone.parent
    if undone.nested:
        session.info[GATHERED] = [row for row in gathered if undone not in row.savepoints]


def _savepoints(session: Session) -> tuple[SessionTransaction, ...]:
    found = []
    inner = session.get_nested_transaction()
    while inner is not None:
        if inner.nested:
            found.append(inner)
        inner = inner.parent
    return tuple(found)


def _extend(session: Session, merchant_id: uuid.UUID, rows: list[dict[str, Any]]) -> None:
    end = _lock_end(session, merchant_id)
    for start in range(0, len(rows), AT_ONCE):
        end = _write(session, merchant_id, rows[start : start + AT_ONCE], *end)


def _write(
    session: Session, merchant_id: uuid.UUID, rows: list[dict[str, Any]], number: int, last: str
) -> tuple[int, str]:
    """Write rows behind that number and hash, and return those of the new end."""
    made: dict[str, Any] = {}
    for place, values in enumerate(rows):
        number += 1
        facts: dict[str, Any] = {"merchant_id": merchant_id, "number": number, "previous_hash": last} | values
        last = digest(Entry(**facts))
        made |= {f"{name}_{place}": value for name, value in (facts | {"hash": last}).items()}
    end = {"whose": merchant_id, "last_number": number, "last_hash": last}
    session.connection().execute(_longer_by(len(rows)), made | end)
    return number, last


@cache
def _longer_by(size: int) -> Update:
    """Write so many rows, and the end that they move: one statement."""
    written = insert(ENTRIES).from_select(ENTRIES.c.keys(), audit.given(size))
    end: dict[str, ColumnElement[Any]] = {"number": bindparam("last_number"), "hash": bindparam("last_hash")}
    longer = update(AuditHead).where(AuditHead.merchant_id == bindparam("whose")).values(end)
    return longer.add_cte(written.cte("written"))


def _lock_end(session: Session, merchant_id: uuid.UUID) -> tuple[int, str]:
    """Return number and hash of the last row; the first time, make the row that holds them."""
    while (end := audit.lock_end(session, merchant_id)) is None:
        row = {"merchant_id": merchant_id, "number": 0, "hash": BEFORE_THE_FIRST}
        if session.connection().execute(FIRST, row).first() is not None:  # ours, and nobody else's before we commit
            return 0, BEFORE_THE_FIRST
    return end

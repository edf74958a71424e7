"""Entries of the journal are put back, in the order in which it was written.

Rows come back under their own ids and references.  What this database has noted since is kept.  What had been sent by
mail is known as sent.  Who was erased is erased again, by the same service.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Uuid, or_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.domain.ends.end_requests import RequestState
from portal.journal.segments import Entry
from portal.journal.watched import REFERRED, WATCHED, WITNESSES, key_of
from portal.models import Base, Customer, EndRequest, JournalEntry
from portal.queries.operating import journal as queries
from portal.queries.people import customers
from portal.services import done_twice
from portal.services.context import Context
from portal.services.own_data import erasing

BATCH: Final = 500  # entries of one transaction


@dataclass
class Report:
    """What was found in the journal, and what became of it."""

    segments: int = 0
    entries: int = 0
    unknown: int = 0  # that the database does not know
    strange: list[str] = field(default_factory=list)  # segments that no key of ours opens
    torn: list[str] = field(default_factory=list)  # whose last line is not whole
    flaws: list[str] = field(default_factory=list)
    put: Counter[str] = field(default_factory=Counter)  # by table
    kept: int = 0  # something later is there
    erased: int = 0
    asked_again: list[str] = field(default_factory=list)  # references of requests that give way to earlier ones
    unplaced: list[str] = field(default_factory=list)
    cut: dict[str, tuple[int, int]] = field(default_factory=dict)  # merchant: the chain's end, and where it had been
    stopped: list[str] = field(default_factory=list)  # acts on many that ran when the backup was made


@dataclass(frozen=True)
class Missing:
    """What the database does not know, in order; what became last of each row; from which number on it is missing."""

    entries: list[Entry]
    last: Mapping[tuple[str, str], Entry]
    since: int


def replay(ctx: Context, missing: Missing, entries: Sequence[Entry], report: Report, *, now: datetime) -> list[Entry]:
    """Put entries back, some hundred a transaction; return those that have no place yet."""
    left: list[Entry] = []
    for start in range(0, len(entries), BATCH):
        with ctx.db.begin() as session:
            queries.note_nothing(session)  # what is put back stands in the journal already
            for entry in entries[start : start + BATCH]:
                try:
                    with session.begin_nested():
                        _place(session, entry, missing, report, now=now)
                except IntegrityError:
                    left.append(entry)
                else:
                    _know(session, entry)
    return left


def give_up(ctx: Context, left: Sequence[Entry]) -> None:
    """What has no place is the operator's to look at: it must not keep the gate shut for everybody."""
    with ctx.db.begin() as session:
        for entry in left:
            _know(session, entry)


def _know(session: Session, entry: Entry) -> None:
    """From now on the database knows of it."""
    values = {name: getattr(entry, name) for name in ("number", "of_table", "key", "act")}
    values |= {"at": datetime.fromisoformat(entry.at), "xact": queries.PUT_BACK, "waits": False}
    known = insert(JournalEntry).values(values)
    session.execute(known.on_conflict_do_nothing())


def _place(session: Session, entry: Entry, missing: Missing, report: Report, *, now: datetime) -> None:
    """Write one entry's row as it was, unless something later is there. Raises IntegrityError.

    Who was erased is erased whatever is there: a change since may keep the row, never the person.
    """
    if entry.of_table in WITNESSES:
        return
    if entry.of_table not in WATCHED | REFERRED:
        report.unplaced.append(f"{entry.of_table}: no such table is kept")
        return
    at, image = datetime.fromisoformat(entry.at), entry.image or {}
    if entry.of_table == "customers" and image.get("erased_at"):
        report.erased += _erase(session, uuid.UUID(entry.key), now=datetime.fromisoformat(image["erased_at"]))
    if queries.is_overtaken(session, entry.of_table, entry.key, number=entry.number, at=at, since=missing.since):
        report.kept += 1
        return
    if entry.act == "gone":
        _take_out(session, entry)
    else:
        again = done_twice.give_way(session, entry.of_table, image)
        if again is None:  # what was done first is there
            report.kept += 1
            return
        report.asked_again += again
        if _stays_open(entry, missing):
            report.asked_again += _give_way(session, image, now=now)
        _put(session, entry)
    report.put[entry.of_table] += 1


def _erase(session: Session, customer_id: uuid.UUID, *, now: datetime) -> bool:
    customer = session.get(Customer, customer_id)
    if customer is None or customer.erased_at is not None:
        return False
    (customer,) = customers.lock(session, customer.merchant_id, customer_id)
    erasing.erase(session, customer, now=now)
    return True


def _stays_open(entry: Entry, missing: Missing) -> bool:
    """Say whether it is a request to end that was still open in the end: one that was taken back takes no place."""
    if entry.of_table != "end_requests":
        return False
    images = (entry.image, missing.last[entry.of_table, entry.key].image)
    return all(image is not None and RequestState(image["state"]) in EndRequest.open_states for image in images)


def _give_way(session: Session, image: Mapping[str, Any], *, now: datetime) -> list[str]:
    """Who asked, and asked again because the restored portal had forgotten it: what was asked for first counts."""
    found = queries.lock_open_others(session, uuid.UUID(image["subscription_id"]), uuid.UUID(image["id"]))
    for request in found:
        request.state, request.withdrawn_at = RequestState.WITHDRAWN, now
    session.flush()
    return [request.reference for request in found]


def _put(session: Session, entry: Entry) -> None:
    """Write the row as its image says; columns that the image does not know stay, or take their default."""
    image, key, one = entry.image or {}, key_of(entry.of_table), Base.metadata.tables[entry.of_table]
    names = [column.name for column in one.c if column.name in image]
    written = insert(one).from_select(names, queries.as_row(one, names, image))
    others = [name for name in names if name != key]
    if entry.act == "is" and others:
        differs = or_(*(one.c[name].is_distinct_from(written.excluded[name]) for name in others))
        new = {name: written.excluded[name] for name in others}
        written = written.on_conflict_do_update(index_elements=[key], set_=new, where=differs)
    else:  # a row that was only referred to is as it was then: it is put where there is none
        written = written.on_conflict_do_nothing(index_elements=[key])
    session.connection().execute(written)
    session.expire_all()


def _take_out(session: Session, entry: Entry) -> None:
    column = Base.metadata.tables[entry.of_table].c[key_of(entry.of_table)]
    key = uuid.UUID(entry.key) if isinstance(column.type, Uuid) else entry.key
    session.connection().execute(column.table.delete().where(column == key))

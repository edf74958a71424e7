"""Every SELECT of the lines that a merchant brings as a CSV, and of whom and what they name."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ARRAY, ColumnElement, Row, Uuid, cast, exists, func, or_, select, true, tuple_
from sqlalchemy.orm import Session

from portal.domain.desk.file_imports import MOST_LINES, FileImportState
from portal.domain.people.address_changes import AddressOutcome
from portal.models import (
    AddressChange,
    Customer,
    FileImport,
    FileImportFault,
    FileImportKey,
    FileImportPart,
    Grant,
    Product,
    Subscription,
)

__all__ = ["FileImport"]  # the web names it

NEWEST: Final = 20
PAGE: Final = 50
WORKING: Final = (FileImportState.CHECKING, FileImportState.RUNNING)


def of_merchant(session: Session, merchant_id: uuid.UUID, import_id: uuid.UUID) -> FileImport:
    """Return one of the merchant's; raise NoResultFound for any other."""
    return session.scalars(
        select(FileImport).where(FileImport.id == import_id, FileImport.merchant_id == merchant_id)
    ).one()


def find(session: Session, import_id: uuid.UUID) -> FileImport | None:
    """Return one; None when it is gone."""
    return session.get(FileImport, import_id)


def lock(session: Session, import_id: uuid.UUID) -> FileImport | None:
    """Return one, locked; None when it is gone."""
    which = select(FileImport).where(FileImport.id == import_id)
    return session.scalars(which.with_for_update(key_share=True)).one_or_none()


def newest(session: Session, merchant_id: uuid.UUID) -> Sequence[FileImport]:
    """Return the merchant's last ones, the newest first."""
    mine = select(FileImport).where(FileImport.merchant_id == merchant_id)
    return session.scalars(mine.order_by(FileImport.created_at.desc(), FileImport.id).limit(NEWEST)).all()


def open_ones(session: Session, merchant_id: uuid.UUID) -> int:
    """Count the merchant's files that are kept and not done."""
    mine = FileImport.merchant_id == merchant_id, FileImport.emptied_at.is_(None)
    return session.scalar(select(func.count()).where(*mine, FileImport.state != FileImportState.DONE)) or 0


def lost(session: Session, *, before: datetime) -> Sequence[FileImport]:
    """Return those that nobody has worked on since then, locked."""
    quiet = FileImport.state.in_(WORKING), FileImport.touched_at < before
    return session.scalars(select(FileImport).where(*quiet).with_for_update(key_share=True, skip_locked=True)).all()


def old(session: Session, *, before: datetime, merchant_id: uuid.UUID | None, limit: int) -> Sequence[FileImport]:
    """Return some whose files are kept since before then and not worked on, locked; of one merchant or of all."""
    over = [FileImport.emptied_at.is_(None), FileImport.touched_at < before, FileImport.state.not_in(WORKING)]
    if merchant_id is not None:
        over.append(FileImport.merchant_id == merchant_id)
    found = select(FileImport).where(*over).order_by(FileImport.touched_at).limit(limit)
    return session.scalars(found.with_for_update(key_share=True, skip_locked=True)).all()


def left_over(session: Session, *, merchant_id: uuid.UUID | None) -> Sequence[uuid.UUID]:
    """Return files that are gone, and of which there are rows still; of one merchant or of all."""
    hangs_on_it = (FileImportPart.file_import_id, FileImportKey.file_import_id, FileImportFault.file_import_id)
    has_rows = or_(*(exists().where(its == FileImport.id) for its in hangs_on_it))
    which = [FileImport.emptied_at.is_not(None), has_rows]
    if merchant_id is not None:
        which.append(FileImport.merchant_id == merchant_id)
    return session.scalars(select(FileImport.id).where(*which).order_by(FileImport.id)).all()


def part(session: Session, import_id: uuid.UUID, number: int) -> FileImportPart | None:
    """Return a part as it is stored; None beyond the last, and where the file is gone."""
    which = FileImportPart.file_import_id == import_id, FileImportPart.number == number
    return session.scalar(select(FileImportPart).where(*which, _is_there(import_id)))


def _is_there(import_id: uuid.UUID) -> ColumnElement[bool]:
    """Say whether a file is there: of one that is gone a worker still deletes the rows."""
    return exists().where(FileImport.id == import_id, FileImport.emptied_at.is_(None))


def keys(session: Session, found: FileImport, wanted: Collection[uuid.UUID]) -> list[Row[uuid.UUID, uuid.UUID, int]]:
    """Return what earlier lines of this attempt said: key, content and line."""
    mine = FileImportKey.file_import_id == found.id, FileImportKey.attempt == found.attempt
    rows = session.execute(
        select(FileImportKey.key, FileImportKey.content, FileImportKey.line).where(*mine, FileImportKey.key.in_(wanted))
    )
    return list(rows.all())


def keys_between(
    session: Session, found: FileImport, spans: Collection[tuple[uuid.UUID, uuid.UUID]]
) -> Sequence[uuid.UUID]:
    """Return the keys of this attempt that lie in any of these spans.

    Each span is looked up by itself (LATERAL, with a limit that none reaches): joined, they would be held against every
    key, since the database does not know how many there are of a file that has just come.
    """
    if not spans:
        return []
    low, high = (cast(list(ends), ARRAY(Uuid)) for ends in zip(*spans, strict=True))
    span = func.unnest(low, high).table_valued("low", "high").render_derived()
    mine = FileImportKey.file_import_id == found.id, FileImportKey.attempt == found.attempt
    within = select(FileImportKey.key).where(*mine, FileImportKey.key.between(span.c.low, span.c.high))
    one = within.order_by(FileImportKey.key).limit(MOST_LINES).lateral()
    return session.scalars(select(one.c.key).select_from(span.join(one, true()))).all()


def faults_of(session: Session, found: FileImport, lines: Collection[int]) -> Sequence[FileImportFault]:
    """Return why some lines of this attempt were refused."""
    if not lines:
        return []
    mine = FileImportFault.file_import_id == found.id, FileImportFault.attempt == found.attempt
    return session.scalars(select(FileImportFault).where(*mine, FileImportFault.line.in_(lines))).all()


def faults(session: Session, found: FileImport, *, after: int = 0, limit: int = PAGE) -> Sequence[FileImportFault]:
    """Return refused lines of the last attempt behind a line, and one more than `limit`."""
    mine = FileImportFault.file_import_id == found.id, FileImportFault.attempt == found.attempt, _is_there(found.id)
    which = select(FileImportFault).where(*mine, FileImportFault.line > after)
    return session.scalars(which.order_by(FileImportFault.line).limit(limit + 1)).all()


def reasons(session: Session, found: FileImport) -> list[Row[Any]]:
    """Return why lines were refused, each with how many, the most common first."""
    mine = FileImportFault.file_import_id == found.id, FileImportFault.attempt == found.attempt, _is_there(found.id)
    counted = func.count().label("number")
    rows = select(FileImportFault.why, counted).where(*mine).group_by(FileImportFault.why)
    return list(session.execute(rows.order_by(counted.desc(), FileImportFault.why)))


def customers(
    session: Session,
    merchant_id: uuid.UUID,
    *,
    ids: Collection[uuid.UUID],
    external_ids: Collection[str],
    emails: Collection[str],
    locked: bool,
) -> Sequence[Customer]:
    """Return the merchant's customers who are named by any of these, in the order in which they are locked."""
    named = or_(Customer.id.in_(ids), Customer.external_id.in_(external_ids), Customer.email.in_(emails))
    which = select(Customer).where(Customer.merchant_id == merchant_id, named).order_by(Customer.id)
    return session.scalars(which.with_for_update(key_share=True) if locked else which).all()


def confirmed(session: Session, customer_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return who of them has confirmed their address: by a log-in with it, or by the mail that asked for it."""
    if not customer_ids:
        return set()
    by_mail = exists().where(
        AddressChange.customer_id == Customer.id, AddressChange.outcome == AddressOutcome.CONFIRMED
    )
    has = or_(Customer.seen_at.is_not(None), by_mail)
    return set(session.scalars(select(Customer.id).where(Customer.id.in_(customer_ids), has)))


def waiting_addresses(
    session: Session, customer_ids: Collection[uuid.UUID], *, now: datetime
) -> set[tuple[uuid.UUID, str]]:
    """Return whose address waits for its confirmation, and which; none whose link has run out."""
    if not customer_ids:
        return set()
    waits = AddressChange.customer_id.in_(customer_ids), AddressChange.outcome.is_(None), AddressChange.expires_at > now
    rows = session.execute(select(AddressChange.customer_id, AddressChange.email).where(*waits))
    return {(row.customer_id, row.email) for row in rows}


def products(session: Session, merchant_id: uuid.UUID) -> list[Row[Any]]:
    """Return id, name and the merchant's own id of each product."""
    mine = select(Product.id, Product.name, Product.external_id).where(Product.merchant_id == merchant_id)
    return list(session.execute(mine))


def grants(session: Session, pairs: Collection[tuple[uuid.UUID, uuid.UUID]]) -> Sequence[Grant]:
    """Return what these customers were given of these products, oldest first; the caller knows whose they are."""
    if not pairs:
        return []
    which = tuple_(Grant.customer_id, Grant.product_id).in_(pairs)
    return session.scalars(select(Grant).where(which).order_by(Grant.since, Grant.id)).all()


def erased(session: Session, customer_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return those among the customers whose data was erased."""
    which = select(Customer.id).where(Customer.id.in_(customer_ids), Customer.erased_at.is_not(None))
    return set(session.scalars(which))


def subscriptions(
    session: Session,
    merchant_id: uuid.UUID,
    *,
    ids: Collection[uuid.UUID],
    provider_ids: Collection[str],
    locked: bool,
) -> Sequence[Subscription]:
    """Return the merchant's subscriptions of these ids, ours or PayPal's, in the order in which they are locked."""
    named = or_(Subscription.id.in_(ids), Subscription.provider_id.in_(provider_ids))
    which = select(Subscription).where(Subscription.merchant_id == merchant_id, named).order_by(Subscription.id)
    return session.scalars(which.with_for_update(key_share=True) if locked else which).all()

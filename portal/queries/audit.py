"""Every SELECT of the audit chain."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    CompoundSelect,
    Select,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    union_all,
)
from sqlalchemy.orm import Session

from portal.domain.audit import Act
from portal.domain.ends.end_requests import Channel
from portal.extensions import Database
from portal.models import (
    AccountMember,
    AuditEntry,
    AuditHead,
    Customer,
    Membership,
    Merchant,
    Product,
    ReceivedRequest,
    Staff,
    Subscription,
)

NAMELESS: Final = literal("")
# What rows are about that has a page, and by which name it goes on the list.
SUBJECTS: Final[Mapping[str, tuple[Any, Any]]] = {
    "product": (Product, Product.name),
    "staff": (Staff, Staff.name),
    "customer": (Customer, NAMELESS),
    "subscription": (Subscription, NAMELESS),
    "received_request": (ReceivedRequest, NAMELESS),
}


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of a chain, newest first. The numbers are those of the rows to go on from, None at an end."""

    rows: Sequence[AuditEntry]
    older_than: int | None
    newer_than: int | None


def lock_end(session: Session, merchant_id: uuid.UUID) -> tuple[int, str] | None:
    """Return number and hash of the chain's last row, held until the end of the transaction; None for no chain yet."""
    found = session.execute(_end().with_for_update(key_share=True), {"merchant_id": merchant_id}).one_or_none()
    return (found.number, found.hash) if found is not None else None


@cache
def _end() -> Select[int, str]:
    return select(AuditHead.number, AuditHead.hash).where(AuditHead.merchant_id == bindparam("merchant_id"))


def given(size: int) -> CompoundSelect[*tuple[Any, ...]]:
    """Return, for an INSERT, so many rows of parameters: a list of VALUES would be compiled anew each time."""
    return union_all(
        *(
            select(*(bindparam(f"{column.name}_{place}", type_=column.type) for column in AuditEntry.__table__.c))
            for place in range(size)
        )
    )


def end(session: Session, merchant_id: uuid.UUID) -> tuple[int, str] | None:
    """Return number and hash of the chain's last row as its end names it; None for no chain yet."""
    found = session.execute(_end(), {"merchant_id": merchant_id}).one_or_none()
    return (found.number, found.hash) if found is not None else None


def first_outside(session: Session, merchant_id: uuid.UUID) -> int | None:
    """Return the first number below 1 or behind the chain's end, if any: end and rows are seen at one moment."""
    last = select(AuditHead.number).where(AuditHead.merchant_id == merchant_id).scalar_subquery()
    return session.scalar(
        select(func.min(AuditEntry.number)).where(
            AuditEntry.merchant_id == merchant_id,
            or_(AuditEntry.number > func.coalesce(last, 0), AuditEntry.number < 1),
        )
    )


def batches(
    database: Database, merchant_id: uuid.UUID, *, first: int, last: int, size: int
) -> Iterator[Sequence[AuditEntry]]:
    """Yield the rows from `first` to `last` in their order, `size` at a time: no connection is held meanwhile."""
    while first <= last:
        with database.read() as session:
            rows = session.scalars(
                select(AuditEntry)
                .where(AuditEntry.merchant_id == merchant_id, AuditEntry.number.between(first, last))
                .order_by(AuditEntry.number)
                .limit(size)
            ).all()
        if not rows:
            return
        yield rows
        first = rows[-1].number + 1


def span(
    session: Session, merchant_id: uuid.UUID, *, since: datetime | None, until: datetime | None
) -> tuple[int, int] | None:
    """Return the first number at or after `since` and the last before `until`; None when nothing lies between.

    Numbers follow the commits, not the clock: what lies between the two belongs to it, so that the chain holds.
    """
    statement = select(func.min(AuditEntry.number), func.max(AuditEntry.number)).where(
        AuditEntry.merchant_id == merchant_id
    )
    if since is not None:
        statement = statement.where(AuditEntry.at >= since)
    if until is not None:
        statement = statement.where(AuditEntry.at < until)
    first, last = session.execute(statement).one()
    return (first, last) if first is not None else None


def page(
    session: Session,
    merchant_id: uuid.UUID,
    *,
    older_than: int | None = None,
    newer_than: int | None = None,
    actor_id: uuid.UUID | None = None,
    acts: Collection[str] = (),
    size: int = 50,
) -> Page:
    """Return one page of the merchant's chain, newest first: all of it, or what one did, or one kind of act.

    `acts`: how the codes of that kind begin.
    """
    backwards = newer_than is not None and older_than is None
    statement = select(AuditEntry).where(AuditEntry.merchant_id == merchant_id)
    if actor_id is not None:
        statement = statement.where(AuditEntry.actor_id == actor_id)
    if acts:
        statement = statement.where(or_(*(AuditEntry.act.startswith(begin, autoescape=True) for begin in acts)))
    if older_than is not None:
        statement = statement.where(AuditEntry.number < older_than)
    elif newer_than is not None:
        statement = statement.where(AuditEntry.number > newer_than)
    order = AuditEntry.number.asc() if backwards else AuditEntry.number.desc()
    found = session.scalars(statement.order_by(order).limit(size + 1)).all()
    more, rows = len(found) > size, found[:size]
    if backwards:
        rows = rows[::-1]
    has_older, has_newer = (True, more) if backwards else (more, older_than is not None)
    return Page(
        rows=rows,
        older_than=rows[-1].number if rows and has_older else None,
        newer_than=rows[0].number if rows and has_newer else None,
    )


def of_customer(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, limit: int) -> Sequence[AuditEntry]:
    """Return the newest rows of the chain that are about a customer's record."""
    return session.scalars(
        select(AuditEntry)
        .where(
            AuditEntry.subject_id == customer_id,
            text("subject_kind = 'customer'"),
            AuditEntry.merchant_id == merchant_id,
        )
        .order_by(AuditEntry.number.desc())
        .limit(limit)
    ).all()


def has_opened(
    session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, actor_id: uuid.UUID, *, since: datetime
) -> bool:
    """Say whether that person has stated, since then, why they open what is kept of an erased customer."""
    stated = exists().where(
        AuditEntry.subject_id == customer_id,
        text("subject_kind = 'customer'"),
        AuditEntry.merchant_id == merchant_id,
        AuditEntry.act == Act.ARCHIVE_OPENED.value,
        AuditEntry.actor_id == actor_id,
        AuditEntry.at > since,
    )
    return bool(session.scalar(select(stated)))


def was_lately(session: Session, merchant_id: uuid.UUID, act: Act, subject_id: uuid.UUID, *, among: int) -> bool:
    """Say whether something was done to that subject among the newest rows of the chain: the rest of it is not read."""
    last = select(AuditHead.number).where(AuditHead.merchant_id == merchant_id).scalar_subquery()
    done = exists().where(
        AuditEntry.merchant_id == merchant_id,
        AuditEntry.number > last - among,
        AuditEntry.act == act.value,
        AuditEntry.subject_id == subject_id,
    )
    return bool(session.scalar(select(done)))


def names_of_people(session: Session, rows: Sequence[AuditEntry]) -> dict[uuid.UUID, str]:
    """Return the names of those who acted in these rows of one chain, or whom they are about.

    Of the desk's people, and of those whom customers have let into their accounts: by their name, else their address.
    """
    ids = {row.actor_id for row in rows if row.actor_id is not None}
    ids |= {row.subject_id for row in rows if row.subject_kind == "staff" and row.subject_id is not None}
    if not ids:
        return {}
    called = func.coalesce(func.nullif(AccountMember.name, ""), AccountMember.email)
    found = session.execute(
        union_all(
            select(Staff.id, Staff.name).where(Staff.id.in_(ids)),
            select(AccountMember.id, called).where(AccountMember.id.in_(ids)),
        )
    )
    return {row.id: row.name for row in found}


def subjects(session: Session, merchant_id: uuid.UUID, rows: Sequence[AuditEntry]) -> dict[uuid.UUID, str]:
    """Return what these rows of the merchant's chain are about and is still there, with the name it goes by.

    A customer, a subscription and a notice go by none: the page that lists the rows says no customer's name.
    """
    found: dict[uuid.UUID, str] = {}
    for kind, (table, name) in SUBJECTS.items():
        ids = {row.subject_id for row in rows if row.subject_kind == kind and row.subject_id is not None}
        if not ids:
            continue
        statement = select(table.id, name.label("name")).where(table.id.in_(ids))
        if table is Staff:
            statement = statement.join(Membership, Membership.staff_id == Staff.id)
        whose = Membership if table is Staff else table
        found |= {one.id: one.name for one in session.execute(statement.where(whose.merchant_id == merchant_id))}
    return found


def sessions_of_key(session: Session, merchant_id: uuid.UUID, key_id: uuid.UUID, *, since: datetime) -> list[uuid.UUID]:
    """Return the ids of the portal sessions that a key of the merchant's has made since then."""
    made = select(AuditEntry.details["link"].astext).where(
        AuditEntry.merchant_id == merchant_id,
        AuditEntry.at >= since,
        AuditEntry.act == Act.PORTAL_SESSION_MADE,
        AuditEntry.actor_id == key_id,
    )
    return [uuid.UUID(link) for link in session.scalars(made)]


def actors_by_api(rows: Sequence[AuditEntry]) -> set[uuid.UUID]:
    """Return the ids of those who acted by the API: of keys, and of customers whose wish was passed on."""
    return {row.actor_id for row in rows if row.channel == Channel.API and row.actor_id is not None}


def merchants(session: Session) -> list[tuple[uuid.UUID, str]]:
    """Return id and slug of every merchant, by slug."""
    return [(row.id, row.slug) for row in session.execute(select(Merchant.id, Merchant.slug).order_by(Merchant.slug))]

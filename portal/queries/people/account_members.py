"""Every SELECT of the people of customers' accounts."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Text, and_, cast, func, literal, select, union_all
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.models import AccountMember, Customer, LoginSession, Mail
from portal.queries.people import customers


@dataclass(frozen=True, kw_only=True)
class Space:
    """An account that an address opens: as the customer whose address it is, or as one of their people."""

    customer: Customer
    member: AccountMember | None


def of_customer(session: Session, customer_id: uuid.UUID) -> list[AccountMember]:
    """Return who is in the account or invited to it, in the order in which they were invited; of the removed none."""
    there = AccountMember.customer_id == customer_id, AccountMember.removed_at.is_(None)
    return list(
        session.scalars(select(AccountMember).where(*there).order_by(AccountMember.created_at, AccountMember.id))
    )


def of_id(session: Session, customer_id: uuid.UUID, member_id: uuid.UUID) -> AccountMember:
    """Return one who is in the customer's account or invited to it; raise NoResultFound for anybody else."""
    return session.scalars(
        select(AccountMember).where(
            AccountMember.id == member_id,
            AccountMember.customer_id == customer_id,
            AccountMember.removed_at.is_(None),
        )
    ).one()


def of_address(session: Session, customer_id: uuid.UUID, email: str | None) -> AccountMember | None:
    """Return who has that address (normal form) in the account, invited ones too."""
    return session.scalars(
        select(AccountMember).where(
            AccountMember.customer_id == customer_id,
            AccountMember.email == email,
            AccountMember.removed_at.is_(None),
        )
    ).one_or_none()


def active(session: Session, member_id: uuid.UUID | None) -> AccountMember | None:
    """Return somebody who is in an account now; None for who is invited, removed, or nobody of an account's people."""
    return session.scalars(
        select(AccountMember).where(
            AccountMember.id == member_id,
            AccountMember.accepted_at.is_not(None),
            AccountMember.removed_at.is_(None),
        )
    ).one_or_none()


def is_copy_for() -> ColumnElement[bool]:
    """Say whether a message is the copy for one of its account's people: its key ends with their id."""
    return and_(AccountMember.customer_id == Mail.customer_id, func.right(Mail.key, 36) == cast(AccountMember.id, Text))


def told_by(session: Session, mail: Mail) -> AccountMember | None:
    """Return for whom of the account's people a message is a copy, also once they are removed; None: for none."""
    copied = select(AccountMember).join(Mail, is_copy_for()).where(Mail.id == mail.id)
    return session.scalars(copied).one_or_none()


def by_link(session: Session, merchant_id: uuid.UUID, token_hash: str) -> AccountMember | None:
    """Return whose invitation at the merchant's the link is, whatever became of it."""
    return session.scalars(
        select(AccountMember).where(AccountMember.merchant_id == merchant_id, AccountMember.token_hash == token_hash)
    ).one_or_none()


def spaces(session: Session, merchant_id: uuid.UUID, email: str | None) -> list[Space]:
    """Return every account that an address (normal form) opens: its own first, then those it was let into."""
    if email is None:
        return []
    own = [Space(customer=one, member=None) for one in customers.of_address(session, merchant_id, email)]
    rows = session.execute(
        select(Customer, AccountMember)
        .join(AccountMember, AccountMember.customer_id == Customer.id)
        .where(
            AccountMember.merchant_id == merchant_id,
            AccountMember.email == email,
            AccountMember.accepted_at.is_not(None),
            AccountMember.removed_at.is_(None),
            Customer.erased_at.is_(None),
        )
        .order_by(AccountMember.accepted_at, AccountMember.id)
    )
    return own + [Space(customer=customer, member=member) for customer, member in rows]


def hold(session: Session, space: Space, email: str | None) -> Space | None:
    """Return an account that an address opened a moment before, locked; None where it does not open it any more.

    Whoever gives the account another address, erases it, joins it or takes somebody out holds the same lock, and ends
    what is open by then: a session that is opened under it stands before that, or is not opened at all.
    """
    merchant_id, customer_id = space.customer.merchant_id, space.customer.id
    try:
        customers.lock(session, merchant_id, customer_id)
    except NoResultFound:  # joined to another one meanwhile
        return None
    return next((one for one in spaces(session, merchant_id, email) if one.customer.id == customer_id), None)


def addressee(session: Session, merchant_id: uuid.UUID, email: str) -> uuid.UUID | None:
    """Return whose account an address (normal form) opens: its own, else the first it was let into; None for nobody's.

    One statement for every address: how long it takes says nothing.
    """
    own = select(Customer.id, literal(0).label("rank"), Customer.created_at.label("since")).where(
        Customer.merchant_id == merchant_id, Customer.email == email, Customer.email_place == 0
    )
    let_in = select(AccountMember.customer_id, literal(1), AccountMember.accepted_at).where(
        AccountMember.merchant_id == merchant_id,
        AccountMember.email == email,
        AccountMember.accepted_at.is_not(None),
        AccountMember.removed_at.is_(None),
    )
    either = union_all(own, let_in).subquery()
    return session.scalars(select(either.c.id).order_by(either.c.rank, either.c.since).limit(1)).one_or_none()


def last_seen(session: Session, customer_id: uuid.UUID) -> dict[uuid.UUID, datetime]:
    """Return when each of an account's people was last here, as far as their sessions are kept."""
    rows = session.execute(
        select(LoginSession.account_member_id, func.max(LoginSession.last_seen_at))
        .where(LoginSession.customer_id == customer_id, LoginSession.account_member_id.is_not(None))
        .group_by(LoginSession.account_member_id)
    )
    return {member_id: at for member_id, at in rows if member_id is not None}


def names_of(session: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return name, else address, of those who are or were an account's people."""
    if not ids:
        return {}
    rows = session.execute(
        select(AccountMember.id, AccountMember.name, AccountMember.email).where(AccountMember.id.in_(ids))
    )
    return {row.id: row.name or row.email for row in rows}

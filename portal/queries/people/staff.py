"""The people at the desk: found by address, locked while they get in, and for whom they work."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.domain.ends.duties import Duty, may
from portal.domain.policies import Role
from portal.models import Invitation, LoginSession, Membership, Merchant, RecoveryCode, Staff, StaffDevice
from portal.models.names import reading_order


@dataclass(frozen=True, kw_only=True)
class Member:
    """Somebody of a merchant's team; `seen_at`: when they last used the merchant's desk, as far as it is kept."""

    id: uuid.UUID
    name: str
    email: str
    role: Role
    since: datetime
    disabled_at: datetime | None
    seen_at: datetime | None
    codes_left: int


@dataclass(frozen=True)
class Desk:
    """A merchant for whom somebody works."""

    merchant_id: uuid.UUID
    name: str
    role: Role


def by_email(session: Session, email: str) -> Staff | None:
    """Return whoever has that address (normal form) and may come in somewhere, or None."""
    return session.scalars(select(Staff).where(Staff.email == email, _works())).one_or_none()


def of_address(session: Session, email: str, *, lock: bool = False) -> Staff | None:
    """Return whoever has that address, also when they may come in nowhere any more, or None; `lock` keeps them."""
    statement = select(Staff).where(Staff.email == email)
    return session.scalars(statement.with_for_update(key_share=True) if lock else statement).one_or_none()


def member_somewhere(session: Session, email: str) -> Staff | None:
    """Return whoever has that address and is of a team, also of one that keeps them out for now, or None."""
    member = select(Membership.id).where(Membership.staff_id == Staff.id).exists()
    return session.scalars(select(Staff).where(Staff.email == email, member)).one_or_none()


def somebody(session: Session) -> Staff | None:
    """Return any of them: work for an unknown address is done on theirs, and rolled back."""
    return session.scalars(select(Staff).limit(1)).first()


def lock(session: Session, staff_id: uuid.UUID) -> Staff | None:
    """Return somebody who may come in somewhere, locked until the transaction ends; None when there is none."""
    return session.scalars(
        select(Staff).where(Staff.id == staff_id, _works()).with_for_update(key_share=True)
    ).one_or_none()


def devices(session: Session, staff_id: uuid.UUID) -> list[StaffDevice]:
    """Return the browsers on which the person has logged in."""
    return list(session.scalars(select(StaffDevice).where(StaffDevice.staff_id == staff_id)))


def unused_recovery_code(session: Session, staff_id: uuid.UUID, code_hash: str) -> RecoveryCode | None:
    """Return the person's unused recovery code with that hash, or None."""
    return session.scalars(
        select(RecoveryCode).where(
            RecoveryCode.staff_id == staff_id, RecoveryCode.code_hash == code_hash, RecoveryCode.used_at.is_(None)
        )
    ).one_or_none()


def recovery_codes_left(session: Session, staff_id: uuid.UUID) -> int:
    """Count the person's unused recovery codes."""
    statement = select(func.count()).where(RecoveryCode.staff_id == staff_id, RecoveryCode.used_at.is_(None))
    return session.execute(statement).scalar_one()


def is_at(session: Session, merchant_id: uuid.UUID, staff_id: uuid.UUID | None, email: str) -> bool:
    """Say whether that address is the one of that member of the merchant's team."""
    found = session.get(Staff, staff_id) if staff_id is not None else None
    if found is None or found.email.lower() != email.lower():
        return False
    return membership(session, merchant_id, found.id) is not None


def owners(session: Session, merchant_id: uuid.UUID) -> Sequence[Staff]:
    """Return the owners of a merchant's desk who may log in."""
    return session.scalars(
        select(Staff)
        .join(Membership, Membership.staff_id == Staff.id)
        .where(Membership.merchant_id == merchant_id, Membership.role == Role.OWNER, Membership.disabled_at.is_(None))
        .order_by(Membership.created_at, Staff.id)
    ).all()


def membership(session: Session, merchant_id: uuid.UUID, staff_id: uuid.UUID) -> Membership | None:
    """Return what somebody is at a merchant's, disabled or not; None for strangers."""
    statement = select(Membership).where(Membership.merchant_id == merchant_id, Membership.staff_id == staff_id)
    return session.scalars(statement).one_or_none()


def allowed(session: Session, merchant_id: uuid.UUID, staff_id: uuid.UUID | None, duty: Duty) -> Staff | None:
    """Return somebody who may do that at a merchant's as things stand; None for whoever may not (any more)."""
    member = membership(session, merchant_id, staff_id) if staff_id is not None else None
    if member is None or member.disabled_at is not None or not may(member.role, duty):
        return None
    return session.get_one(Staff, member.staff_id)


def member(session: Session, merchant_id: uuid.UUID, staff_id: uuid.UUID) -> Membership:
    """Return what somebody is at a merchant's, disabled or not; raise NoResultFound for strangers."""
    found = membership(session, merchant_id, staff_id)
    if found is None:
        raise NoResultFound
    return found


def lock_team(session: Session, merchant_id: uuid.UUID) -> dict[uuid.UUID, Membership]:
    """Return a merchant's memberships by person, locked until the transaction ends: one change of a team at a time."""
    session.execute(select(Merchant.id).where(Merchant.id == merchant_id).with_for_update(key_share=True))
    rows = session.scalars(select(Membership).where(Membership.merchant_id == merchant_id))
    return {row.staff_id: row for row in rows}


def desks(session: Session, staff_id: uuid.UUID) -> list[Desk]:
    """Return the merchants at whose desk the person may come in, the one they joined first before the others."""
    rows = session.execute(
        select(Merchant.id, Merchant.name, Membership.role)
        .join(Membership, Membership.merchant_id == Merchant.id)
        .where(Membership.staff_id == staff_id, Membership.disabled_at.is_(None), Merchant.closed_at.is_(None))
        .order_by(Membership.created_at, Merchant.id)
    )
    return [Desk(*row) for row in rows]


def team(session: Session, merchant_id: uuid.UUID) -> list[Member]:
    """Return a merchant's team by name."""
    seen_at = (
        select(func.max(LoginSession.last_seen_at))
        .where(LoginSession.staff_id == Staff.id, LoginSession.merchant_id == merchant_id)
        .scalar_subquery()
    )
    codes = (
        select(func.count())
        .where(RecoveryCode.staff_id == Staff.id, RecoveryCode.used_at.is_(None))
        .correlate(Staff)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Staff, Membership, seen_at.label("seen_at"), codes.label("codes_left"))
        .join(Membership, Membership.staff_id == Staff.id)
        .where(Membership.merchant_id == merchant_id)
        .order_by(reading_order(Staff.name), Staff.id)
    )
    return [_member(row.Staff, row.Membership, row.seen_at, row.codes_left) for row in rows]


def invitations(session: Session, merchant_id: uuid.UUID, *, now: datetime) -> list[Invitation]:
    """Return what is open of a merchant's invitations and renewals, the newest first."""
    return list(
        session.scalars(
            select(Invitation)
            .where(Invitation.merchant_id == merchant_id, Invitation.closed_at.is_(None), Invitation.expires_at > now)
            .order_by(Invitation.created_at.desc(), Invitation.id)
        )
    )


def open_invitation(
    session: Session, merchant_id: uuid.UUID, invitation_id: uuid.UUID, *, renewals: bool = False
) -> Invitation:
    """Return a merchant's invitation that is not closed, locked; raise NoResultFound. `renewals`: one of those, too."""
    statement = select(Invitation).where(
        Invitation.merchant_id == merchant_id, Invitation.id == invitation_id, Invitation.closed_at.is_(None)
    )
    if not renewals:
        statement = statement.where(Invitation.staff_id.is_(None))
    return session.scalars(statement.with_for_update(key_share=True)).one()


def invitation_by_link(session: Session, link_hash: str, *, lock: bool = False) -> Invitation | None:
    """Return the invitation that a link opens, closed or not; `lock` keeps it until the transaction ends."""
    statement = select(Invitation).where(Invitation.token_hash == link_hash)
    return session.scalars(statement.with_for_update(key_share=True) if lock else statement).one_or_none()


def open_invitations_to(
    session: Session, email: str, *, now: datetime, merchant_id: uuid.UUID | None = None
) -> list[Invitation]:
    """Return the open invitations of an address (normal form), locked, at one merchant or all."""
    statement = select(Invitation).where(
        Invitation.email == email, Invitation.closed_at.is_(None), Invitation.expires_at > now
    )
    if merchant_id is not None:
        statement = statement.where(Invitation.merchant_id == merchant_id)
    return list(session.scalars(statement.with_for_update(key_share=True)))


def _works() -> ColumnElement[bool]:
    return (
        select(Membership.id)
        .join(Merchant, Merchant.id == Membership.merchant_id)
        .where(Membership.staff_id == Staff.id, Membership.disabled_at.is_(None), Merchant.closed_at.is_(None))
        .exists()
    )


def _member(person: Staff, at: Membership, seen_at: datetime | None, codes_left: int) -> Member:
    return Member(
        id=person.id,
        name=person.name,
        email=person.email,
        role=at.role,
        since=at.created_at,
        disabled_at=at.disabled_at,
        seen_at=seen_at,
        codes_left=codes_left,
    )

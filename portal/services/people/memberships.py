"""Who works for a merchant, and in which role. One change of a team at a time, and an owner always stays."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.errors import Denial, NotAllowed
from portal.domain.policies import Role
from portal.models import Membership, Staff
from portal.queries.people import staff as stored
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.people import invitations
from portal.services.people.sessions import end_all


def join(session: Session, person: Staff, merchant_id: uuid.UUID, role: Role, *, by: By, at: datetime) -> None:
    """Make somebody a member of a merchant's team, in the caller's transaction."""
    session.add(Membership(merchant_id=merchant_id, staff_id=person.id, role=role, created_at=at))
    session.flush()
    audit.append(session, merchant_id, Act.STAFF_HIRED, by=by, at=at, subject=("staff", person.id), role=role)


def change_role(
    ctx: Context, merchant_id: uuid.UUID, staff_id: uuid.UUID, role: Role, *, by: By, now: datetime
) -> bool:
    """Give a member another role; say whether it is another one. It holds from their next click on.

    Raises NoResultFound for a stranger, NotAllowed when no owner would be left.
    """
    with ctx.db.begin() as session:
        member = _member(session, merchant_id, staff_id, by, stays=role is Role.OWNER)
        before, member.role = member.role, role
        if before is not role:
            if before is Role.OWNER:
                invitations.close_of_leaver(session, merchant_id, staff_id, now=now)
            _tell(session, member, Act.ROLE_CHANGED, by=by, at=now, before=before, after=role)
        return before is not role


def disable(ctx: Context, merchant_id: uuid.UUID, staff_id: uuid.UUID, *, by: By, now: datetime) -> None:
    """Keep a member out until it is lifted; their sessions here end at once. Raises as `change_role`."""
    with ctx.db.begin() as session:
        member = _member(session, merchant_id, staff_id, by)
        if member.disabled_at is None:
            member.disabled_at = now
            _leave(session, member, now=now)
            _tell(session, member, Act.STAFF_DISABLED, by=by, at=now)


def enable(ctx: Context, merchant_id: uuid.UUID, staff_id: uuid.UUID, *, by: By, now: datetime) -> None:
    """Let a disabled member in again. Raises NoResultFound."""
    with ctx.db.begin() as session:
        member = _member(session, merchant_id, staff_id, by, stays=True)
        if member.disabled_at is not None:
            member.disabled_at = None
            _tell(session, member, Act.STAFF_ENABLED, by=by, at=now)


def remove(ctx: Context, merchant_id: uuid.UUID, staff_id: uuid.UUID, *, by: By, now: datetime) -> None:
    """Take a member out of the team; their name stays in what they did. Raises as `change_role`."""
    with ctx.db.begin() as session:
        member = _member(session, merchant_id, staff_id, by)
        _tell(session, member, Act.STAFF_REMOVED, by=by, at=now, role=member.role)
        session.delete(member)
        _leave(session, member, now=now)


def end_sessions(ctx: Context, merchant_id: uuid.UUID, staff_id: uuid.UUID, *, by: By, now: datetime) -> int:
    """End a member's sessions at this desk; return how many there were. Raises NoResultFound."""
    with ctx.db.begin() as session:
        member = _member(session, merchant_id, staff_id, by, stays=True)
        ended = end_all(session, staff_id, merchant_id=merchant_id, now=now)
        if ended:
            _tell(session, member, Act.STAFF_SESSIONS_ENDED, by=by, at=now, number=ended)
        return ended


def _member(
    session: Session, merchant_id: uuid.UUID, staff_id: uuid.UUID, by: By, *, stays: bool = False
) -> Membership:
    """Return the membership, the team locked. `stays`: an owner is no less an owner afterwards."""
    team = stored.lock_team(session, merchant_id)
    invitations.check_leads(team, by)
    if staff_id not in team:
        raise NoResultFound
    others = [one for one in team.values() if one.staff_id != staff_id and _leads(one)]
    if not stays and _leads(team[staff_id]) and not others:
        raise NotAllowed(Denial.LAST_OWNER)
    return team[staff_id]


def _leave(session: Session, member: Membership, *, now: datetime) -> None:
    """End what somebody has open at a merchant's, and let their log-in lead where they still work."""
    end_all(session, member.staff_id, merchant_id=member.merchant_id, now=now)
    invitations.close_of_leaver(session, member.merchant_id, member.staff_id, now=now)
    session.flush()
    person = session.get_one(Staff, member.staff_id, with_for_update={"key_share": True})
    desks = [desk.merchant_id for desk in stored.desks(session, person.id)]
    if desks and person.merchant_id not in desks:
        person.merchant_id = desks[0]


def _leads(member: Membership) -> bool:
    return member.role is Role.OWNER and member.disabled_at is None


def _tell(session: Session, member: Membership, act: Act, *, by: By, at: datetime, **details: str | int) -> None:
    about = ("staff", member.staff_id)
    audit.append(session, member.merchant_id, act, by=by, at=at, subject=about, **details)

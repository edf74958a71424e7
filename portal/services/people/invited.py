"""What the holder of an invitation's link does: enter name and password, prove the second factor, or accept.

Each act locks the invitation and asks again what it opens: two browsers, a withdrawal meanwhile, a link used twice.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.domain import typed_codes
from portal.domain.audit import Act
from portal.domain.people.invitations import Door
from portal.models import Invitation, LoginSession, Staff
from portal.queries.people import staff as stored
from portal.queries.people.people import Kind, Person
from portal.queries.people.sessions import lock_address
from portal.secrets import token_hash
from portal.services import throttles
from portal.services.context import Context
from portal.services.people import (
    invitations,
    memberships,
    passkeys,
    staff_acts,
    staff_alerts,
    staff_factors,
    staff_passwords,
)
from portal.services.people.sessions import Visitor, end_all, open_for
from portal.services.people.staff_factors import TOTP_SECRET


class Begun(NamedTuple):
    """The second factor that the holder is to put into their app."""

    secret: str
    uri: str


class Entered(NamedTuple):
    """The session of somebody who has just got both factors, and the codes to be shown once."""

    token: str
    recovery_codes: list[str]


def prepare(ctx: Context, link: str, *, name: str, password: str, now: datetime) -> None:
    """Keep the name and the password that the holder chose, and make a second factor for them.

    Raises NoResultFound when the link opens no such thing (any more), WeakPassword.
    """
    with ctx.db.begin() as session:
        _open(session, link, Door.NEW, Door.RENEWAL, now=now)
    staff_passwords.check_stolen(ctx, password)
    with ctx.db.begin() as session:
        invitation, seen = _open(session, link, Door.NEW, Door.RENEWAL, now=now)
        own = (invitation.email, name, seen.merchant)
        staff_passwords.check_strength(password, own=own)
        invitation.name, invitation.password_hash = name, ctx.passwords.hash(password)
        secret = staff_factors.new_secret()
        invitation.totp_secret = ctx.vault.seal(secret, purpose=TOTP_SECRET, row=invitation.id)


def begun(ctx: Context, link: str, *, now: datetime) -> Begun | None:
    """Return the second factor that waits for its proof, changing nothing; None when there is none."""
    with ctx.db.read() as session:
        invitation = stored.invitation_by_link(session, token_hash(link))
        if invitation is None or invitations.shown(session, invitation, now=now).door not in (Door.NEW, Door.RENEWAL):
            return None
        secret = _secret(ctx, invitation)
    return Begun(secret, staff_factors.uri(secret, invitation.email)) if secret else None


def enter(ctx: Context, link: str, code: str, *, visitor: Visitor, now: datetime) -> Entered | None:
    """Let the holder in once their app shows the code; None for a wrong one; raise TooManyTries, NoResultFound."""
    throttles.hit(ctx, staff_factors.tries(f"invitation/{token_hash(link)}"), now=now)
    with ctx.db.begin() as session:
        invitation, seen = _open(session, link, Door.NEW, Door.RENEWAL, now=now)
        secret = _secret(ctx, invitation)
        if secret is None:
            raise NoResultFound
        step = staff_factors.step_of(secret, typed_codes.six_digits(code), now=now)
        if step is None:
            return None
        person = _renewed(session, invitation) if seen.door is Door.RENEWAL else _new(session, invitation)
        codes = staff_factors.give(ctx, session, person, secret, step=step)
        passkeys.forget(session, person.id)
        if seen.door is Door.RENEWAL:
            end_all(session, person.id, now=now)
            invitations.tell_everywhere(session, person, Act.FACTORS_RENEWED, by=staff_acts.by(person.id), at=now)
            staff_alerts.factor_changed(ctx, session, person, now=now)
        else:
            _join(session, invitation, person, now=now)
        invitations.close(session, invitation, now=now)
        token = open_for(session, Kind.STAFF, invitation.merchant_id, person.id, visitor=visitor, now=now)
    return Entered(token, codes)


def accept(ctx: Context, link: str, person: Person, *, visitor: Visitor, now: datetime) -> str:
    """Take somebody who works here already into another team; return the token of a session at its desk.

    Raises NoResultFound unless the address is the person's own.
    """
    with ctx.db.begin() as session:
        invitation, seen = _open(session, link, Door.KNOWN, now=now)
        if seen.staff_id != person.id:
            raise NoResultFound
        staff = stored.lock(session, person.id)
        old = session.get_one(LoginSession, person.session_id)
        if staff is None or old.revoked_at is not None:  # ended while this waited: a new password, perhaps
            raise NoResultFound
        _join(session, invitation, staff, now=now)
        invitations.close(session, invitation, now=now)
        staff.merchant_id = invitation.merchant_id
        return open_for(session, Kind.STAFF, invitation.merchant_id, staff.id, visitor=visitor, after=old, now=now)


def _open(session: Session, link: str, *doors: Door, now: datetime) -> tuple[Invitation, invitations.Shown]:
    invitation = stored.invitation_by_link(session, token_hash(link), lock=True)
    if invitation is None:
        raise NoResultFound
    seen = invitations.shown(session, invitation, now=now)
    if seen.door not in doors:
        raise NoResultFound
    return invitation, seen


def _secret(ctx: Context, invitation: Invitation) -> str | None:
    box = invitation.totp_secret
    return ctx.vault.open(box, purpose=TOTP_SECRET, row=invitation.id) if box else None


def _new(session: Session, invitation: Invitation) -> Staff:
    """Return a new person; one who has left every team begins anew under the same address."""
    lock_address(session, invitation.email)  # two merchants may invite one address at once
    person = stored.of_address(session, invitation.email, lock=True)
    if person is None:
        person = Staff(id=uuid.uuid4(), email=invitation.email, totp_secret=b"", password_hash="")
        session.add(person)
    person.merchant_id, person.locale = invitation.merchant_id, invitation.locale
    person.name, person.password_hash = invitation.name, invitation.password_hash or ""
    return person


def _renewed(session: Session, invitation: Invitation) -> Staff:
    person = session.get_one(Staff, invitation.staff_id, with_for_update={"key_share": True})
    person.password_hash = invitation.password_hash or ""
    person.merchant_id = invitation.merchant_id
    return person


def _join(session: Session, invitation: Invitation, person: Staff, *, now: datetime) -> None:
    """Join the team unless a second invitation has done so meanwhile."""
    team = stored.lock_team(session, invitation.merchant_id)
    if person.id not in team:
        by = staff_acts.by(invitation.by_id) if invitation.by_id else staff_acts.by(person.id)
        memberships.join(session, person, invitation.merchant_id, invitation.role, by=by, at=now)

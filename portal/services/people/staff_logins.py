"""Staff log in with a password (Argon2id) and a second factor (TOTP, or a recovery code once): always both.

A passkey is both at once, or the second alone (`passkey_logins`).

law.md R-GD-9 to R-GD-11: tries are limited, and the time is the same whether somebody is known or not.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import structlog
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.audit import OPERATOR, Act, By
from portal.domain.policies import Role
from portal.models import LoginSession, Merchant, Staff
from portal.queries.people import staff as stored
from portal.queries.people.people import Kind, Person
from portal.services import throttles
from portal.services.context import Context
from portal.services.people import invitations, memberships, staff_acts, staff_alerts, staff_devices, staff_factors
from portal.services.people.logins import normal_email
from portal.services.people.sessions import Visitor, open_for
from portal.services.people.staff_passwords import LONGEST, check_strength
from portal.services.throttles import Limit

log = structlog.get_logger("portal.staff_logins")

QUARTER: Final = timedelta(minutes=15)
TRIES: Final = 10  # in a quarter of an hour


class NewStaff(NamedTuple):
    """A new person at the desk and what they must be shown once: never stored in clear."""

    staff: Staff
    totp_uri: str
    totp_secret: str
    recovery_codes: list[str]


def create_staff(
    ctx: Context,
    session: Session,
    *,
    merchant_id: uuid.UUID,
    email: str,
    name: str,
    role: Role,
    password: str,
    locale: str | None = None,
    by: By = OPERATOR,
) -> NewStaff:
    """Create a staff member in the caller's transaction, in the merchant's language by default; raise WeakPassword."""
    check_strength(password, own=(email, name))
    secret = staff_factors.new_secret()
    person = Staff(
        id=uuid.uuid4(),
        merchant_id=merchant_id,
        email=normal_email(email),
        name=name,
        locale=locale or session.get_one(Merchant, merchant_id).locale,
        password_hash=ctx.passwords.hash(password),
        totp_secret=b"",
    )
    session.add(person)
    codes = staff_factors.give(ctx, session, person, secret)
    memberships.join(session, person, merchant_id, role, by=by, at=utc_now())
    return NewStaff(
        staff=person, totp_uri=staff_factors.uri(secret, person.email), totp_secret=secret, recovery_codes=codes
    )


def check_password(
    ctx: Context, email: str, password: str, *, network: str, own_count: str = "", now: datetime
) -> uuid.UUID | None:
    """Return who has that address and password, None for nobody; raise TooManyTries. The time is the same.

    `own_count` names what the tries are counted by instead of address and network, where strangers have no part in
    it: a browser that the mailed link has unlocked, or a session.
    """
    email = normal_email(email)
    limits = (
        Limit(name="staff_address", who=email, count=TRIES, window=QUARTER),
        Limit(name="staff_network", who=network, count=30, window=QUARTER),
    )
    own = Limit(name="staff_own", who=own_count, count=TRIES, window=QUARTER)
    throttles.hit(ctx, *((own,) if own_count else limits), now=now)
    with ctx.db.read() as session:
        person = stored.by_email(session, email)
    right = ctx.passwords.verify(password[:LONGEST], person.password_hash if person else None)
    if person is None or not right:
        log.info("staff_login.refused", reason="password", staff_id=str(person.id) if person else None, network=network)
        if person is not None:
            staff_alerts.refused(ctx, person, Act.PASSWORD_REFUSED, now=now)
        return None
    return person.id


def enter(
    ctx: Context,
    staff_id: uuid.UUID,
    code: str,
    *,
    visitor: Visitor,
    own_count: str = "",
    again_at: uuid.UUID | None = None,
    now: datetime,
) -> str | None:
    """Open a session with the second factor; return its token, None for a wrong or used code; raise TooManyTries.

    Only for somebody whose password was just checked; `again_at`: the merchant at whose desk they were already.
    """
    throttles.hit(ctx, staff_factors.tries(f"{staff_id}/{own_count}" if own_count else str(staff_id)), now=now)
    with ctx.db.begin() as session:
        person = stored.lock(session, staff_id)
        if person is not None and staff_factors.is_right(ctx, session, person, code, now=now):
            return let_in(ctx, session, person, visitor=visitor, again_at=again_at, now=now)
    log.info("staff_login.refused", reason="second factor", staff_id=str(staff_id), network=visitor.network)
    if person is not None:
        staff_alerts.refused(ctx, person, Act.FACTOR_REFUSED, now=now)
    return None


def let_in(
    ctx: Context,
    session: Session,
    person: Staff,
    *,
    visitor: Visitor,
    again_at: uuid.UUID | None,
    now: datetime,
    **details: str,
) -> str:
    """Open a session for somebody whose factors were right, in the caller's transaction; return its token.

    Whoever has both factors has lost nothing: what would renew them is taken back.
    """
    person.merchant_id = again_at or _desk_of(session, person)
    staff_acts.tell(session, person, Act.LOGGED_IN, at=now, again=again_at is not None, **details)
    staff_devices.meet(ctx, session, person, visitor, now=now)
    invitations.stop_renewals(session, person, now=now)
    return open_for(session, Kind.STAFF, person.merchant_id, person.id, visitor=visitor, now=now)


def confirm(ctx: Context, person: Person, password: str, code: str, *, visitor: Visitor, now: datetime) -> str | None:
    """Ask for both factors again before a sensitive page; return a new session's token, None if either is wrong."""
    own = str(person.session_id)
    if check_password(ctx, person.email or "", password, network=visitor.network, own_count=own, now=now) != person.id:
        return None
    return enter(ctx, person.id, code, visitor=visitor, own_count=own, again_at=person.merchant_id, now=now)


def change_desk(ctx: Context, person: Person, merchant_id: uuid.UUID, *, visitor: Visitor, now: datetime) -> str:
    """Open a session at another merchant's desk where the person works too, in place of this one; return its token.

    It is as old as this one: both factors are asked again when they would have been.  Raises NoResultFound.
    """
    with ctx.db.begin() as session:
        staff = stored.lock(session, person.id)
        if staff is None or merchant_id not in {desk.merchant_id for desk in stored.desks(session, person.id)}:
            raise NoResultFound
        staff.merchant_id = merchant_id
        staff_acts.tell(session, staff, Act.LOGGED_IN, at=now, again=True)
        old = session.get_one(LoginSession, person.session_id)
        if old.revoked_at is not None:  # ended while this waited for the person's row
            raise NoResultFound
        return open_for(session, Kind.STAFF, merchant_id, person.id, visitor=visitor, after=old, now=now)


def _desk_of(session: Session, person: Staff) -> uuid.UUID:
    """Return where the person works now: as before, else where they have worked longest."""
    desks = [desk.merchant_id for desk in stored.desks(session, person.id)]
    return person.merchant_id if person.merchant_id in desks else desks[0]

"""Staff log in with a password (Argon2id) and a second factor (TOTP, or a recovery code once): always both.

law.md R-GD-9 to R-GD-11: sixteen characters or more, any characters, no forced change; tries are limited.
"""

from __future__ import annotations

import hmac
import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import pyotp
import structlog
from sqlalchemy import update
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain import typed_codes
from portal.domain.audit import OPERATOR, Act, By
from portal.domain.end_requests import Channel
from portal.domain.policies import Actor, Role
from portal.models import LoginSession, Merchant, RecoveryCode, Staff
from portal.queries.people import people
from portal.queries.people.people import Kind, Person
from portal.secrets import token_hash
from portal.services import throttles
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.people import staff_alerts, staff_devices
from portal.services.people.logins import normal_email
from portal.services.people.sessions import Visitor, open_for
from portal.services.throttles import Limit

log = structlog.get_logger("portal.staff_logins")

TOTP_SECRET: Final = "staff.totp_secret"  # noqa: S105 - the purpose a box is sealed for, not a secret
STEP: Final = 30  # seconds of one TOTP step (RFC 6238)
SHORTEST: Final = 16
LONGEST: Final = 256  # a longer one only costs the server time
RECOVERY_CODES: Final = 10
QUARTER: Final = timedelta(minutes=15)
TRIES: Final = 10  # in a quarter of an hour
_ALPHABET: Final = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 letters and digits that nobody confuses


class WeakPassword(ValueError):
    """The password is too short, too long, or made of almost nothing; the message is English and for the operator."""


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
    check_strength(password, email=email)
    totp_secret = pyotp.random_base32()
    staff_id = uuid.uuid4()
    staff = Staff(
        id=staff_id,
        merchant_id=merchant_id,
        email=normal_email(email),
        name=name,
        role=role,
        locale=locale or session.get_one(Merchant, merchant_id).locale,
        password_hash=ctx.passwords.hash(password),
        totp_secret=ctx.vault.seal(totp_secret, purpose=TOTP_SECRET, row=staff_id),
        totp_last_step=0,
    )
    session.add(staff)
    session.flush()
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(staff_id=staff.id, code_hash=token_hash(typed_codes.compact(code))) for code in codes)
    about = ("staff", staff.id)
    audit.append(session, merchant_id, Act.STAFF_HIRED, by=by, at=utc_now(), subject=about, role=role)
    uri = pyotp.TOTP(totp_secret).provisioning_uri(name=staff.email, issuer_name="Portal")
    return NewStaff(staff=staff, totp_uri=uri, totp_secret=totp_secret, recovery_codes=codes)


def check_strength(password: str, *, email: str) -> None:
    """Raise WeakPassword unless the password has 16 to 256 characters that are not one word over and over."""
    if len(password) < SHORTEST:
        raise WeakPassword(f"a password needs at least {SHORTEST} characters")
    if len(password) > LONGEST:
        raise WeakPassword(f"a password has at most {LONGEST} characters")
    if len(set(password)) < 6:
        raise WeakPassword("this password is made of too few different characters")
    address = normal_email(email)
    rest = password.lower().replace(address, "").replace(address.partition("@")[0], "")
    if len(rest) < SHORTEST // 2:
        raise WeakPassword("this password is almost only the email address")


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
        staff = people.staff_by_email(session, email)
    right = ctx.passwords.verify(password[:LONGEST], staff.password_hash if staff else None)
    if staff is None or not right:
        log.info("staff_login.refused", reason="password", staff_id=str(staff.id) if staff else None, network=network)
        if staff is not None:
            staff_alerts.refused(ctx, staff, Act.PASSWORD_REFUSED, now=now)
        return None
    return staff.id


def enter(
    ctx: Context,
    staff_id: uuid.UUID,
    code: str,
    *,
    visitor: Visitor,
    own_count: str = "",
    again: bool = False,
    now: datetime,
) -> str | None:
    """Open a session with the second factor; return its token, None for a wrong or used code; raise TooManyTries.

    Only for somebody whose password was just checked; `again` when they were logged in already.
    """
    who = f"{staff_id}/{own_count}" if own_count else str(staff_id)
    throttles.hit(ctx, Limit(name="staff_factor", who=who, count=TRIES, window=QUARTER), now=now)
    with ctx.db.begin() as session:
        staff = people.lock_staff(session, staff_id)
        if staff is not None and _second_factor(ctx, session, staff, code, now=now):
            _tell(session, staff, Act.LOGGED_IN, at=now, again=again)
            staff_devices.meet(ctx, session, staff, visitor, now=now)
            return open_for(session, Kind.STAFF, staff.merchant_id, staff.id, visitor=visitor, now=now)
    log.info("staff_login.refused", reason="second factor", staff_id=str(staff_id), network=visitor.network)
    if staff is not None:
        staff_alerts.refused(ctx, staff, Act.FACTOR_REFUSED, now=now)
    return None


def confirm(ctx: Context, person: Person, password: str, code: str, *, visitor: Visitor, now: datetime) -> str | None:
    """Ask for both factors again before a sensitive page; return a new session's token, None if either is wrong."""
    own = str(person.session_id)
    if check_password(ctx, person.email or "", password, network=visitor.network, own_count=own, now=now) != person.id:
        return None
    return enter(ctx, person.id, code, visitor=visitor, own_count=own, again=True, now=now)


def _second_factor(ctx: Context, session: Session, staff: Staff, code: str, *, now: datetime) -> bool:
    recovery = people.unused_recovery_code(session, staff.id, token_hash(typed_codes.compact(code)))
    if recovery is None:
        return _totp(ctx, staff, typed_codes.six_digits(code), now=now)
    recovery.used_at = now
    left = people.recovery_codes_left(session, staff.id)
    log.warning("staff_login.recovery_code_used", staff_id=str(staff.id), left=left)
    _tell(session, staff, Act.RECOVERY_CODE_USED, at=now, left=left)
    staff_alerts.recovery_code(ctx, session, staff, key=str(recovery.id), left=left, now=now)
    return True


def _tell(session: Session, staff: Staff, act: Act, *, at: datetime, **details: Any) -> None:
    by = By(actor=Actor.STAFF, actor_id=staff.id, channel=Channel.STAFF)
    audit.append(session, staff.merchant_id, act, by=by, at=at, **details)


def _totp(ctx: Context, staff: Staff, code: str, *, now: datetime) -> bool:
    """Accept the code of this step or a neighbour, if no code of that step or a later one was used before."""
    totp = pyotp.TOTP(ctx.vault.open(staff.totp_secret, purpose=TOTP_SECRET, row=staff.id))
    current = int(now.timestamp()) // STEP
    for step in (current - 1, current, current + 1):
        if hmac.compare_digest(totp.at(step * STEP).encode(), code.encode()) and step > staff.totp_last_step:
            staff.totp_last_step = step
            return True
    return False


def _recovery_code() -> str:
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(6))
    return "-".join(groups)  # 120 bits: a plain hash is enough (ASVS 6.5.2)


def sign_out_everywhere(session: Session, staff_id: uuid.UUID, *, now: datetime) -> None:
    """End every session of a staff member, in the caller's transaction: for an operator or an owner."""
    session.execute(
        update(LoginSession)
        .where(LoginSession.staff_id == staff_id, LoginSession.revoked_at.is_(None))
        .values(revoked_at=now)
    )

"""The second factor: a code of the person's app (TOTP, RFC 6238), or a recovery code once in its place."""

from __future__ import annotations

import hmac
import secrets
import uuid
from datetime import datetime, timedelta
from typing import Final

import pyotp
import structlog
from sqlalchemy import delete
from sqlalchemy.orm import Session

from portal.domain import typed_codes
from portal.domain.audit import Act
from portal.models import RecoveryCode, Staff
from portal.queries.people import staff as stored
from portal.secrets import token_hash
from portal.services.context import Context
from portal.services.people import staff_acts, staff_alerts
from portal.services.throttles import Limit

log = structlog.get_logger("portal.staff_logins")

TOTP_SECRET: Final = "staff.totp_secret"  # noqa: S105 - the purpose a box is sealed for, not a secret
STEP: Final = 30  # seconds of one TOTP step
RECOVERY_CODES: Final = 10
QUARTER: Final = timedelta(minutes=15)
TRIES: Final = 10  # in a quarter of an hour
_ALPHABET: Final = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 letters and digits that nobody confuses


def tries(who: str) -> Limit:
    """Return how often somebody may try a code."""
    return Limit(name="staff_factor", who=who, count=TRIES, window=QUARTER)


def new_secret() -> str:
    """Return a secret for an authenticator app."""
    return pyotp.random_base32()


def uri(secret: str, email: str) -> str:
    """Return what an authenticator app reads, from a picture or by a link."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name="Portal")


def step_of(secret: str, code: str, *, after: int = 0, now: datetime) -> int | None:
    """Return the step whose code this is, of this moment or a neighbour and later than `after`; None for none."""
    totp, current = pyotp.TOTP(secret), int(now.timestamp()) // STEP
    for step in (current - 1, current, current + 1):
        if step > after and hmac.compare_digest(totp.at(step * STEP).encode(), code.encode()):
            return step
    return None


def is_right(ctx: Context, session: Session, person: Staff, code: str, *, now: datetime) -> bool:
    """Take a code of the person's app, or a recovery code, each once. The person's row is locked by the caller."""
    recovery = stored.unused_recovery_code(session, person.id, token_hash(typed_codes.compact(code)))
    if recovery is not None:
        _use(ctx, session, person, recovery, now=now)
        return True
    secret = ctx.vault.open(person.totp_secret, purpose=TOTP_SECRET, row=person.id)
    step = step_of(secret, typed_codes.six_digits(code), after=person.totp_last_step, now=now)
    if step is not None:
        person.totp_last_step = step
    return step is not None


def give(ctx: Context, session: Session, person: Staff, secret: str, *, step: int = 0) -> list[str]:
    """Give the person a new app secret and new recovery codes; return the codes, to be shown once. `step`: used."""
    person.totp_secret = ctx.vault.seal(secret, purpose=TOTP_SECRET, row=person.id)
    person.totp_last_step = step
    session.flush()
    return new_recovery_codes(session, person.id)


def new_recovery_codes(session: Session, staff_id: uuid.UUID) -> list[str]:
    """Replace the person's recovery codes; return the new ones, to be shown once: only their hashes are kept."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff_id))
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(staff_id=staff_id, code_hash=token_hash(typed_codes.compact(code))) for code in codes)
    return codes


def _use(ctx: Context, session: Session, person: Staff, recovery: RecoveryCode, *, now: datetime) -> None:
    recovery.used_at = now
    left = stored.recovery_codes_left(session, person.id)
    log.warning("staff_login.recovery_code_used", staff_id=str(person.id), left=left)
    staff_acts.tell(session, person, Act.RECOVERY_CODE_USED, at=now, left=left)
    staff_alerts.recovery_code(ctx, session, person, key=str(recovery.id), left=left, now=now)


def _recovery_code() -> str:
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(6))
    return "-".join(groups)  # 120 bits: a plain hash is enough (ASVS 6.5.2)

"""A passkey in the place of password and code, of the code alone, or of both where they are asked for again.

One that is refused is told like a wrong password or code: in the audit chain, and by mail when it is a spree.  Of one
that may have been copied its person is told at once.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.orm import Session

from portal.domain.audit import Act
from portal.domain.people.passkeys import PasskeyRefused, Refusal, is_copy
from portal.models import Passkey, Staff
from portal.queries.people import passkeys as stored
from portal.queries.people import staff as people
from portal.queries.people.people import Person
from portal.services import throttles
from portal.services.context import Context
from portal.services.people import passkey_ceremonies, passkey_challenges, staff_alerts, staff_factors, staff_logins
from portal.services.people.passkey_ceremonies import Answer, Shown
from portal.services.people.sessions import Visitor
from portal.services.throttles import Limit

log = structlog.get_logger("portal.passkeys")

QUARTER: Final = timedelta(minutes=15)
TRIES: Final = 30  # of a network in a quarter of an hour: whose passkey it is, is not known before


def begin(ctx: Context, challenge: bytes) -> str:
    """Return what a browser is asked for to let a passkey answer, as JSON: the same for everybody."""
    return passkey_ceremonies.to_answer(ctx.base_url, challenge)


def log_in(ctx: Context, shown: Shown, *, visitor: Visitor, now: datetime) -> str:
    """Open a session for whoever the passkey belongs to; return its token. Raises PasskeyRefused, TooManyTries."""
    throttles.hit(ctx, Limit(name="passkey_network", who=visitor.network, count=TRIES, window=QUARTER), now=now)
    return _enter(ctx, shown, visitor=visitor, now=now)


def enter(
    ctx: Context, staff_id: uuid.UUID, shown: Shown, *, visitor: Visitor, own_count: str = "", now: datetime
) -> str:
    """Open a session with a passkey as the second factor, as `staff_logins.enter` does with a code. Raises the same."""
    throttles.hit(ctx, staff_factors.tries(f"{staff_id}/{own_count}" if own_count else str(staff_id)), now=now)
    return _enter(ctx, shown, of=staff_id, visitor=visitor, now=now)


def confirm(ctx: Context, person: Person, shown: Shown, *, visitor: Visitor, now: datetime) -> str:
    """Take a passkey of the person for both factors before a sensitive page; return a new session's token.

    Raises PasskeyRefused, TooManyTries.
    """
    throttles.hit(ctx, staff_factors.tries(f"{person.id}/{person.session_id}"), now=now)
    return _enter(ctx, shown, of=person.id, again_at=person.merchant_id, visitor=visitor, now=now)


def _enter(
    ctx: Context,
    shown: Shown,
    *,
    visitor: Visitor,
    of: uuid.UUID | None = None,
    again_at: uuid.UUID | None = None,
    now: datetime,
) -> str:
    passkey_challenges.spend(ctx, shown.challenge, now=now)
    answer = passkey_ceremonies.read(shown)
    try:
        with ctx.db.begin() as session:
            person, passkey = _whose(session, answer, of)
            count = passkey_ceremonies.check(ctx.base_url, shown, answer, passkey.public_key)
            if is_copy(passkey.sign_count, count):
                raise PasskeyRefused(Refusal.COPIED)
            passkey.sign_count, passkey.last_used_at = count, now
            return staff_logins.let_in(
                ctx, session, person, visitor=visitor, again_at=again_at, now=now, passkey=str(passkey.id)
            )
    except PasskeyRefused as refused:
        log.info("staff_login.refused", reason=f"passkey {refused.refusal}", network=visitor.network)
        _tell(ctx, answer, of, refused.refusal, now=now)
        raise


def _whose(session: Session, answer: Answer, of: uuid.UUID | None) -> tuple[Staff, Passkey]:
    """Return the passkey that calls itself so and its person, who may come in and is locked; raise PasskeyRefused.

    `of`: whose it has to be.
    """
    owner_id = stored.owner_of(session, answer.credential_id)
    person = people.lock(session, owner_id) if owner_id and of in (None, owner_id) else None
    passkey = stored.by_credential(session, answer.credential_id)  # it may have been removed before the lock
    if person is None or passkey is None or answer.user_handle != person.id.bytes:
        raise PasskeyRefused(Refusal.NOT_TAKEN)
    return person, passkey


def _tell(ctx: Context, answer: Answer, of: uuid.UUID | None, refusal: Refusal, *, now: datetime) -> None:
    """Tell the person whose factor it was to be, or whose passkey it is: of an unknown one nobody is told."""
    with ctx.db.read() as session:
        about = of or stored.owner_of(session, answer.credential_id)
        person = session.get(Staff, about) if about and people.desks(session, about) else None
        passkey = stored.by_credential(session, answer.credential_id)
    if person is None:
        return
    if refusal is Refusal.COPIED and passkey is not None:
        staff_alerts.passkey_copied(ctx, person, passkey, now=now)
    else:
        staff_alerts.refused(ctx, person, Act.PASSKEY_REFUSED, now=now)

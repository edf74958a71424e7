"""One's own passkeys: added, named and removed by somebody who has just given both factors."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from portal.domain.audit import Act
from portal.domain.people.passkeys import MOST, PasskeyRefused, Refusal
from portal.models import Passkey, Staff
from portal.queries.people import passkeys as stored
from portal.queries.people.people import Person
from portal.services import throttles
from portal.services.context import Context
from portal.services.people import passkey_ceremonies, passkey_challenges, staff_acts, staff_alerts, staff_factors
from portal.services.people.passkey_ceremonies import Shown
from portal.services.people.sessions import end_all


def begin(ctx: Context, person: Person, challenge: bytes) -> str:
    """Return what a browser is asked for to make the person a passkey, as JSON. Raises PasskeyRefused beyond `MOST`."""
    with ctx.db.read() as session:
        known = stored.all_of(session, person.id)
        if len(known) >= MOST:
            raise PasskeyRefused(Refusal.TOO_MANY)
        staff = session.get_one(Staff, person.id)
    ids = [one.credential_id for one in known]
    return passkey_ceremonies.to_make(ctx.base_url, staff, known=ids, challenge=challenge)


def add(ctx: Context, person: Person, shown: Shown, name: str, *, now: datetime) -> None:
    """Keep a passkey that the person's browser has made; they are told. Raises PasskeyRefused, TooManyTries."""
    throttles.hit(ctx, staff_factors.tries(f"{person.id}/new"), now=now)
    passkey_challenges.spend(ctx, shown.challenge, now=now)
    made = passkey_ceremonies.made(ctx.base_url, shown)
    with ctx.db.begin() as session:
        staff = _lock(session, person)
        if stored.by_credential(session, made.credential_id) is not None:
            raise PasskeyRefused(Refusal.KNOWN)
        if len(stored.all_of(session, staff.id)) >= MOST:
            raise PasskeyRefused(Refusal.TOO_MANY)
        row = Passkey(id=uuid.uuid4(), staff_id=staff.id, name=name, created_at=now, **vars(made))
        session.add(row)
        staff_acts.tell(session, staff, Act.PASSKEY_ADDED, at=now, passkey=str(row.id))
        staff_alerts.passkey_added(ctx, session, staff, name=name, now=now)


def rename(ctx: Context, person: Person, passkey_id: uuid.UUID, name: str, *, now: datetime) -> None:
    """Call a passkey otherwise. Raises NoResultFound for anybody else's."""
    with ctx.db.begin() as session:
        staff = _lock(session, person)
        row = stored.one_of(session, staff.id, passkey_id)
        if row.name != name:
            row.name = name
            staff_acts.tell(session, staff, Act.PASSKEY_RENAMED, at=now, passkey=str(row.id))


def remove(ctx: Context, person: Person, passkey_id: uuid.UUID, *, now: datetime) -> None:
    """Let a passkey open nothing any more, and end what it may have opened; they are told. Raises NoResultFound."""
    with ctx.db.begin() as session:
        staff = _lock(session, person)
        row = stored.one_of(session, staff.id, passkey_id)
        session.delete(row)
        end_all(session, staff.id, but=person.session_id, now=now)
        staff_acts.tell(session, staff, Act.PASSKEY_REMOVED, at=now, passkey=str(row.id))
        staff_alerts.passkey_removed(ctx, session, staff, name=row.name, now=now)


def forget(session: Session, staff_id: uuid.UUID) -> None:
    """Drop every passkey of somebody whose factors begin anew, in the caller's transaction."""
    session.execute(delete(Passkey).where(Passkey.staff_id == staff_id))


def _lock(session: Session, person: Person) -> Staff:
    staff = session.get_one(Staff, person.id, with_for_update={"key_share": True})
    staff.merchant_id = person.merchant_id  # where they are: it is told there
    return staff

"""Strangers who use up the tries of a staff address keep nobody out: a mailed link opens the log-in page again.

The link gives one browser tries of its own, which no stranger can use up.  It opens nothing else: password and
second factor are asked as ever.  An unknown address gets the same answer after the same work.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete
from sqlalchemy.orm import Session

from portal.domain import login_mails
from portal.domain.audit import Act, By
from portal.domain.end_requests import Channel
from portal.domain.login_mails import LIFETIME, Sent
from portal.models import Staff, StaffUnlock
from portal.queries.people import people, sessions
from portal.secrets import new_token, token_hash
from portal.services import throttles
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.people import staff_alerts
from portal.services.people.logins import QUARTER, normal_email
from portal.services.throttles import Limit, TooManyTries

log = structlog.get_logger("portal.staff_unlocks")


@dataclass(frozen=True)
class Unlocked:
    """Whose log-in page is open in a browser; `id` counts its tries apart from everybody else's."""

    id: uuid.UUID
    email: str


def offer(ctx: Context, email: str, *, network: str, language: str, now: datetime) -> bool:
    """Send a link unless the address's last one is live; say whether one leaves. Raises TooManyTries."""
    email = normal_email(email)
    throttles.hit(ctx, Limit(name="staff_unlock", who=network, count=30, window=QUARTER), now=now)
    with ctx.db.begin() as session:
        sessions.lock_address(session, email)
        rows = sessions.unlocks_of(session, email, after=now - login_mails.PERIOD)
        sent = [_sent(row) for row in rows]
        live = next((one for one in sent if one.is_live(now)), None)
        wait = login_mails.wait(sent, network, now=now)
        if live is None and wait > timedelta():
            raise TooManyTries("staff_unlock_mails", wait)
        if live is not None and (now < live.renewable_at() or wait > timedelta()):
            return False
        _send(ctx, session, email, network=network, language=language, now=now)
    return True


def _sent(row: StaffUnlock) -> Sent:
    return Sent(at=row.created_at, until=row.expires_at, network=row.network, is_used=row.consumed_at is not None)


def _send(ctx: Context, session: Session, email: str, *, network: str, language: str, now: datetime) -> None:
    known, link = people.staff_by_email(session, email), new_token()
    unlock = StaffUnlock(
        id=uuid.uuid4(),
        email=email,
        staff_id=known.id if known else None,
        link_hash=token_hash(link),
        network=network,
        expires_at=now + LIFETIME,
        created_at=now,
    )
    session.add(unlock)
    session.flush()
    somebody = known or people.any_staff(session)
    if somebody is None:
        return
    savepoint = session.begin_nested()
    staff_alerts.unlock(
        ctx, session, somebody, key=str(unlock.id), path=f"/admin/login/link/{link}", language=language, now=now
    )
    if known is None:
        savepoint.rollback()
    else:
        savepoint.commit()
    log.info("staff_unlock.asked", unlock_id=str(unlock.id))


def can_open(ctx: Context, link: str, *, now: datetime) -> bool:
    """Say, changing nothing, whether the link still opens the log-in page."""
    with ctx.db.read() as session:
        unlock = sessions.unlock_by_link(session, token_hash(link))
        return unlock is not None and _sent(unlock).is_live(now)


def open_once(ctx: Context, link: str, *, now: datetime) -> Unlocked | None:
    """Use the link, once; None when it is used or too old."""
    with ctx.db.begin() as session:
        unlock = sessions.unlock_by_link(session, token_hash(link), lock=True)
        if unlock is None or unlock.staff_id is None or not _sent(unlock).is_live(now):
            log.info("staff_unlock.refused")
            return None
        unlock.consumed_at = now
        staff, by = session.get_one(Staff, unlock.staff_id), By(channel=Channel.STAFF)
        audit.append(session, staff.merchant_id, Act.LOGIN_UNLOCKED, by=by, at=now, subject=("staff", staff.id))
        return Unlocked(unlock.id, unlock.email)


def purge(ctx: Context, *, before: datetime) -> int:
    """Delete links that ran out before `before`: they hold addresses; return how many."""
    with ctx.db.begin() as session:
        return session.connection().execute(delete(StaffUnlock).where(StaffUnlock.expires_at < before)).rowcount

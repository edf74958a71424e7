"""Links mailed to the desk, each good once: for the log-in page whose tries are used up, and for a new password.

Strangers who use up the tries of an address keep nobody out: the first gives one browser tries of its own, which no
stranger can use up.  Neither opens anything alone: both factors, or for a new password the second one, are asked as
ever.  An unknown address gets the same answer after the same work.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.ends.end_requests import Channel
from portal.domain.people import login_mails
from portal.domain.people.login_mails import LIFETIME, LinkPurpose, Sent
from portal.models import Staff, StaffLink
from portal.queries.people import sessions
from portal.queries.people import staff as stored
from portal.secrets import new_token, token_hash
from portal.services import throttles
from portal.services.audit import audit
from portal.services.batches import delete_all
from portal.services.context import Context
from portal.services.people import staff_alerts
from portal.services.people.logins import QUARTER, normal_email
from portal.services.throttles import Limit, TooManyTries

log = structlog.get_logger("portal.staff_links")

PATHS: Final = {
    LinkPurpose.LOG_IN: "/admin/login/link/",
    LinkPurpose.PASSWORD: "/admin/password/link/",
}


@dataclass(frozen=True)
class Unlocked:
    """Whose log-in page is open in a browser; `id` counts its tries apart from everybody else's."""

    id: uuid.UUID
    email: str


def offer(ctx: Context, email: str, purpose: LinkPurpose, *, network: str, language: str, now: datetime) -> bool:
    """Send a link unless the address's last one is live; say whether one leaves. Raises TooManyTries."""
    email = normal_email(email)
    throttles.hit(ctx, Limit(name=f"staff_link_{purpose}", who=network, count=30, window=QUARTER), now=now)
    with ctx.db.begin() as session:
        sessions.lock_address(session, email)
        rows = sessions.links_of(session, email, purpose, after=now - login_mails.PERIOD)
        sent = [_sent(row) for row in rows]
        live = next((one for one in sent if one.is_live(now)), None)
        wait = login_mails.wait(sent, network, now=now)
        if live is None and wait > timedelta():
            raise TooManyTries("staff_link_mails", wait)
        if live is not None and (now < live.renewable_at() or wait > timedelta()):
            return False
        _send(ctx, session, email, purpose, network=network, language=language, now=now)
    return True


def _sent(row: StaffLink) -> Sent:
    return Sent(at=row.created_at, until=row.expires_at, network=row.network, is_used=row.consumed_at is not None)


def _send(
    ctx: Context, session: Session, email: str, purpose: LinkPurpose, *, network: str, language: str, now: datetime
) -> None:
    known, link = stored.by_email(session, email), new_token()
    row = StaffLink(
        id=uuid.uuid4(),
        email=email,
        staff_id=known.id if known else None,
        link_hash=token_hash(link),
        purpose=purpose,
        network=network,
        expires_at=now + LIFETIME,
        created_at=now,
    )
    session.add(row)
    session.flush()
    somebody = known or stored.somebody(session)
    if somebody is None:
        return
    savepoint = session.begin_nested()
    path = PATHS[purpose] + link
    staff_alerts.link(ctx, session, somebody, purpose, key=str(row.id), path=path, language=language, now=now)
    if known is None:
        savepoint.rollback()
    else:
        savepoint.commit()
    log.info("staff_link.asked", purpose=purpose.value, link_id=str(row.id))


def can_open(ctx: Context, link: str, purpose: LinkPurpose, *, now: datetime) -> bool:
    """Say, changing nothing, whether the link still opens what it is for."""
    with ctx.db.read() as session:
        return live(session, link, purpose, now=now) is not None


def live(session: Session, link: str, purpose: LinkPurpose, *, now: datetime, lock: bool = False) -> StaffLink | None:
    """Return the link's row while it opens something, else None; `lock` keeps it until the transaction ends."""
    row = sessions.staff_link(session, token_hash(link), purpose, lock=lock)
    return row if row is not None and _sent(row).is_live(now) else None


def use(session: Session, link: str, purpose: LinkPurpose, *, now: datetime) -> StaffLink | None:
    """Use the link, once, in the caller's transaction; None when it is used, too old or nobody's."""
    row = live(session, link, purpose, now=now, lock=True)
    if row is None or row.staff_id is None:
        log.info("staff_link.refused", purpose=purpose.value)
        return None
    row.consumed_at = now
    return row


def open_once(ctx: Context, link: str, *, now: datetime) -> Unlocked | None:
    """Open the log-in page in one browser; None for a link that is used or too old."""
    with ctx.db.begin() as session:
        row = use(session, link, LinkPurpose.LOG_IN, now=now)
        if row is None or row.staff_id is None:
            return None
        staff, by = session.get_one(Staff, row.staff_id), By(channel=Channel.STAFF)
        audit.append(session, staff.merchant_id, Act.LOGIN_UNLOCKED, by=by, at=now, subject=("staff", staff.id))
        return Unlocked(row.id, row.email)


def purge(ctx: Context, *, before: datetime) -> int:
    """Delete links that ran out before `before`: they hold addresses; return how many."""
    return delete_all(ctx.db, StaffLink, StaffLink.expires_at < before)

"""Invitations to a merchant's desk, and the renewal of what a member has lost: links that open once.

A new person chooses name and password, then proves a second factor; only then do they exist.  Somebody who works here
for another merchant logs in as ever and accepts.  A renewal opens a day after it was asked for, its person is told at
once, and a log-in of theirs takes it back (ASVS 6.4.4).  Opening a link changes nothing: scanners open links.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.orm import Session

from portal.domain.audit import OPERATOR, Act, By
from portal.domain.errors import Denial, NotAllowed
from portal.domain.people.invitations import DELAY, LIFETIME, Door, door
from portal.domain.policies import Actor, Role
from portal.i18n import pick_locale
from portal.mail import logins
from portal.models import Invitation, Membership, Merchant, Staff
from portal.queries.people import staff as stored
from portal.secrets import new_token, token_hash
from portal.services import throttles
from portal.services.audit import audit
from portal.services.batches import delete_all
from portal.services.context import Context
from portal.services.notices import outbox
from portal.services.notices.recipients import Post
from portal.services.people import staff_alerts
from portal.services.people.logins import normal_email
from portal.services.throttles import Limit

log = structlog.get_logger("portal.invitations")

PATH: Final = "/admin/invitation/"
MAILS: Final = 50  # of invitations that one merchant sends a day


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What whoever holds the link may see before they enter anything."""

    door: Door
    id: uuid.UUID
    email: str
    role: Role
    merchant: str
    by: str  # who invited; empty for the operator
    name: str  # of the invited person, as far as it was said
    staff_id: uuid.UUID | None  # of the person whose address it is, where there is one
    starts_at: datetime
    expires_at: datetime


def invite(
    ctx: Context, merchant_id: uuid.UUID, email: str, role: Role, *, by: By, by_name: str, language: str, now: datetime
) -> None:
    """Invite an address, in place of an invitation it has already.

    Raises NotAllowed for one that is in the team, TooManyTries.
    """
    email = normal_email(email)
    _pace(ctx, merchant_id, now=now)
    with ctx.db.begin() as session:
        team = stored.lock_team(session, merchant_id)
        check_leads(team, by)
        known = stored.of_address(session, email)
        if known is not None and known.id in team:
            raise NotAllowed(Denial.IN_THE_TEAM)
        for old in stored.open_invitations_to(session, email, merchant_id=merchant_id, now=now):
            close(session, old, now=now)
        invitation, link = _write(session, merchant_id, email, role, by=by, language=language, now=now)
        _mail_invitation(ctx, session, invitation, link, by_name=by_name, now=now)
        about = ("invitation", invitation.id)
        audit.append(session, merchant_id, Act.STAFF_INVITED, by=by, at=now, subject=about, role=role)


def invite_owner(
    ctx: Context, session: Session, merchant: Merchant, email: str, name: str, *, by: By, language: str, now: datetime
) -> str:
    """Invite a merchant's first owner in the caller's transaction; return the path of the link, which is mailed too.

    An earlier link of theirs opens nothing any more.  `name` stands in the form that they are shown.
    """
    email = normal_email(email)
    for old in stored.open_invitations_to(session, email, merchant_id=merchant.id, now=now):
        close(session, old, now=now)
    invitation, link = _write(session, merchant.id, email, Role.OWNER, by=by, language=language, now=now)
    invitation.name = name
    _mail_invitation(ctx, session, invitation, link, by_name="", now=now)
    about = ("invitation", invitation.id)
    audit.append(session, merchant.id, Act.STAFF_INVITED, by=by, at=now, subject=about, role=Role.OWNER)
    return PATH + link


def send_again(
    ctx: Context, merchant_id: uuid.UUID, invitation_id: uuid.UUID, *, by: By, by_name: str, now: datetime
) -> None:
    """Send an invitation once more, with a new link and a new term: the old link opens nothing any more.

    Raises NoResultFound for a closed one, a renewal's, and another merchant's; TooManyTries.
    """
    _pace(ctx, merchant_id, now=now)
    with ctx.db.begin() as session:
        invitation = stored.open_invitation(session, merchant_id, invitation_id)
        link = new_token()
        invitation.token_hash, invitation.expires_at = token_hash(link), now + LIFETIME
        invitation.password_hash = invitation.totp_secret = None
        _mail_invitation(ctx, session, invitation, link, by_name=by_name, now=now)
        about = ("invitation", invitation.id)
        audit.append(session, merchant_id, Act.STAFF_INVITED, by=by, at=now, subject=about, role=invitation.role)


def withdraw(ctx: Context, merchant_id: uuid.UUID, invitation_id: uuid.UUID, *, by: By, now: datetime) -> None:
    """Take an invitation or a renewal back: its link opens nothing any more. Raises NoResultFound."""
    with ctx.db.begin() as session:
        invitation = stored.open_invitation(session, merchant_id, invitation_id, renewals=True)
        close(session, invitation, now=now)
        audit.append(session, merchant_id, Act.INVITATION_WITHDRAWN, by=by, at=now, subject=_about(invitation))


def renew(
    ctx: Context, merchant_id: uuid.UUID, staff_id: uuid.UUID, *, by: By, by_name: str = "", now: datetime
) -> datetime:
    """Let a member of the team who has lost everything choose both factors anew, a day from now; return when.

    The operator's needs no day: whoever runs the portal has asked the person.  What another merchant has asked stays.
    Raises NoResultFound for a stranger, NotAllowed, TooManyTries.
    """
    _pace(ctx, merchant_id, now=now)
    with ctx.db.begin() as session:
        check_leads(stored.lock_team(session, merchant_id), by)
        member = stored.member(session, merchant_id, staff_id)
        person = session.get_one(Staff, staff_id)
        for old in stored.open_invitations_to(session, person.email, merchant_id=merchant_id, now=now):
            close(session, old, now=now)
        at = now if by is OPERATOR else now + DELAY
        invitation, link = _write(
            session, merchant_id, person.email, member.role, by=by, language=person.locale, now=now, starts_at=at
        )
        invitation.staff_id = person.id
        staff_alerts.renewal(ctx, session, person, invitation, path=PATH + link, by_name=by_name, now=now)
        tell_everywhere(session, person, Act.RENEWAL_ASKED, by=by, at=now)
        return at


def check_leads(team: Mapping[uuid.UUID, Membership], by: By) -> None:
    """Raise NotAllowed when whoever acts leads the locked team no more: they may have been removed a moment ago."""
    member = team.get(by.actor_id) if by.actor_id else None
    if by.actor is Actor.STAFF and (member is None or member.disabled_at is not None or member.role is not Role.OWNER):
        raise NotAllowed(Denial.ROLE_TOO_LOW)


def tell_everywhere(session: Session, person: Staff, act: Act, *, by: By, at: datetime) -> None:
    """Write what happens to somebody's log-in into the chain of every merchant whose desk it opens."""
    for desk in stored.desks(session, person.id):
        audit.append(session, desk.merchant_id, act, by=by, at=at, subject=("staff", person.id))


def close_of_leaver(session: Session, merchant_id: uuid.UUID, staff_id: uuid.UUID, *, now: datetime) -> None:
    """Close what somebody who leaves has open at a merchant's: their renewal, and the invitations they have sent."""
    for invitation in stored.invitations(session, merchant_id, now=now):
        if staff_id in (invitation.staff_id, invitation.by_id):
            close(session, invitation, now=now)


def stop_renewals(session: Session, person: Staff, *, now: datetime) -> None:
    """Take back what would renew the factors of somebody who has just used them, in the caller's transaction."""
    for invitation in stored.open_invitations_to(session, person.email, now=now):
        if invitation.staff_id == person.id:
            close(session, invitation, now=now)
            about = ("staff", person.id)
            audit.append(session, invitation.merchant_id, Act.RENEWAL_STOPPED, by=By(), at=now, subject=about)


def look(ctx: Context, link: str, *, now: datetime) -> Shown | None:
    """Return what the link opens, changing nothing; None for one that never was."""
    with ctx.db.read() as session:
        invitation = stored.invitation_by_link(session, token_hash(link))
        return shown(session, invitation, now=now) if invitation is not None else None


def shown(session: Session, invitation: Invitation, *, now: datetime) -> Shown:
    """Return what whoever holds an invitation's link may see."""
    person = stored.member_somewhere(session, invitation.email)
    inviter = session.get(Staff, invitation.by_id) if invitation.by_id else None
    return Shown(
        door=door(
            is_closed=invitation.closed_at is not None,
            starts_at=invitation.starts_at,
            expires_at=invitation.expires_at,
            is_renewal=invitation.staff_id is not None,
            is_known=person is not None,
            now=now,
        ),
        id=invitation.id,
        email=invitation.email,
        role=invitation.role,
        merchant=session.get_one(Merchant, invitation.merchant_id).name,
        by=inviter.name if inviter else "",
        name=invitation.name,
        staff_id=person.id if person else None,
        starts_at=invitation.starts_at,
        expires_at=invitation.expires_at,
    )


def close(session: Session, invitation: Invitation, *, now: datetime) -> None:
    """Let its link open nothing any more, in the caller's transaction; a mail that has not left stays here."""
    invitation.closed_at = now
    invitation.password_hash = invitation.totp_secret = None
    outbox.supersede(session, staff_alerts.renewal_key(invitation))


def purge(ctx: Context, *, before: datetime) -> int:
    """Delete invitations that ran out before `before`: they hold addresses; return how many."""
    return delete_all(ctx.db, Invitation, Invitation.expires_at < before)


def _write(
    session: Session,
    merchant_id: uuid.UUID,
    email: str,
    role: Role,
    *,
    by: By,
    language: str,
    now: datetime,
    starts_at: datetime | None = None,
) -> tuple[Invitation, str]:
    link, starts = new_token(), starts_at or now
    invitation = Invitation(
        id=uuid.uuid4(),
        merchant_id=merchant_id,
        email=email,
        role=role,
        by_id=by.actor_id,
        locale=pick_locale(language),
        token_hash=token_hash(link),
        starts_at=starts,
        expires_at=starts + LIFETIME,
        created_at=now,
    )
    session.add(invitation)
    session.flush()
    return invitation, link


def _pace(ctx: Context, merchant_id: uuid.UUID, *, now: datetime) -> None:
    """Keep a desk from being a way to write to strangers. Raises TooManyTries."""
    throttles.hit(ctx, Limit(name="invitations", who=str(merchant_id), count=MAILS, window=timedelta(days=1)), now=now)


def _about(invitation: Invitation) -> tuple[str, uuid.UUID]:
    return ("staff", invitation.staff_id) if invitation.staff_id else ("invitation", invitation.id)


def _mail_invitation(
    ctx: Context, session: Session, invitation: Invitation, link: str, *, by_name: str, now: datetime
) -> None:
    post = Post.of(ctx, session, invitation.merchant_id, now=now)
    composed = logins.staff_invitation(
        post.letterhead(invitation.locale),
        path=PATH + link,
        role=invitation.role,
        by=by_name,
        valid_until=invitation.expires_at,
    )
    key = f"staff_invitation:{invitation.id}:{now.isoformat()}"
    post.put(composed, key=key, recipient=invitation.email, language=invitation.locale)

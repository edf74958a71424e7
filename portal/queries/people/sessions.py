"""Every SELECT of sessions and of the codes that open them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, literal, select
from sqlalchemy.orm import Session

from portal.domain.people.login_mails import AHEAD, LinkPurpose
from portal.models import AccountMember, LoginBrowser, LoginChallenge, LoginSession, StaffLink
from portal.queries.people.people import Kind, Person

_LOCK: Final = 7_204_016  # keeps these locks apart from any others that are no row's


def owned_by(person: Person) -> ColumnElement[bool]:
    """Return the condition that a session belongs to the person: of the desk's people, at whichever merchant's desk."""
    if person.kind is Kind.STAFF:
        return LoginSession.staff_id == person.id
    if person.viewer_id is not None:  # who looks at a customer's pages has this one session there
        return LoginSession.id == person.session_id
    return and_(
        LoginSession.customer_id == person.id,
        LoginSession.account_member_id == (person.member.id if person.member is not None else None),
        LoginSession.merchant_id == person.merchant_id,
        LoginSession.viewer_id.is_(None),
    )


def all_of(session: Session, person: Person, *, now: datetime, seen_after: datetime) -> list[LoginSession]:
    """Return the person's live sessions, the latest seen first."""
    return list(session.scalars(_live(now, seen_after).where(owned_by(person))))


def of_account(
    session: Session, person: Person, *, now: datetime, seen_after: datetime
) -> tuple[list[LoginSession], list[tuple[LoginSession, AccountMember | None]]]:
    """Return a customer's own live sessions, and everybody else's in their account with whose each is.

    None stands for the address on file.  The desk's views are not among them, nor others' links to one task.
    """
    own = person.member.id if person.member is not None else None
    rows = session.execute(
        _live(now, seen_after)
        .add_columns(AccountMember)
        .outerjoin(AccountMember, AccountMember.id == LoginSession.account_member_id)
        .where(
            LoginSession.customer_id == person.id,
            LoginSession.merchant_id == person.merchant_id,
            LoginSession.viewer_id.is_(None),
        )
    ).all()
    mine = [row for row, _member in rows if row.account_member_id == own]
    return mine, [(row, member) for row, member in rows if row not in mine and row.task_link_id is None]


def _live(now: datetime, seen_after: datetime) -> Select[Any]:
    return (
        select(LoginSession)
        .where(
            LoginSession.revoked_at.is_(None),
            LoginSession.expires_at > now,
            LoginSession.last_seen_at > seen_after,
        )
        .order_by(LoginSession.last_seen_at.desc(), LoginSession.id)
    )


def lock_one_of(session: Session, person: Person, session_id: uuid.UUID) -> LoginSession:
    """Return one session of the person, locked; raise NoResultFound for anybody else's."""
    return session.scalars(
        select(LoginSession).where(owned_by(person), LoginSession.id == session_id).with_for_update(key_share=True)
    ).one()


def of_token(session: Session, token_hash: str, *, now: datetime, seen_after: datetime) -> LoginSession | None:
    """Return the live session that a token stands for."""
    return session.scalars(_live(now, seen_after).where(LoginSession.token_hash == token_hash)).one_or_none()


def lock_address(session: Session, email: str) -> None:
    """Let one transaction at a time decide whether a mail leaves for an address, known or not: no row stands for it."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(email, _LOCK))))


def challenges_of(session: Session, merchant_id: uuid.UUID, email: str, *, after: datetime) -> list[LoginChallenge]:
    """Return what was sent to an address of the merchant's since then, the newest first."""
    return list(
        session.scalars(
            select(LoginChallenge)
            .where(
                LoginChallenge.merchant_id == merchant_id,
                LoginChallenge.email == email,
                LoginChallenge.created_at > after,
            )
            .order_by(LoginChallenge.created_at.desc())
        )
    )


def links_of(session: Session, email: str, purpose: LinkPurpose, *, after: datetime) -> list[StaffLink]:
    """Return the links that were sent to a staff address for that since then, the newest first."""
    return list(
        session.scalars(
            select(StaffLink)
            .where(StaffLink.email == email, StaffLink.purpose == purpose, StaffLink.created_at > after)
            .order_by(StaffLink.created_at.desc())
        )
    )


def staff_link(session: Session, link_hash: str, purpose: LinkPurpose, *, lock: bool = False) -> StaffLink | None:
    """Return the staff link with that hash, used or not; `lock` keeps it until the transaction ends."""
    statement = select(StaffLink).where(StaffLink.link_hash == link_hash, StaffLink.purpose == purpose)
    return session.scalars(statement.with_for_update(key_share=True) if lock else statement).one_or_none()


def asked_in(
    session: Session, merchant_id: uuid.UUID, browser_hash: str, *, now: datetime, lock: bool = False
) -> list[tuple[LoginChallenge, LoginBrowser]]:
    """Return what is live and was asked for in the browser, the newest first, of the address it asked for last.

    Two at most: a mail that is about to run out, and the one that followed it.
    """
    statement = (
        select(LoginChallenge, LoginBrowser)
        .join(LoginBrowser, LoginBrowser.challenge_id == LoginChallenge.id)
        .where(
            LoginChallenge.merchant_id == merchant_id,
            LoginBrowser.browser_hash == browser_hash,
            LoginChallenge.consumed_at.is_(None),
            LoginChallenge.created_at <= now + AHEAD,
            LoginChallenge.expires_at > now,
        )
        .order_by(LoginBrowser.asked_at.desc(), LoginChallenge.created_at.desc())
    )
    rows = session.execute(statement.with_for_update(key_share=True) if lock else statement)
    asked = [(challenge, browser) for challenge, browser in rows]
    return [one for one in asked if one[0].email == asked[0][0].email]


def askers(challenge_id: uuid.UUID, *, of: uuid.UUID) -> Select[*tuple[Any, ...]]:
    """Return the browsers that asked for a challenge, as rows of another one that follows it: no try is used yet."""
    columns = (LoginBrowser.browser_hash, LoginBrowser.asked_at, LoginBrowser.next_path)
    return select(literal(of), literal(0), *columns).where(LoginBrowser.challenge_id == challenge_id)


def has_asked(session: Session, challenge_id: uuid.UUID, browser_hash: str) -> LoginBrowser | None:
    """Return the browser's part in a challenge, None for one that did not ask while it was live."""
    return session.get(LoginBrowser, (challenge_id, browser_hash))


def challenge_by_link(
    session: Session, merchant_id: uuid.UUID, link_hash: str, *, lock: bool = False
) -> LoginChallenge | None:
    """Return the merchant's challenge with that link, used or not; `lock` keeps it until the transaction ends."""
    statement = select(LoginChallenge).where(
        LoginChallenge.merchant_id == merchant_id, LoginChallenge.link_hash == link_hash
    )
    return session.scalars(statement.with_for_update(key_share=True) if lock else statement).one_or_none()

"""Every SELECT of sessions and of the codes that open them."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from portal.models import LoginChallenge, LoginSession
from portal.queries.people import Kind, Person


def owned_by(person: Person) -> ColumnElement[bool]:
    """Return the condition that a session belongs to the person."""
    column = LoginSession.customer_id if person.kind is Kind.CUSTOMER else LoginSession.staff_id
    return column == person.id


def all_of(session: Session, person: Person, *, now: datetime, seen_after: datetime) -> list[LoginSession]:
    """Return the person's live sessions, the latest seen first."""
    return list(
        session.scalars(
            select(LoginSession)
            .where(
                owned_by(person),
                LoginSession.merchant_id == person.merchant_id,
                LoginSession.revoked_at.is_(None),
                LoginSession.expires_at > now,
                LoginSession.last_seen_at > seen_after,
            )
            .order_by(LoginSession.last_seen_at.desc(), LoginSession.id)
        )
    )


def lock_one_of(session: Session, person: Person, session_id: uuid.UUID) -> LoginSession:
    """Return one session of the person, locked; raise NoResultFound for anybody else's."""
    return session.scalars(
        select(LoginSession)
        .where(owned_by(person), LoginSession.merchant_id == person.merchant_id, LoginSession.id == session_id)
        .with_for_update(key_share=True)
    ).one()


def newest_challenge(session: Session, merchant_id: uuid.UUID, browser_hash: str) -> LoginChallenge | None:
    """Return the last challenge the browser asked for, locked; only the newest code counts."""
    return session.scalars(
        select(LoginChallenge)
        .where(LoginChallenge.merchant_id == merchant_id, LoginChallenge.browser_hash == browser_hash)
        .order_by(LoginChallenge.created_at.desc())
        .limit(1)
        .with_for_update(key_share=True)
    ).one_or_none()


def challenge_by_link(
    session: Session, merchant_id: uuid.UUID, link_hash: str, *, lock: bool = False
) -> LoginChallenge | None:
    """Return the merchant's challenge with that link, used or not; `lock` keeps it until the transaction ends."""
    statement = select(LoginChallenge).where(
        LoginChallenge.merchant_id == merchant_id, LoginChallenge.link_hash == link_hash
    )
    return session.scalars(statement.with_for_update(key_share=True) if lock else statement).one_or_none()


def worker_age(session: Session) -> float | None:
    """Return the seconds since a worker last gave a sign of life; None when there is no worker. Also a ping."""
    age = func.extract("epoch", func.now() - func.max(text("last_heartbeat")))
    seconds = session.execute(select(age).select_from(text("procrastinate_workers"))).scalar_one()
    return float(seconds) if seconds is not None else None

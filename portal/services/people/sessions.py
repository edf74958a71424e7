"""Sessions: opened at log-in, kept awake while used, listed and ended by their owner.

A session is a row; the cookie only carries a random token whose hash is in the row, so that ending
the row ends the session everywhere (docs/decisions/0003-log-in-and-sessions.md).
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import delete, or_, update
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.ends.end_requests import Channel
from portal.domain.integrations.site_logins import Proof
from portal.domain.integrations.task_links import LASTS
from portal.domain.people.customer_erasures import check_there
from portal.domain.policies import Actor
from portal.models import LoginChallenge, LoginSession, Merchant
from portal.queries.people import account_members, customers, sessions
from portal.queries.people.people import Kind, Person
from portal.secrets import new_token, token_hash
from portal.services.audit import audit
from portal.services.batches import delete_all
from portal.services.context import Context

log = structlog.get_logger("portal.sessions")

IDLE: Final[Mapping[Kind, timedelta]] = {Kind.CUSTOMER: timedelta(hours=2), Kind.STAFF: timedelta(minutes=30)}
ABSOLUTE: Final[Mapping[Kind, timedelta]] = {Kind.CUSTOMER: timedelta(hours=24), Kind.STAFF: timedelta(hours=8)}
VIEW: Final = timedelta(minutes=15)  # that somebody of the desk sees a customer's pages
TOUCH_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """The browser somebody uses, as far as it is kept: shortened, and the token of its session before this one."""

    browser: str = ""
    network: str = ""
    old_token: str | None = None
    language: str | None = None  # the one they chose by hand
    wish: str | None = None  # the one their browser asks for
    device: str = ""  # the token by which the desk knows this browser again


def open_for(
    session: Session,
    kind: Kind,
    merchant_id: uuid.UUID,
    person_id: uuid.UUID,
    *,
    visitor: Visitor,
    after: LoginSession | None = None,
    viewer_id: uuid.UUID | None = None,
    task_link_id: uuid.UUID | None = None,
    member_id: uuid.UUID | None = None,
    proven_by: Proof | None = None,
    proven_at: datetime | None = None,
    now: datetime,
) -> str:
    """Open a session in the caller's transaction, end the browser's former one, and return the cookie's token.

    `after`: the session that it follows without a log-in; it is as old as that one.  `viewer_id`: of the desk, who
    only looks at the customer's pages, for a quarter of an hour.  `task_link_id`: the link by which the customer came,
    who is not logged in and sees its task alone, for an hour.  `member_id`: who of a customer's people it is.
    `proven_by`: the claim by which the merchant's own site has named the customer, and `proven_at` when they logged in
    there: only that counts as a log-in of a moment ago.
    """
    if visitor.old_token:
        session.execute(
            update(LoginSession)
            .where(LoginSession.token_hash == token_hash(visitor.old_token), LoginSession.revoked_at.is_(None))
            .values(revoked_at=now)
        )
    token, lifetime = new_token(), LASTS if task_link_id else VIEW if viewer_id else ABSOLUTE[kind]
    row = LoginSession(
        token_hash=token_hash(token),
        merchant_id=merchant_id,
        customer_id=person_id if kind is Kind.CUSTOMER else None,
        staff_id=person_id if kind is Kind.STAFF else None,
        authenticated_at=after.authenticated_at if after else proven_at or now,
        last_seen_at=now,
        expires_at=after.expires_at if after else now + lifetime,
        viewer_id=viewer_id,
        task_link_id=task_link_id,
        account_member_id=member_id,
        site_proof=proven_by,
        browser=visitor.browser,
        network=visitor.network,
        created_at=now,
    )
    session.add(row)
    session.flush()
    if kind is Kind.CUSTOMER and viewer_id is None and task_link_id is None:
        first = Merchant.id == merchant_id, Merchant.first_customer_at.is_(None)
        session.execute(update(Merchant).where(*first).values(first_customer_at=now))
    log.info("login.succeeded", kind=kind.value, person_id=str(person_id), session_id=str(row.id))
    return token


def switch(ctx: Context, person: Person, customer_id: uuid.UUID, *, visitor: Visitor, now: datetime) -> str:
    """Go on in another account of the address that this log-in has proven; return the token of a session as old as it.

    Raises NoResultFound for everybody else, for whom the merchant's id has proven, which proves no address, and for a
    session that has ended meanwhile.
    """
    if not person.proves_address:
        raise NoResultFound
    with ctx.db.begin() as session:
        spaces = account_members.spaces(session, person.merchant_id, person.own_email)
        space = next((one for one in spaces if one.customer.id == customer_id), None)
        space = account_members.hold(session, space, person.own_email) if space is not None else None
        if space is None or person.task is not None:
            raise NoResultFound
        old = sessions.lock_one_of(session, person, person.session_id)
        if old.revoked_at is not None:  # ended while this was under way: the address may be another's by now
            raise NoResultFound
        return open_for(
            session,
            Kind.CUSTOMER,
            person.merchant_id,
            space.customer.id,
            visitor=visitor,
            after=old,
            member_id=space.member.id if space.member is not None else None,
            proven_by=person.site_proof,
            now=now,
        )


def view(ctx: Context, person: Person, customer_id: uuid.UUID, *, visitor: Visitor, now: datetime) -> str:
    """Let somebody of the desk see one customer's pages as the customer does; return the session's token.

    Nothing can be changed there (`web.access`), it ends by itself, and the audit chain has it. Raises NoResultFound;
    NotAllowed for who is erased: what is kept of them is for the archive's readers (`web/admin/archive.py`).
    """
    with ctx.db.begin() as session:
        check_there(customers.of_merchant(session, person.merchant_id, customer_id).erased_at)
        by = By(actor=Actor.STAFF, actor_id=person.id, channel=Channel.STAFF)
        subject = ("customer", customer_id)
        audit.append(session, person.merchant_id, Act.CUSTOMER_VIEWED, by=by, at=now, subject=subject)
        return open_for(
            session, Kind.CUSTOMER, person.merchant_id, customer_id, visitor=visitor, viewer_id=person.id, now=now
        )


def touch(ctx: Context, person: Person, *, now: datetime) -> None:
    """Remember that the session was used, at most once a minute: the one write that a GET may cause."""
    if now - person.last_seen_at < TOUCH_EVERY:
        return
    with ctx.db.begin() as session:
        session.execute(
            update(LoginSession)
            .where(LoginSession.id == person.session_id, LoginSession.last_seen_at <= now - TOUCH_EVERY)
            .values(last_seen_at=now)
        )


def end(ctx: Context, person: Person, session_id: uuid.UUID, *, now: datetime) -> None:
    """End one of the person's own sessions; raise NoResultFound for anybody else's."""
    with ctx.db.begin() as session:
        row = sessions.lock_one_of(session, person, session_id)
        if row.revoked_at is None:
            row.revoked_at = now
            _end_views(session, person, now=now)
            _tell(session, person, Act.SESSION_ENDED, at=now, own=session_id == person.session_id)
    log.info("session.ended", person_id=str(person.id), session_id=str(session_id))


def end_others(ctx: Context, person: Person, *, now: datetime) -> int:
    """End the person's sessions on every other browser; return how many."""
    with ctx.db.begin() as session:
        ended = (
            session.connection()
            .execute(
                update(LoginSession)
                .where(
                    sessions.owned_by(person),
                    LoginSession.id != person.session_id,
                    LoginSession.revoked_at.is_(None),
                )
                .values(revoked_at=now)
            )
            .rowcount
        )
        _end_views(session, person, now=now)
        if ended:
            _tell(session, person, Act.OTHER_SESSIONS_ENDED, at=now, number=ended)
    log.info("session.others_ended", person_id=str(person.id), count=ended)
    return ended


def _end_views(session: Session, person: Person, *, now: datetime) -> None:
    """End the views of customers' pages that somebody of the desk has opened: they were as logged in as they."""
    if person.kind is Kind.STAFF:
        views = LoginSession.viewer_id == person.id, LoginSession.revoked_at.is_(None)
        session.execute(update(LoginSession).where(*views).values(revoked_at=now))


def end_all(
    session: Session,
    staff_id: uuid.UUID,
    *,
    merchant_id: uuid.UUID | None = None,
    but: uuid.UUID | None = None,
    now: datetime,
) -> int:
    """End somebody's sessions at one merchant's desk or all, in the caller's transaction; return how many.

    `but`: the session that goes on.
    """
    mine = [
        or_(LoginSession.staff_id == staff_id, LoginSession.viewer_id == staff_id),
        LoginSession.revoked_at.is_(None),
    ]
    if merchant_id is not None:
        mine.append(LoginSession.merchant_id == merchant_id)
    if but is not None:
        mine.append(LoginSession.id != but)
    return session.connection().execute(update(LoginSession).where(*mine).values(revoked_at=now)).rowcount


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How many sessions were ended."""

    staff: int
    customers: int


def end_everybodys(ctx: Context, *, merchant_id: uuid.UUID | None = None, by: By, now: datetime) -> Ended:
    """End every session that runs, of staff and customers, at one merchant's or all, and every log-in half-way.

    Each merchant's chain says so that had any. What was asked for stays; nobody is kept from logging in again.
    """
    running = [LoginSession.revoked_at.is_(None), LoginSession.expires_at > now]
    half_way = []
    if merchant_id is not None:
        running.append(LoginSession.merchant_id == merchant_id)
        half_way.append(LoginChallenge.merchant_id == merchant_id)
    ended = update(LoginSession).where(*running).values(revoked_at=now)
    with ctx.db.begin() as session:
        session.execute(delete(LoginChallenge).where(*half_way))
        rows = session.connection().execute(ended.returning(LoginSession.merchant_id, LoginSession.staff_id)).all()
        found: dict[uuid.UUID, Counter[str]] = {}
        for row in rows:
            found.setdefault(row.merchant_id, Counter())["customers" if row.staff_id is None else "staff"] += 1
        for one in sorted(found):
            numbers: dict[str, Any] = {name: found[one][name] for name in ("staff", "customers")}
            audit.append(session, one, Act.ALL_SESSIONS_ENDED, by=by, at=now, **numbers)
    total = sum(found.values(), Counter[str]())
    log.warning("session.all_ended", staff=total["staff"], customers=total["customers"])
    return Ended(staff=total["staff"], customers=total["customers"])


def _tell(session: Session, person: Person, act: Act, *, at: datetime, **details: Any) -> None:
    """Say it in the audit chain when the person is of the desk: a customer's browser changes nothing there."""
    if person.kind is Kind.STAFF:
        by = By(actor=Actor.STAFF, actor_id=person.id, channel=Channel.STAFF)
        audit.append(session, person.merchant_id, act, by=by, at=at, **details)


def purge(ctx: Context, *, before: datetime) -> int:
    """Delete sessions that ran out before `before` (law.md R-GD-4); return how many."""
    return delete_all(ctx.db, LoginSession, LoginSession.expires_at < before)

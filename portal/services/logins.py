"""Customers log in by a code and a link sent to their address (product.md, decision 8; law.md 8.2).

Ten minutes, once, hashed, for the browser that asked.  An unknown address gets the same answer after
the same work: its mail is composed and queued too, in a savepoint that is rolled back.
"""

from __future__ import annotations

import hmac
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import delete
from sqlalchemy.orm import Session

from portal.domain import email_addresses
from portal.models import Customer, LoginChallenge, Merchant
from portal.queries import customers, people, sessions
from portal.queries.people import Kind
from portal.secrets import new_token, token_hash
from portal.services import notices, throttles
from portal.services.context import Context
from portal.services.sessions import Visitor, open_for
from portal.services.throttles import Limit

log = structlog.get_logger("portal.logins")

LIFETIME: Final = timedelta(minutes=10)
ATTEMPTS: Final = 5
QUARTER: Final = timedelta(minutes=15)
CODE: Final = "login_challenges.code"


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Somebody's wish to log in. `browser_token` binds the answer to the browser that asked."""

    merchant_id: uuid.UUID
    email: str
    browser_token: str
    language: str
    network: str
    next_path: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A log-in that succeeded: the new session's token, and where the person was going.

    `has_choice`: other customers have the same address, and one of them may be meant.
    """

    token: str
    next_path: str
    has_choice: bool = False


def normal_email(email: str) -> str:
    """Return an address as it is stored, and as it is looked for."""
    return email_addresses.normal(email)


def _wrong_codes(merchant_id: uuid.UUID, email: str) -> Limit:
    # Beyond this many wrong codes a day only the link opens: guessing stops, and nobody is locked out.
    return Limit(name="login_wrong_code", who=f"{merchant_id}/{email}", count=20, window=timedelta(days=1))


def ask(ctx: Context, wish: Ask, *, now: datetime) -> None:
    """Send a code and a link if the address is known; raise TooManyTries. Says nothing about the address."""
    email = normal_email(wish.email)
    throttles.hit(
        ctx,
        Limit(name="login_address", who=f"{wish.merchant_id}/{email}", count=5, window=QUARTER),
        Limit(name="login_network", who=wish.network, count=30, window=QUARTER),
        now=now,
    )
    code = f"{secrets.randbelow(10**6):06}"
    with ctx.db.begin() as session:
        merchant = session.get_one(Merchant, wish.merchant_id)
        challenge, link = _challenge(ctx, wish, email, code, now=now)
        challenge.customer_id = people.customer_by_email(session, merchant.id, email)
        session.add(challenge)
        session.flush()
        savepoint = session.begin_nested()
        notices.login_code(
            ctx,
            session,
            merchant=merchant,
            email=email,
            code=code,
            link_path=f"/account/{merchant.slug}/login/link/{link}",
            language=wish.language,
            now=now,
        )
        if challenge.customer_id is None:
            savepoint.rollback()
        else:
            savepoint.commit()
    log.info("login.asked", merchant_id=str(wish.merchant_id), challenge_id=str(challenge.id))


def _challenge(ctx: Context, wish: Ask, email: str, code: str, *, now: datetime) -> tuple[LoginChallenge, str]:
    link = new_token()
    challenge_id = uuid.uuid4()
    challenge = LoginChallenge(
        id=challenge_id,
        merchant_id=wish.merchant_id,
        email=email,
        code_hash=ctx.vault.stamp(f"{challenge_id}/{code}", purpose=CODE),
        link_hash=token_hash(link),
        browser_hash=token_hash(wish.browser_token),
        next_path=wish.next_path,
        expires_at=now + LIFETIME,
        created_at=now,
        attempts=0,
    )
    return challenge, link


def enter_by_code(
    ctx: Context, merchant_id: uuid.UUID, browser_token: str, code: str, *, visitor: Visitor, now: datetime
) -> Entry | None:
    """Log in with the code of the browser's newest mail; None when it is wrong, used, too old or tried too often."""
    with ctx.db.begin() as session:  # a wrong try is committed too: that is what counts them
        challenge = sessions.newest_challenge(session, merchant_id, token_hash(browser_token))
        if challenge is None or challenge.attempts >= ATTEMPTS or not _is_open(challenge, now):
            log.info("login.refused", reason="no open challenge", merchant_id=str(merchant_id))
            return None
        challenge.attempts += 1
        email, challenge_id = challenge.email, challenge.id
        stamped = ctx.vault.stamp(f"{challenge.id}/{code}", purpose=CODE)
        right = hmac.compare_digest(stamped, challenge.code_hash)
        if right and not throttles.is_spent(session, _wrong_codes(merchant_id, email), now=now):
            return _enter(session, challenge, visitor=visitor, now=now)
    log.info("login.refused", reason="wrong code", challenge_id=str(challenge_id))
    try:
        throttles.hit(ctx, _wrong_codes(merchant_id, email), now=now)
    except throttles.TooManyTries:
        log.warning("login.codes_closed", challenge_id=str(challenge_id))
    return None


def can_open_link(
    ctx: Context, merchant_id: uuid.UUID, link: str, browser_token: str | None, *, now: datetime
) -> bool | None:
    """Say, changing nothing, whether the link opens here: None when it is over, False in another browser."""
    with ctx.db.read() as session:
        challenge = sessions.challenge_by_link(session, merchant_id, token_hash(link))
    if challenge is None or not _is_open(challenge, now):
        return None
    return _same_browser(challenge, browser_token)


def enter_by_link(
    ctx: Context, merchant_id: uuid.UUID, link: str, browser_token: str | None, *, visitor: Visitor, now: datetime
) -> Entry | None:
    """Log in with the mailed link, once, in the browser that asked; None otherwise."""
    with ctx.db.begin() as session:
        challenge = sessions.challenge_by_link(session, merchant_id, token_hash(link), lock=True)
        if challenge is None or not _is_open(challenge, now) or not _same_browser(challenge, browser_token):
            log.info("login.refused", reason="link", merchant_id=str(merchant_id))
            return None
        return _enter(session, challenge, visitor=visitor, now=now)


def _is_open(challenge: LoginChallenge, now: datetime) -> bool:
    return challenge.consumed_at is None and now < challenge.expires_at


def _same_browser(challenge: LoginChallenge, browser_token: str | None) -> bool:
    return browser_token is not None and hmac.compare_digest(challenge.browser_hash, token_hash(browser_token))


def _enter(session: Session, challenge: LoginChallenge, *, visitor: Visitor, now: datetime) -> Entry | None:
    challenge.consumed_at = now
    if challenge.customer_id is None:  # a code that was never sent, guessed
        return None
    customer = session.get_one(Customer, challenge.customer_id)
    customer.locale = visitor.language or customer.locale  # mails then speak as the pages do
    token = open_for(session, Kind.CUSTOMER, challenge.merchant_id, challenge.customer_id, visitor=visitor, now=now)
    shared = len(customers.of_address(session, customer.merchant_id, customer.email)) > 1
    return Entry(token=token, next_path=challenge.next_path, has_choice=shared)


def purge(ctx: Context, *, before: datetime) -> int:
    """Delete challenges that ran out before `before`: they hold addresses; return how many."""
    with ctx.db.begin() as session:
        return session.connection().execute(delete(LoginChallenge).where(LoginChallenge.expires_at < before)).rowcount

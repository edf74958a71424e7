"""Customers log in by a code and a link sent to their address (product.md, decision 8; law.md 8.2).

Ten minutes, once, hashed, for the browsers that asked.  An unknown address gets the same answer after
the same work: its mail is composed and queued too, in a savepoint that is rolled back.  Who asks for an
address whose mail is live gets that one: nobody can flood a mailbox, nor use up its owner's tries.
"""

from __future__ import annotations

import hmac
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.domain.people import email_addresses, login_mails
from portal.domain.people.login_mails import LIFETIME, Sent
from portal.models import LoginBrowser, LoginChallenge, Merchant
from portal.queries.people import account_members, sessions
from portal.secrets import new_token, token_hash
from portal.services import throttles
from portal.services.batches import delete_all
from portal.services.context import Context
from portal.services.notices import notices
from portal.services.people import spaces
from portal.services.people.sessions import Visitor
from portal.services.throttles import Limit, TooManyTries

log = structlog.get_logger("portal.logins")

ATTEMPTS: Final = 5  # of one browser on one code
WRONG_CODES: Final = 100  # for one address in a day, in all browsers: then the link alone opens
QUARTER: Final = timedelta(minutes=15)
CODE: Final = "login_challenges.code"

Then = Callable[[Session], None]  # what a proven code is good for
Used = TypeVar("Used")


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Somebody's wish to log in. `browser_token` binds the answer to the browser that asked."""

    merchant_id: uuid.UUID
    email: str
    browser_token: str
    language: str
    network: str
    next_path: str = ""
    cancels: str = ""  # the product, where the code is not to log in but to cancel it


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A log-in that succeeded: the new session's token, and where the person was going.

    `has_choice`: the address opens other accounts too, and one of them may be meant.
    """

    token: str
    next_path: str
    has_choice: bool = False


def normal_email(email: str) -> str:
    """Return an address as it is stored, and as it is looked for."""
    return email_addresses.normal(email)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a browser that asked may do: until when, since when its mail is out, and whether a code still helps."""

    sent_at: datetime
    until: datetime
    another_at: datetime  # then a new mail can leave
    was_sent_before: bool  # the mail had left when this browser asked
    codes_closed: bool  # too many wrong ones for the address today
    tries_used: bool  # five wrong ones in this browser

    @property
    def takes_codes(self) -> bool:
        """Say whether typing a code can open anything."""
        return not self.codes_closed and not self.tries_used


def _wrong_codes(merchant_id: uuid.UUID, email: str) -> Limit:
    return Limit(name="login_wrong_code", who=f"{merchant_id}/{email}", count=WRONG_CODES, window=timedelta(days=1))


def ask(ctx: Context, wish: Ask, *, now: datetime) -> None:
    """Bind the browser to the address's live mail, or send one; raise TooManyTries. Says nothing about the address."""
    email = normal_email(wish.email)
    throttles.hit(ctx, Limit(name="login_network", who=wish.network, count=30, window=QUARTER), now=now)
    with ctx.db.begin() as session:
        sessions.lock_address(session, email)
        rows = sessions.challenges_of(session, wish.merchant_id, email, after=now - login_mails.PERIOD)
        live = next((row for row in rows if _is_open(row, now)), None)
        known = account_members.addressee(session, wish.merchant_id, email)
        wait = login_mails.wait([_sent(row) for row in rows], wish.network, now=now)
        if live is None and wait > timedelta():
            raise TooManyTries("login_mails", wait)
        # Who asked before PayPal, a colleague or their own mailbox made the address known was sent nothing.
        became_known = live is not None and live.customer_id is None and known is not None
        if live is None or ((became_known or now >= _sent(live).renewable_at()) and wait <= timedelta()):
            live = _send(ctx, session, wish, email, known=known, after=live, now=now)
        _bind(session, live, wish, now=now)
    log.info("login.asked", merchant_id=str(wish.merchant_id), challenge_id=str(live.id))


def _sent(row: LoginChallenge) -> Sent:
    return Sent(at=row.created_at, until=row.expires_at, network=row.network, is_used=row.consumed_at is not None)


def _bind(session: Session, challenge: LoginChallenge, wish: Ask, *, now: datetime) -> None:
    """Let code and link work in the browser; one that asks again keeps the tries it has used."""
    row = insert(LoginBrowser).values(
        challenge_id=challenge.id,
        browser_hash=token_hash(wish.browser_token),
        asked_at=now,
        attempts=0,
        next_path=wish.next_path,
    )
    changed = {"asked_at": now, "next_path": wish.next_path}
    session.execute(row.on_conflict_do_update(index_elements=["challenge_id", "browser_hash"], set_=changed))


def _send(
    ctx: Context,
    session: Session,
    wish: Ask,
    email: str,
    *,
    known: uuid.UUID | None,
    after: LoginChallenge | None,
    now: datetime,
) -> LoginChallenge:
    """Send a code and a link; they open in the browsers of the live mail `after` which they follow, too."""
    merchant = session.get_one(Merchant, wish.merchant_id)
    code = f"{secrets.randbelow(10**6):06}"
    challenge, link = _challenge(ctx, wish, email, code, now=now)
    challenge.customer_id = known
    session.add(challenge)
    session.flush()
    if after is not None:
        _take_over(session, after, challenge)
    is_spent = throttles.is_spent(session, _wrong_codes(merchant.id, email), now=now)
    savepoint = session.begin_nested()
    notices.login_code(
        ctx,
        session,
        merchant=merchant,
        email=email,
        code="" if is_spent else code,
        link_path=wish.next_path if wish.cancels and not is_spent else f"/account/{merchant.slug}/login/link/{link}",
        language=wish.language,
        cancels=wish.cancels,
        now=now,
    )
    if challenge.customer_id is None:
        savepoint.rollback()
    else:
        savepoint.commit()
    return challenge


def _take_over(session: Session, old: LoginChallenge, new: LoginChallenge) -> None:
    names = ["challenge_id", "attempts", "browser_hash", "asked_at", "next_path"]
    session.execute(insert(LoginBrowser).from_select(names, sessions.askers(old.id, of=new.id)))


def _challenge(ctx: Context, wish: Ask, email: str, code: str, *, now: datetime) -> tuple[LoginChallenge, str]:
    link = new_token()
    challenge_id = uuid.uuid4()
    challenge = LoginChallenge(
        id=challenge_id,
        merchant_id=wish.merchant_id,
        email=email,
        code_hash=ctx.vault.stamp(f"{challenge_id}/{code}", purpose=CODE),
        link_hash=token_hash(link),
        network=wish.network,
        expires_at=now + LIFETIME,
        created_at=now,
    )
    return challenge, link


def standing(ctx: Context, merchant_id: uuid.UUID, browser_token: str, *, now: datetime) -> Standing | None:
    """Return what the browser may do with the last mail, None when nothing it asked for is live. Changes nothing."""
    with ctx.db.read() as session:
        asked = sessions.asked_in(session, merchant_id, token_hash(browser_token), now=now)
        if not asked:
            return None
        challenge, browser = asked[0]
        return Standing(
            sent_at=challenge.created_at,
            until=challenge.expires_at,
            another_at=_sent(challenge).renewable_at(),
            was_sent_before=browser.asked_at > challenge.created_at,
            codes_closed=throttles.is_spent(session, _wrong_codes(merchant_id, challenge.email), now=now),
            tries_used=all(browser.attempts >= ATTEMPTS for _challenge, browser in asked),
        )


def enter_by_code(
    ctx: Context, merchant_id: uuid.UUID, browser_token: str, code: str, *, visitor: Visitor, now: datetime
) -> Entry | None:
    """Log in with the code of a live mail; None when it is wrong, used, too old or tried too often."""
    enter = partial(_enter, visitor=visitor, now=now)
    return _with_code(ctx, merchant_id, browser_token, code, enter, now=now)


def prove(
    ctx: Context, merchant_id: uuid.UUID, browser_token: str, code: str, *, email: str, then: Then, now: datetime
) -> bool:
    """Use up the code of a live mail to `email` without logging in; `then` runs in its transaction. False as above."""

    def use(session: Session, challenge: LoginChallenge, _browser: LoginBrowser) -> bool:
        challenge.consumed_at = now
        is_theirs = challenge.customer_id is not None and challenge.email == email
        if is_theirs:
            then(session)
        return is_theirs

    return bool(_with_code(ctx, merchant_id, browser_token, code, use, now=now))


def _with_code(
    ctx: Context,
    merchant_id: uuid.UUID,
    browser_token: str,
    code: str,
    use: Callable[[Session, LoginChallenge, LoginBrowser], Used],
    *,
    now: datetime,
) -> Used | None:
    """Let the right code of a live mail be used; None when it is wrong, used, too old or tried too often."""
    with ctx.db.begin() as session:  # a wrong try is committed too: that is what counts them
        asked = sessions.asked_in(session, merchant_id, token_hash(browser_token), now=now, lock=True)
        open_here = [(challenge, browser) for challenge, browser in asked if browser.attempts < ATTEMPTS]
        if not open_here:
            log.info("login.refused", reason="no open challenge", merchant_id=str(merchant_id))
            return None
        limit = _wrong_codes(merchant_id, open_here[0][0].email)
        right = [one for one in open_here if _is_right(ctx, *one, code)]
        if right and not throttles.is_spent(session, limit, now=now):
            return use(session, *right[0])
        challenge_id = open_here[0][0].id
    log.info("login.refused", reason="wrong code", challenge_id=str(challenge_id))
    try:
        throttles.hit(ctx, limit, now=now)
    except TooManyTries:
        log.warning("login.codes_closed", challenge_id=str(challenge_id))
    return None


def _is_right(ctx: Context, challenge: LoginChallenge, browser: LoginBrowser, code: str) -> bool:
    browser.attempts += 1
    return hmac.compare_digest(ctx.vault.stamp(f"{challenge.id}/{code}", purpose=CODE), challenge.code_hash)


def can_open_link(
    ctx: Context, merchant_id: uuid.UUID, link: str, browser_token: str | None, *, now: datetime
) -> bool | None:
    """Say, changing nothing, whether the link opens here: None when it is over, False in another browser."""
    with ctx.db.read() as session:
        challenge = sessions.challenge_by_link(session, merchant_id, token_hash(link))
        if challenge is None or not _is_open(challenge, now):
            return None
        return _asker(session, challenge, browser_token) is not None


def enter_by_link(
    ctx: Context, merchant_id: uuid.UUID, link: str, browser_token: str | None, *, visitor: Visitor, now: datetime
) -> Entry | None:
    """Log in with the mailed link, once, in a browser that asked; None otherwise."""
    with ctx.db.begin() as session:
        challenge = sessions.challenge_by_link(session, merchant_id, token_hash(link), lock=True)
        browser = _asker(session, challenge, browser_token) if challenge is not None else None
        if challenge is None or browser is None or not _is_open(challenge, now):
            log.info("login.refused", reason="link", merchant_id=str(merchant_id))
            return None
        return _enter(session, challenge, browser, visitor=visitor, now=now)


def _is_open(challenge: LoginChallenge, now: datetime) -> bool:
    return _sent(challenge).is_live(now)


def _asker(session: Session, challenge: LoginChallenge, browser_token: str | None) -> LoginBrowser | None:
    return sessions.has_asked(session, challenge.id, token_hash(browser_token)) if browser_token else None


def _enter(
    session: Session, challenge: LoginChallenge, browser: LoginBrowser, *, visitor: Visitor, now: datetime
) -> Entry | None:
    challenge.consumed_at = now
    if challenge.customer_id is None:  # a code that was never sent, guessed
        return None
    entered = spaces.enter(session, challenge.merchant_id, challenge.email, visitor=visitor, now=now)
    if entered is None:  # who was let in has been removed since
        return None
    return Entry(token=entered.token, next_path=browser.next_path, has_choice=entered.has_choice)


def purge(ctx: Context, *, before: datetime) -> int:
    """Delete challenges that ran out before `before`: they hold addresses; return how many."""
    return delete_all(ctx.db, LoginChallenge, LoginChallenge.expires_at < before)

"""Which of the accounts that an address opens a log-in leads to, and in which language it is remembered."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from portal.domain.integrations.site_logins import Proof
from portal.domain.people.profiles import Answer
from portal.queries.people import account_members, sessions
from portal.queries.people.account_members import Space
from portal.queries.people.people import Kind
from portal.secrets import token_hash
from portal.services.people.sessions import IDLE, Visitor, open_for


class Entered(NamedTuple):
    """The token of a new session; `has_choice`: the address opens other accounts too, and one of them may be meant."""

    token: str
    has_choice: bool


@dataclass(frozen=True)
class BySite:
    """How the merchant's own site has named somebody, and when they logged in there (`sessions.open_for`)."""

    proof: Proof
    at: datetime


def enter(
    session: Session,
    merchant_id: uuid.UUID,
    email: str,
    *,
    visitor: Visitor,
    by_site: BySite | None = None,
    now: datetime,
) -> Entered | None:
    """Log in whoever has proven an address, in the caller's transaction; None for one that opens nothing any more.

    `by_site`: it was not a code that has proven it.
    """
    found = account_members.spaces(session, merchant_id, email)
    if not found:
        return None
    before = _before(session, found, visitor, now=now)
    space = account_members.hold(session, before or found[0], email)
    if space is None:
        return None
    token = come_in(session, space, visitor=visitor, by_site=by_site, now=now)
    return Entered(token, has_choice=before is None and len(found) > 1)


def come_in(session: Session, space: Space, *, visitor: Visitor, by_site: BySite | None = None, now: datetime) -> str:
    """Open a session in one account, and remember that somebody came; return its token."""
    _remember_language(space, visitor)
    space.customer.seen_at = now
    member_id = space.member.id if space.member is not None else None
    return open_for(
        session,
        Kind.CUSTOMER,
        space.customer.merchant_id,
        space.customer.id,
        visitor=visitor,
        member_id=member_id,
        proven_by=by_site.proof if by_site is not None else None,
        proven_at=by_site.at if by_site is not None else None,
        now=now,
    )


def _before(session: Session, found: Sequence[Space], visitor: Visitor, *, now: datetime) -> Space | None:
    """Return the account that the browser is in already, of somebody who was asked for a code once more."""
    old = token_hash(visitor.old_token) if visitor.old_token else ""
    live = sessions.of_token(session, old, now=now, seen_after=now - IDLE[Kind.CUSTOMER]) if old else None
    if live is None or live.task_link_id is not None or live.viewer_id is not None:
        return None
    at = live.customer_id, live.account_member_id
    return next((one for one in found if (one.customer.id, one.member.id if one.member else None) == at), None)


def _remember_language(space: Space, visitor: Visitor) -> None:
    """Keep the language of who logs in: mails then speak as the pages do."""
    if space.member is not None:
        space.member.locale = visitor.language or space.member.locale or visitor.wish
    elif Answer.LOCALE not in space.customer.own_answers:
        space.customer.locale = visitor.language or space.customer.locale or visitor.wish

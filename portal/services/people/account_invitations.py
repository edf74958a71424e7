"""Invitations to a customer's account: a link that opens once, and changes nothing until its button is pressed.

Pressing it is the word of whoever reads the mailbox, and no log-in: from then on they log in with a code there, like
the customer.  Whether the address is known at the merchant's is said to nobody.
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
from portal.domain.errors import Denial, NotAllowed
from portal.domain.people.account_members import MOST, MemberRole, MemberState
from portal.domain.people.email_addresses import masked, normal
from portal.domain.people.invitations import LIFETIME
from portal.domain.policies import Actor
from portal.i18n import pick_locale
from portal.mail import account_members as messages
from portal.models import AccountMember, Customer
from portal.queries.people import account_members as stored
from portal.queries.people import customers
from portal.secrets import new_token, token_hash
from portal.services import throttles
from portal.services.context import Context
from portal.services.notices import notice_facts, outbox
from portal.services.notices.recipients import Post
from portal.services.people.account_members import invitation_key, lock_account, tell
from portal.services.throttles import Limit

log = structlog.get_logger("portal.account_invitations")

DAY: Final = timedelta(days=1)
MAILS: Final = 20  # of invitations that one account sends a day
MAILS_TO_ONE: Final = 5  # that one address gets a day from a merchant's customers


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Whom somebody wants to let in, and in which language they are written to."""

    email: str
    name: str
    role: MemberRole
    language: str


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What whoever holds the link may see before they press the button."""

    state: MemberState
    email: str
    name: str
    role: MemberRole
    by: str  # the address of who invites
    expires_at: datetime


def invite(ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, wish: Wish, *, by: By, now: datetime) -> None:
    """Invite an address, in place of an invitation of it that has run out.

    Raises NotAllowed for the address on file, for who is in the account or invited, for one person too many, and for
    whoever is no owner; TooManyTries.
    """
    email = normal(wish.email)
    _pace(ctx, merchant_id, customer_id, email, now=now)
    with ctx.db.begin() as session:
        customer = lock_account(session, merchant_id, customer_id, by)
        _check_new(session, customer, email, now=now)
        link = new_token()
        member = AccountMember(
            id=uuid.uuid4(),
            created_at=now,
            merchant_id=merchant_id,
            customer_id=customer.id,
            email=email,
            name=wish.name,
            role=wish.role,
            locale=wish.language,
            invited_by_id=by.actor_id if by.actor_id != customer.id else None,
            invited_at=now,
            token_hash=token_hash(link),
            expires_at=now + LIFETIME,
        )
        session.add(member)
        _mail(ctx, session, customer, member, link, now=now)
        tell(session, member, Act.ACCOUNT_MEMBER_INVITED, by=by, at=now, role=member.role)


def send_again(
    ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, member_id: uuid.UUID, *, by: By, now: datetime
) -> str | None:
    """Send an invitation once more, with a new link and a new term, and return to where; None for who has accepted.

    The old link opens nothing any more.  Raises NotAllowed for who is no owner, NoResultFound, TooManyTries.
    """
    with ctx.db.read() as session:
        email = stored.of_id(session, customer_id, member_id).email
    _pace(ctx, merchant_id, customer_id, email, now=now)
    with ctx.db.begin() as session:
        customer = lock_account(session, merchant_id, customer_id, by)
        member = stored.of_id(session, customer.id, member_id)
        if member.accepted_at is not None:
            return None
        outbox.supersede(session, invitation_key(member))
        link = new_token()
        member.token_hash, member.invited_at, member.expires_at = token_hash(link), now, now + LIFETIME
        _mail(ctx, session, customer, member, link, now=now)
        tell(session, member, Act.ACCOUNT_MEMBER_INVITED, by=by, at=now, role=member.role)
        return member.email


def look(ctx: Context, merchant_id: uuid.UUID, link: str, *, now: datetime) -> Shown | None:
    """Return what the link opens, changing nothing; None for none of the merchant's, and for an erased customer's."""
    with ctx.db.read() as session:
        member = stored.by_link(session, merchant_id, token_hash(link))
        if member is None:
            return None
        customer = customers.of_merchant(session, merchant_id, member.customer_id)
        return Shown(
            state=member.state(now),
            email=member.email,
            name=member.name,
            role=member.role,
            by=_inviter(session, customer, member),
            expires_at=member.expires_at,
        )


def accept(ctx: Context, merchant_id: uuid.UUID, link: str, *, name: str, now: datetime) -> str | None:
    """Let whoever reads the mailbox in, once, and tell the address on file; return the address they log in with.

    None for a link that is used, replaced, withdrawn or too old.
    """
    with ctx.db.begin() as session:
        member = stored.by_link(session, merchant_id, token_hash(link))
        if member is None:
            return None
        (customer,) = customers.lock(session, merchant_id, member.customer_id)
        session.refresh(member)  # it may be used, withdrawn or sent again since, or the accounts were joined
        stands = member.token_hash == token_hash(link) and member.state(now) is MemberState.INVITED
        if not stands or member.customer_id != customer.id or customer.erased_at is not None:
            log.info("account_invitation_refused", member_id=str(member.id))
            return None
        member.accepted_at, member.name = now, name or member.name
        by = By(actor=Actor.CUSTOMER, actor_id=member.id, channel=Channel.PORTAL)
        tell(session, member, Act.ACCOUNT_MEMBER_JOINED, by=by, at=now, role=member.role)
        _tell_owner(Post.of(ctx, session, merchant_id, now=now), customer, member)
        return member.email


def _check_new(session: Session, customer: Customer, email: str, *, now: datetime) -> None:
    """Raise NotAllowed unless the address can be invited; an invitation that has run out makes way."""
    if email == customer.email:
        raise NotAllowed(Denial.ON_FILE_ALREADY)
    there = stored.of_customer(session, customer.id)
    former = next((one for one in there if one.email == email), None)
    if former is not None:
        if former.state(now) is not MemberState.EXPIRED:
            raise NotAllowed(Denial.IN_THE_ACCOUNT)
        former.removed_at = now
        session.flush()
    elif len(there) >= MOST:
        raise NotAllowed(Denial.ACCOUNT_FULL)


def _pace(ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, email: str, *, now: datetime) -> None:
    """Keep an account from being a way to write to strangers. Raises TooManyTries."""
    limits = (
        Limit(name="account_invitations", who=f"{merchant_id}/{customer_id}", count=MAILS, window=DAY),
        Limit(name="account_invitations_to", who=f"{merchant_id}/{email}", count=MAILS_TO_ONE, window=DAY),
        throttles.mails_of(merchant_id),
    )
    throttles.hit(ctx, *limits, now=now)


def _inviter(session: Session, customer: Customer, member: AccountMember) -> str:
    """Return the proven address of who invites: a name could say anything to a stranger."""
    inviter = session.get(AccountMember, member.invited_by_id) if member.invited_by_id is not None else None
    return inviter.email if inviter is not None else customer.email or ""


def _mail(
    ctx: Context, session: Session, customer: Customer, member: AccountMember, link: str, *, now: datetime
) -> None:
    post = Post.of(ctx, session, customer.merchant_id, now=now)
    language = pick_locale(member.locale, post.merchant.locale)
    composed = messages.account_invitation(
        post.letterhead(language),
        path=f"{notice_facts.account_path(post.merchant)}/invitation/{link}",
        role=member.role,
        by=_inviter(session, customer, member),
        valid_until=member.expires_at,
    )
    post.put(composed, key=invitation_key(member), recipient=member.email, language=language, customer=customer)


def _tell_owner(post: Post, customer: Customer, member: AccountMember) -> None:
    """Tell the address on file, whoever has invited: it answers for the account."""
    if not customer.email:
        return
    told = messages.account_member_joined(
        post.head_for(customer),
        name=customer.name,
        address=masked(member.email),
        role=member.role,
        path=notice_facts.account_path(post.merchant),
    )
    post.to_customer(customer, told, key=f"account-member-joined:{member.id}")

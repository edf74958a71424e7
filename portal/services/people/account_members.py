"""Who is in a customer's account beside the address on file, and in which role: changed by its owners, one at a time.

Two owners who remove each other wait for one lock: the second is no owner any more by then.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import or_, update
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.errors import Denial, NotAllowed
from portal.domain.people.account_members import MemberRole, stricter
from portal.domain.people.customer_erasures import check_there
from portal.domain.people.email_addresses import masked
from portal.domain.policies import Actor
from portal.models import AccountMember, Customer, LoginSession
from portal.queries.people import account_members as stored
from portal.queries.people import customers
from portal.queries.people.people import Person
from portal.services.audit import audit
from portal.services.batches import delete_all
from portal.services.context import Context
from portal.services.notices import outbox
from portal.services.people.acting import by_person


def lock_account(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, by: By) -> Customer:
    """Return the customer, locked, for somebody who may decide about the account's people at this moment.

    Raises NotAllowed for who is an owner no more, or for an account that is erased; NoResultFound.
    """
    (customer,) = customers.lock(session, merchant_id, customer_id)
    check_there(customer.erased_at)
    if by.actor is Actor.CUSTOMER and by.actor_id != customer.id:
        acting = stored.active(session, by.actor_id)
        if acting is None or acting.customer_id != customer.id or acting.role is not MemberRole.OWNER:
            raise NotAllowed(Denial.OWNERS_ONLY)
    return customer


def change_role(
    ctx: Context,
    merchant_id: uuid.UUID,
    customer_id: uuid.UUID,
    member_id: uuid.UUID,
    role: MemberRole,
    *,
    by: By,
    now: datetime,
) -> bool:
    """Give one another role; say whether it is another one. It holds from their next click on.

    Raises NotAllowed for who is no owner, NoResultFound for a stranger.
    """
    with ctx.db.begin() as session:
        customer = lock_account(session, merchant_id, customer_id, by)
        member = stored.of_id(session, customer.id, member_id)
        before, member.role = member.role, role
        if before is not role:
            tell(session, member, Act.ACCOUNT_ROLE_CHANGED, by=by, at=now, before=before, after=role)
        return before is not role


def remove(
    ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, member_id: uuid.UUID, *, by: By, now: datetime
) -> AccountMember:
    """Take one out of the account, or take the invitation back; return who it was. Their sessions here end at once.

    Raises NotAllowed for who is no owner, NoResultFound for a stranger and for who is removed already.
    """
    with ctx.db.begin() as session:
        customer = lock_account(session, merchant_id, customer_id, by)
        member = stored.of_id(session, customer.id, member_id)
        take_out(session, member, by=by, now=now)
        return member


def leave(ctx: Context, person: Person, *, now: datetime) -> None:
    """Let one leave the account by themselves. Raises NoResultFound for the address on file."""
    if person.member is None:
        raise NoResultFound
    with ctx.db.begin() as session:
        (customer,) = customers.lock(session, person.merchant_id, person.id)
        member = stored.of_id(session, customer.id, person.member.id)
        take_out(session, member, by=by_person(person), now=now)


def take_out(session: Session, member: AccountMember, *, by: By, now: datetime) -> None:
    """Take somebody out in the caller's transaction, who holds the customer's lock; an unsent invitation stays here."""
    member.removed_at = now
    theirs = LoginSession.account_member_id == member.id, LoginSession.revoked_at.is_(None)
    session.execute(update(LoginSession).where(*theirs).values(revoked_at=now))
    outbox.supersede(session, invitation_key(member))
    tell(session, member, Act.ACCOUNT_MEMBER_REMOVED, by=by, at=now, role=member.role)


def yield_to(session: Session, customer: Customer, *, by: By, now: datetime) -> None:
    """Take out whoever has the address that is the account's own from now on: nobody is in it twice."""
    double = stored.of_address(session, customer.id, customer.email)
    if double is not None:
        take_out(session, double, by=by, now=now)


def before_joining(session: Session, kept: Customer, other: Customer, *, by: By, now: datetime) -> None:
    """Leave nobody in both of two accounts that become one: who was, stays in the kept one, in the stricter role."""
    yield_to(session, other, by=by, now=now)
    for double in stored.of_customer(session, other.id):
        member = stored.of_address(session, kept.id, double.email)
        if member is None:
            continue
        if double.accepted_at is not None and member.accepted_at is None:
            # Who reads the mailbox has said yes to the other account alone: the kept one's invitation still waits.
            member, double = double, member
        member.role = stricter(member.role, double.role)
        take_out(session, double, by=by, now=now)
    session.flush()


def tell(session: Session, member: AccountMember, act: Act, *, by: By, at: datetime, **details: str) -> None:
    """Write what happens to somebody into the audit chain, the address masked."""
    about = ("customer", member.customer_id)
    person = {"member": str(member.id), "email": masked(member.email)}
    audit.append(session, member.merchant_id, act, by=by, at=at, subject=about, **person, **details)


def invitation_key(member: AccountMember) -> str:
    """Return the key of the mail with the latest link."""
    return f"account_invitation:{member.id}:{member.invited_at.isoformat()}"


def purge(ctx: Context, *, before: datetime) -> int:
    """Delete invitations that ran out before `before`, and who was removed before it: they hold addresses."""
    ran_out = AccountMember.accepted_at.is_(None) & (AccountMember.expires_at < before)
    return delete_all(ctx.db, AccountMember, or_(ran_out, AccountMember.removed_at < before))

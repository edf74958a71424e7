"""Join two customers who are one person: what the second has becomes the first one's, and the second is gone.

Two of one address are not joined by themselves: until staff say that they are one, the log-in lets them choose.  What
came from whom is kept, so that they can be split again (`customer_splitting`).
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Final

from sqlalchemy import update
from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.errors import Denial, NotAllowed
from portal.domain.people.profiles import Answer, with_own
from portal.mail import customers as messages
from portal.models import (
    AccountMember,
    AddressChange,
    AddressHold,
    Comeback,
    Customer,
    CustomerJoining,
    CustomerNote,
    Grant,
    LoginChallenge,
    LoginSession,
    Mail,
    OfferAnswered,
    Subscription,
    TaskLink,
)
from portal.queries.ends import comebacks
from portal.queries.merchants import customer_erasures
from portal.queries.people import address_holds, customer_joinings, customers
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.notices import end_confirmations, notice_facts
from portal.services.notices.recipients import Post
from portal.services.people import account_members
from portal.services.people.customer_addresses import close_ranks, end_log_ins, replace_waiting

BELONGINGS: Final = (  # all that names a customer, but for what is asked for anew: an archive, an erasure
    Subscription,
    Grant,
    Comeback,
    AccountMember,
    LoginSession,
    LoginChallenge,
    AddressChange,
    AddressHold,
    TaskLink,
    CustomerNote,
    CustomerJoining,
    Mail,
    OfferAnswered,
)
# Of the other, where the kept one has none.
TAKEN_OVER: Final = ("name", "locale", "time_zone", "payer_id", "external_id")
STRICTER: Final = (Answer.CONTACT, Answer.REMINDERS)
ANEW: Final = frozenset({"id", "merchant_id", "email_place"})  # not kept of the other: known, or settled anew


def join(
    ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, other_id: uuid.UUID, *, by: By, now: datetime
) -> bool:
    """Make the other one's belongings this customer's; False when they no longer share an address, or both come back.

    The stricter answer stands for both: who asked not to be contacted is not, nor by what has not left yet.  Their
    mailbox is told.  Raises NotAllowed while one of them is to be erased or has a contested address, NoResultFound
    for a foreign id.
    """
    with ctx.db.begin() as session:
        kept, other = customers.lock(session, merchant_id, customer_id, other_id)
        are_one_address = kept.id != other.id and kept.email is not None and kept.email == other.email
        if not are_one_address or _both_come_back(session, kept, other):
            return False
        if customer_erasures.is_open_of(session, kept.id, other.id):
            raise NotAllowed(Denial.ERASURE_UNDER_WAY)
        if any(address_holds.waiting_of(session, one.id) for one in (kept, other)):
            raise NotAllowed(Denial.ADDRESS_HELD)  # whose the shared address is, nobody has decided yet
        end_log_ins(session, other.id, now=now)
        replace_waiting(session, other.id, now=now)
        account_members.before_joining(session, kept, other, by=by, now=now)
        joining = _remembered(session, kept, other, by=by, now=now)
        values = {name: getattr(kept, name) or getattr(other, name) for name in TAKEN_OVER}
        values |= {name: getattr(kept, name) and getattr(other, name) for name in STRICTER}
        values["own_answers"] = _own_answers(kept, other, values)
        other.payer_id = other.external_id = None
        session.flush()
        for name, value in values.items():
            setattr(kept, name, value)
        session.delete(other)
        session.add(joining)
        session.flush()
        close_ranks(session, merchant_id, kept.email)
        if not kept.contact_allowed or comebacks.is_abandoned(session, kept.id):
            end_confirmations.nobody_invited(ctx, session, kept.merchant_id, kept.id, now=now)
        subject = ("customer", kept.id)
        audit.append(session, merchant_id, Act.CUSTOMERS_JOINED, by=by, at=now, subject=subject, other=str(other_id))
        _tell(Post.of(ctx, session, merchant_id, now=now), kept, joining)
    return True


def _remembered(session: Session, kept: Customer, other: Customer, *, by: By, now: datetime) -> CustomerJoining:
    """Move all that is the other's, and return what is to be known of it later."""
    own = [one.id for one in customer_joinings.subscriptions_of(session, kept.id)]
    return CustomerJoining(
        id=uuid.uuid4(),
        created_at=now,
        merchant_id=kept.merchant_id,
        customer_id=kept.id,
        other_id=other.id,
        by_name=by.name,
        former=_columns(other),
        before={name: getattr(kept, name) for name in (*TAKEN_OVER, *STRICTER, "own_answers")},
        moved={row.__tablename__: _moved(session, row, kept, other) for row in BELONGINGS},
        own={Subscription.__tablename__: [str(one) for one in own]},
    )


def _moved(session: Session, row: Any, kept: Customer, other: Customer) -> list[str]:
    ids = session.scalars(
        update(row).where(row.customer_id == other.id).values(customer_id=kept.id).returning(row.id)
    ).all()
    return sorted(str(one) for one in ids)


def _own_answers(kept: Customer, other: Customer, values: dict[str, Any]) -> list[str]:
    """Return what they have set by themselves: of the other one, where it is their answer that stands."""
    taken = {name for name in other.own_answers if values[name] == getattr(other, name)}
    return with_own(kept.own_answers, taken)


def _columns(customer: Customer) -> dict[str, Any]:
    values = {column.key: getattr(customer, column.key) for column in Customer.__table__.columns}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
        if name not in ANEW
    }


def _both_come_back(session: Session, kept: Customer, other: Customer) -> bool:
    """Say whether both have an attempt to come back to the same product or plan under way: they would buy it twice."""
    return bool(comebacks.wanted(session, kept.id) & comebacks.wanted(session, other.id))


def _tell(post: Post, kept: Customer, joining: CustomerJoining) -> None:
    """Write to the one mailbox that both have."""
    told = messages.customers_joined(post.head_for(kept), name=kept.name, path=notice_facts.account_path(post.merchant))
    post.to_customer(kept, told, key=f"customers-joined:{joining.id}")

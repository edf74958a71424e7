"""The one way in which a customer's email address changes: whose it may be, what ends with it, who is told.

PayPal may name another address for the same payer than the one that is known here.  It is not obeyed: whoever reads
the known one may be somebody else since, or PayPal's may be a slip.  The desk offers it, and staff take it over.
An address that staff enter themselves waits for its own mailbox (`address_changes`).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import update
from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.people.address_changes import AddressOutcome
from portal.domain.people.email_addresses import masked, normal
from portal.mail import customers as messages
from portal.models import Customer, LoginChallenge, LoginSession, TaskLink
from portal.providers.ports import Reading
from portal.queries.people import address_changes, customers, sessions
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.notices import bounces, notice_facts, outbox
from portal.services.notices.recipients import Post
from portal.services.people import account_members

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Offered:
    """The link by which the former address holds the change, and until when."""

    link: str
    until: datetime


class AddressTaken(Exception):
    """Another customer of the merchant has the address: the two may be one person, which only staff can tell."""

    def __init__(self, customer_id: uuid.UUID) -> None:
        super().__init__(str(customer_id))
        self.customer_id = customer_id


def learn(session: Session, customer: Customer, reading: Reading, *, now: datetime) -> None:
    """Give an address to a customer who has none, unless it is another's; keep a newer one of the same payer to offer.

    Before the buyer approves, PayPal may name nobody: the address comes with a later answer.  Of who is erased
    nothing is learned again.
    """
    if not reading.payer_email or customer.erased_at is not None:
        return
    email = normal(reading.payer_email)
    if customer.email is None:
        # What another transaction has just learned of the same customer is no other's address.
        theirs = customers.of_address(session, customer.merchant_id, email)
        if all(one.id == customer.id for one in theirs):
            customer.email, customer.email_place = email, 0
            replace_waiting(session, customer.id, now=now)
    elif reading.payer_id is not None and reading.payer_id == customer.payer_id:
        _offer(customer, email, now=now)


def _offer(customer: Customer, email: str, *, now: datetime) -> None:
    """Keep what PayPal names. An answer of staff stands: two subscriptions of one payer may name two addresses."""
    if email == customer.email:
        if not customer.paypal_email_declined:
            customer.paypal_email = customer.paypal_email_at = None
    elif email != customer.paypal_email:
        customer.paypal_email, customer.paypal_email_at, customer.paypal_email_declined = email, now, False


def take_over(
    ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, email: str, *, by: By, now: datetime
) -> bool:
    """Take over PayPal's address as it was shown; False when it is no longer offered. Raises AddressTaken."""
    with ctx.db.begin() as session:
        (customer,) = customers.lock(session, merchant_id, customer_id)
        if customer.paypal_email != email or customer.paypal_email_declined:
            return False
        former = customer.email
        change(ctx, session, customer, email, by=by, now=now)
        customer.paypal_email, customer.paypal_email_at, customer.paypal_email_declined = former, now, True
    return True


def decline(ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, email: str, *, by: By, now: datetime) -> bool:
    """Keep the known address; that one of PayPal's is offered no more. False when another is offered by now."""
    with ctx.db.begin() as session:
        (customer,) = customers.lock(session, merchant_id, customer_id)
        if customer.paypal_email != email or customer.paypal_email_declined:
            return False
        customer.paypal_email_declined = True
        audit.append(session, merchant_id, Act.ADDRESS_DECLINED, by=by, at=now, subject=("customer", customer_id))
    return True


def change(
    ctx: Context,
    session: Session,
    customer: Customer,
    email: str,
    *,
    by: By,
    now: datetime,
    may_share: bool = False,
    hold: Offered | None = None,
) -> None:
    """Give a locked customer another address, end what the former one had opened, and write to both.

    Raises AddressTaken when it is another customer's, unless `may_share`: then it is theirs too, until staff join them.
    `hold`: by which the former one may contest it.
    """
    former, email = customer.email, normal(email)
    sessions.lock_address(session, email)  # of two who come to one address at once, the second sees the first
    others = customers.of_address(session, customer.merchant_id, email)
    if others and not may_share:
        raise AddressTaken(others[0].id)
    replace_waiting(session, customer.id, now=now)
    customer.email, customer.email_place = email, len(others)
    if customer.paypal_email == email and not customer.paypal_email_declined:  # it is theirs now: nothing to adopt
        customer.paypal_email = customer.paypal_email_at = None
    session.flush()
    close_ranks(session, customer.merchant_id, former)
    account_members.yield_to(session, customer, by=by, now=now)
    end_log_ins(session, customer.id, now=now)
    bounces.reach_anew(ctx, session, customer, now=now)
    audit.append(
        session,
        customer.merchant_id,
        Act.ADDRESS_CHANGED,
        by=by,
        at=now,
        subject=("customer", customer.id),
        email=[masked(former) if former else None, masked(email)],
    )
    _tell(Post.of(ctx, session, customer.merchant_id, now=now), customer, email, former, hold)
    log.info("customer_address_changed", customer_id=str(customer.id))


def replace_waiting(session: Session, customer_id: uuid.UUID, *, now: datetime) -> None:
    """Let an address that waits for its confirmation wait no more: a later one takes its place. The lock is held."""
    waiting = address_changes.open_of(session, customer_id)
    if waiting is not None:
        waiting.close(AddressOutcome.REPLACED, at=now)
        outbox.supersede(session, waiting.mail_key)  # flushes, so that another one may wait


def close_ranks(session: Session, merchant_id: uuid.UUID, email: str | None) -> None:
    """Let an address belong to the next one who shares it, once the one before has left."""
    for place, customer in enumerate(customers.of_address(session, merchant_id, email)):
        customer.email_place = place
        session.flush()


def end_log_ins(session: Session, customer_id: uuid.UUID, *, now: datetime) -> None:
    """End every session, code and link under way of a customer: they rest on an address that is no longer theirs.

    Sessions last: whoever is about to come in holds the code or the link, so that their session is there by then.
    """
    open_doors = (
        (LoginChallenge, LoginChallenge.consumed_at),
        (TaskLink, TaskLink.withdrawn_at),
        (LoginSession, LoginSession.revoked_at),
    )
    for row, ended in open_doors:
        session.execute(update(row).where(row.customer_id == customer_id, ended.is_(None)).values({ended: now}))


def _tell(post: Post, customer: Customer, email: str, former: str | None, hold: Offered | None) -> None:
    """Write to both addresses; the former one is not told the new one, since somebody else may read it."""
    head, path = post.head_for(customer), notice_facts.account_path(post.merchant)
    composed = {email: messages.address_set(head, name=customer.name, path=path)}
    if hold is not None and former is not None:
        way = f"{path}/address/hold/{hold.link}"
        composed[former] = messages.address_moved(
            head, name=customer.name, address=masked(email), path=way, until=hold.until
        )
    elif former is not None:
        composed[former] = messages.address_left(head, name=customer.name, address=masked(email))
    for recipient, message in composed.items():
        key = f"{message.kind}:{customer.id}:{post.now.isoformat()}"
        post.put(message, key=key, recipient=recipient, language=head.locale, customer=customer)

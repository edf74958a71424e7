"""An address that staff or the customer enter becomes the customer's once whoever reads that mailbox has confirmed it.

Staff may err by a letter, or be talked into it: until then everything goes to the former address, which is told that
another one was asked for.  One change waits at most; whatever changes the address meanwhile takes its place.
What the customer changed, the former address may hold (`address_holds`).
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

import structlog
from sqlalchemy import func
from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.people.address_changes import LIFETIME, PAUSE, AddressOutcome
from portal.domain.people.customer_erasures import check_there
from portal.domain.people.email_addresses import masked, normal
from portal.domain.policies import Actor
from portal.mail import customers as messages
from portal.models import AddressChange, Customer
from portal.queries.people import address_changes, customers
from portal.queries.people import address_holds as stored_holds
from portal.secrets import new_token, token_hash
from portal.services import throttles
from portal.services.audit import audit
from portal.services.batches import delete_all
from portal.services.context import Context
from portal.services.notices import notice_facts, outbox
from portal.services.notices.recipients import Post
from portal.services.people import address_holds, customer_addresses
from portal.services.people.acting import by_customer
from portal.services.throttles import Limit

log = structlog.get_logger(__name__)

OWN_MAILS: Final = 5  # addresses that a customer may have asked a day: each is written to


def ask(ctx: Context, session: Session, customer: Customer, email: str, *, by: By, now: datetime) -> None:
    """Ask a locked customer's new address to confirm itself, and tell the former one; a change that waits is replaced.

    `by.name` is kept with it.
    """
    email = normal(email)
    customer_addresses.replace_waiting(session, customer.id, now=now)
    change = AddressChange(
        id=uuid.uuid4(),
        created_at=now,
        merchant_id=customer.merchant_id,
        customer_id=customer.id,
        email=email,
        asked_by=by.name,
        by_customer=by.actor is Actor.CUSTOMER,
        mails=0,
    )
    post = Post.of(ctx, session, customer.merchant_id, now=now)
    _send(post, customer, change)
    _tell_former(post, customer, change)
    addresses = [masked(customer.email) if customer.email else None, masked(email)]
    subject = ("customer", customer.id)
    audit.append(session, customer.merchant_id, Act.ADDRESS_ASKED, by=by, at=now, subject=subject, email=addresses)
    log.info("customer_address_asked", customer_id=str(customer.id))


class Own(Enum):
    """What came of a customer's wish for another address."""

    SAME = auto()  # it is the one that is known
    HELD = auto()  # a change before was contested, and staff have not decided
    ASKED = auto()  # it has to confirm itself; asked a moment ago, no second mail leaves


def ask_own(ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, email: str, *, now: datetime) -> Own:
    """Ask the address that the customer wants to confirm itself.

    Whether another customer has it is not said: its mailbox decides, as for staff.
    Raises TooManyTries, NotAllowed for who is erased.
    """
    email = normal(email)
    limit = Limit(name="own_address", who=f"{merchant_id}/{customer_id}", count=OWN_MAILS, window=timedelta(days=1))
    throttles.hit(ctx, limit, now=now)
    with ctx.db.begin() as session:
        (customer,) = customers.lock(session, merchant_id, customer_id)
        check_there(customer.erased_at)
        if email == customer.email:
            return Own.SAME
        if stored_holds.waiting_of(session, customer_id):
            return Own.HELD
        waiting = address_changes.open_of(session, customer_id)
        if waiting is None or waiting.email != email or now >= waiting.mailed_at + PAUSE:
            ask(ctx, session, customer, email, by=by_customer(customer_id), now=now)
    return Own.ASKED


def ask_again(ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, *, now: datetime) -> AddressChange | None:
    """Write to the new address once more, with a new link; None when nothing waits, or a mail left just now.

    Raises NoResultFound for another merchant's customer.
    """
    with ctx.db.begin() as session:
        (customer,) = customers.lock(session, merchant_id, customer_id)
        change = address_changes.open_of(session, customer_id)
        if change is None or now < change.mailed_at + PAUSE:
            return None
        outbox.supersede(session, change.mail_key)
        _send(Post.of(ctx, session, merchant_id, now=now), customer, change)
        return change


def withdraw(ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, *, by: By, now: datetime) -> bool:
    """Take the change back: its link opens nothing any more. False when nothing waits. Raises NoResultFound."""
    with ctx.db.begin() as session:
        customers.lock(session, merchant_id, customer_id)
        change = address_changes.open_of(session, customer_id)
        if change is None:
            return False
        change.close(AddressOutcome.WITHDRAWN, at=now)
        outbox.supersede(session, change.mail_key)
        audit.append(session, merchant_id, Act.ADDRESS_WITHDRAWN, by=by, at=now, subject=("customer", customer_id))
    return True


def withdraw_own(ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, *, now: datetime) -> bool:
    """Take back whatever address waits, as its customer wishes. False when nothing waits. Raises NoResultFound."""
    return withdraw(ctx, merchant_id, customer_id, by=by_customer(customer_id), now=now)


def of_link(ctx: Context, merchant_id: uuid.UUID, link: str) -> AddressChange | None:
    """Return what a mailed link stands for, changing nothing; None for no link of the merchant's."""
    with ctx.db.read() as session:
        return address_changes.by_link(session, merchant_id, token_hash(link))


def confirm(ctx: Context, merchant_id: uuid.UUID, link: str, *, now: datetime) -> bool:
    """Make the address the customer's, once; False when the link is used, replaced, withdrawn or too old.

    Where another customer has it by now, the two share it until staff join them: its mailbox has spoken for both.
    """
    with ctx.db.begin() as session:
        change = address_changes.by_link(session, merchant_id, token_hash(link))
        if change is None:
            return False
        (customer,) = customers.lock(session, merchant_id, change.customer_id)
        session.refresh(change)  # somebody may have pressed, or taken it back, while the lock was waited for
        if change.link_hash != token_hash(link) or not change.is_live(now):
            log.info("customer_address_refused", customer_id=str(customer.id))
            return False
        change.close(AddressOutcome.CONFIRMED, at=now)
        if customer.email != change.email:  # PayPal may have named it meanwhile
            hold = address_holds.offer(session, customer, change.email, now=now) if change.by_customer else None
            by = by_customer(customer.id)
            customer_addresses.change(ctx, session, customer, change.email, by=by, now=now, may_share=True, hold=hold)
    return True


def purge(ctx: Context, *, before: datetime) -> int:
    """Delete changes that were closed, or ran out, before `before`: they hold addresses; return how many."""
    over = func.coalesce(AddressChange.closed_at, AddressChange.expires_at) < before
    return delete_all(ctx.db, AddressChange, over)


def _send(post: Post, customer: Customer, change: AddressChange) -> None:
    """Write to the new address with a link of its own; nobody is named there, since nobody has confirmed it yet."""
    link, head = new_token(), post.head_for(customer)
    change.link_hash, change.mails = token_hash(link), change.mails + 1
    change.mailed_at, change.expires_at = post.now, post.now + LIFETIME
    post.session.add(change)
    path = f"{notice_facts.account_path(post.merchant)}/address/{link}"
    composed = messages.address_confirm(head, path=path, until=change.expires_at)
    post.put(composed, key=change.mail_key, recipient=change.email, language=head.locale, customer=customer)


def _tell_former(post: Post, customer: Customer, change: AddressChange) -> None:
    """Tell the address that everything goes to, if there is one, that another was asked for, and by when it counts."""
    if customer.email is None:
        return
    told = messages.address_asked(
        post.head_for(customer),
        name=customer.name,
        address=masked(change.email),
        by_customer=change.by_customer,
        until=change.expires_at,
        path=notice_facts.account_path(post.merchant),
    )
    post.to_customer(customer, told, key=f"address-asked:{change.id}")

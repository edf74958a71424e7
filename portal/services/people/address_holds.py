"""A change of address that the customer made may be held from the mailbox that it left (`domain.address_holds`).

The link there opens nothing and puts nothing back: it ends every session, stops further changes, and asks staff.  The
log-in itself stays open to the new address: else whoever reads an old mailbox could shut the owner out.
"""

from __future__ import annotations

import uuid
from datetime import datetime

import structlog
from sqlalchemy import func, or_
from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.people.address_holds import WINDOW, HoldOutcome, HoldState
from portal.domain.people.email_addresses import masked, shown
from portal.mail import customers as messages
from portal.mail import merchants as desk_messages
from portal.models import AddressHold, Customer
from portal.queries.people import address_changes, address_holds, customers
from portal.secrets import new_token, token_hash
from portal.services.audit import audit
from portal.services.batches import delete_all
from portal.services.context import Context
from portal.services.notices.recipients import Post
from portal.services.people import customer_addresses
from portal.services.people.acting import by_customer
from portal.services.people.customer_addresses import Offered

log = structlog.get_logger(__name__)


def offer(session: Session, customer: Customer, email: str, *, now: datetime) -> Offered | None:
    """Let a locked customer's present address hold its change to `email`; None where there is no present one."""
    if customer.email is None:
        return None
    link, until = new_token(), now + WINDOW
    session.add(
        AddressHold(
            created_at=now,
            merchant_id=customer.merchant_id,
            customer_id=customer.id,
            former_email=customer.email,
            email=email,
            link_hash=token_hash(link),
            expires_at=until,
        )
    )
    return Offered(link, until)


def of_link(ctx: Context, merchant_id: uuid.UUID, link: str) -> AddressHold | None:
    """Return what a mailed link stands for, changing nothing; None for no link of the merchant's."""
    with ctx.db.read() as session:
        return address_holds.by_link(session, merchant_id, token_hash(link))


def hold(ctx: Context, merchant_id: uuid.UUID, link: str, *, now: datetime) -> bool:
    """Hold the change, once; False when the link is too old, used, or decided about."""
    with ctx.db.begin() as session:
        found = address_holds.by_link(session, merchant_id, token_hash(link))
        if found is None:
            return False
        (customer,) = customers.lock(session, merchant_id, found.customer_id)
        session.refresh(found)  # somebody may have pressed while the lock was waited for
        if found.state(now) is not HoldState.OPEN:
            return False
        found.held_at = now
        customer_addresses.end_log_ins(session, customer.id, now=now)
        waiting = address_changes.open_of(session, customer.id)
        if waiting is not None and waiting.by_customer:
            customer_addresses.replace_waiting(session, customer.id, now=now)
        _note(session, found, Act.ADDRESS_HELD, by=by_customer(), now=now)
        post = Post.of(ctx, session, merchant_id, now=now)
        told = desk_messages.merchant_address_held(
            post.desk_head,
            customer=customer.name,
            former=shown(found.former_email),
            address=shown(customer.email or found.email),
            path=f"/admin/customers/{customer.id}/address/holds/{found.id}",
        )
        post.to_merchant(told, key=f"address-held:{customer.id}:{found.id}")
    log.info("customer_address_held", customer_id=str(customer.id))
    return True


def decide(
    ctx: Context, merchant_id: uuid.UUID, hold_id: uuid.UUID, outcome: HoldOutcome, *, by: By, now: datetime
) -> bool:
    """Keep the address or give the former one back, and tell both; False when somebody has decided before.

    Whatever else of this customer was held, or might be, is decided with it.  Raises NoResultFound.
    """
    with ctx.db.begin() as session:
        found = address_holds.of_merchant(session, merchant_id, hold_id)
        (customer,) = customers.lock(session, merchant_id, found.customer_id)
        session.refresh(found)
        if found.outcome is not None:
            return False
        for other in address_holds.undecided_of(session, customer.id):
            other.decide(outcome if other is found else HoldOutcome.REPLACED, by=by.name, at=now)
        _note(session, found, Act.HOLD_DECIDED, by=by, now=now, outcome=outcome.value)
        if outcome is HoldOutcome.RESTORED and customer.email != found.former_email:
            former = found.former_email
            customer_addresses.change(ctx, session, customer, former, by=by, now=now, may_share=True)
        else:
            _tell_kept(Post.of(ctx, session, merchant_id, now=now), customer, found)
    return True


def purge(ctx: Context, *, before: datetime) -> int:
    """Delete changes that were decided, or ran out, before `before`: they hold addresses; return how many."""
    over = func.coalesce(AddressHold.decided_at, AddressHold.expires_at) < before
    is_done = or_(AddressHold.outcome.is_not(None), AddressHold.held_at.is_(None))
    return delete_all(ctx.db, AddressHold, over, is_done)


def _note(session: Session, found: AddressHold, act: Act, *, by: By, now: datetime, **more: str) -> None:
    addresses = [masked(found.former_email), masked(found.email)]
    subject = ("customer", found.customer_id)
    audit.append(session, found.merchant_id, act, by=by, at=now, subject=subject, email=addresses, **more)


def _tell_kept(post: Post, customer: Customer, found: AddressHold) -> None:
    """Write to the address that stays and to the one that contested it."""
    head = post.head_for(customer)
    for recipient in dict.fromkeys(filter(None, (customer.email, found.former_email))):
        told = messages.address_kept(head, name=customer.name, address=masked(customer.email or ""))
        key = f"address-kept:{found.id}:{recipient}"
        post.put(told, key=key, recipient=recipient, language=head.locale, customer=customer)

"""Links to one task that staff make: shown once to be given on, or mailed; taken back while nobody has used them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.integrations.return_addresses import is_allowed
from portal.domain.integrations.task_links import AT_DESK, TASKS, TaskKind
from portal.domain.people.customer_erasures import check_there
from portal.models import Customer, Subscription
from portal.queries import subscriptions
from portal.queries.people import customers
from portal.queries.people import task_links as stored
from portal.services import task_links, throttles
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.notices.recipients import Post
from portal.services.people import task_visits
from portal.services.task_links import Made
from portal.services.throttles import Limit

log = structlog.get_logger("portal.task_links")

MAILS: Final = 10  # with a link, to one customer in a day


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What staff let a customer do. `is_mailed`: to the address on file, and then nobody at the desk sees the link."""

    kind: TaskKind
    subscription_id: uuid.UUID | None = None
    return_to: str = ""
    is_mailed: bool = False


def make(ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, offer: Offer, *, by: By, now: datetime) -> Made:
    """Make a link, good for an hour at the desk and for two days in a mail; the audit chain has it without its token.

    Raises NoResultFound for what is not this customer's, what cannot be mailed or proven for want of an address, and a
    return address that the merchant has not named; TooManyTries for mails; NotAllowed for who is erased.
    """
    if offer.is_mailed:
        limit = Limit(name="task_link_offers", who=str(customer_id), count=MAILS, window=timedelta(days=1))
        throttles.hit(ctx, limit, throttles.mails_of(merchant_id), now=now)
    with ctx.db.begin() as session:
        post = Post.of(ctx, session, merchant_id, now=now)
        (customer,) = customers.lock(session, merchant_id, customer_id)
        check_there(customer.erased_at)
        subscription = _subscription(session, customer, offer)
        needs_address = offer.is_mailed or TASKS[offer.kind].acts
        may_lead_back = not offer.return_to or is_allowed(offer.return_to, post.merchant.return_addresses)
        if not may_lead_back or (needs_address and not customer.email):
            raise NoResultFound
        made = _made(post, customer, subscription, offer, by=by)
        audit.append(
            session,
            merchant_id,
            Act.TASK_LINK_MADE,
            by=by,
            at=now,
            subject=("customer", customer_id),
            kind=offer.kind.value,
            link=str(made.id),
            is_mailed=offer.is_mailed,
            return_to=offer.return_to,
            **({"subscription": str(subscription.id)} if subscription is not None else {}),
        )
        log.info("task_link.made", task_link_id=str(made.id), kind=offer.kind.value, is_mailed=offer.is_mailed)
        return made


def withdraw(
    ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, link_id: uuid.UUID, *, by: By, now: datetime
) -> bool:
    """Let a link open nothing any more; False when it was used, or withdrawn, by now. Raises NoResultFound."""
    with ctx.db.begin() as session:
        link = stored.lock(session, merchant_id, customer_id, link_id)
        if link.used_at is not None or link.withdrawn_at is not None:
            return False
        link.withdrawn_at = now
        subject = ("customer", customer_id)
        audit.append(session, merchant_id, Act.TASK_LINK_WITHDRAWN, by=by, at=now, subject=subject, link=str(link_id))
    return True


def _made(post: Post, customer: Customer, subscription: Subscription | None, offer: Offer, *, by: By) -> Made:
    if offer.is_mailed:
        return task_visits.mail(
            post, customer, offer.kind, subscription=subscription, return_to=offer.return_to, made_by=by.name
        )
    return task_links.make(
        post.session,
        post.merchant,
        customer,
        offer.kind,
        subscription=subscription,
        return_to=offer.return_to,
        made_by=by.name,
        lasts=AT_DESK,
        now=post.now,
    )


def _subscription(session: Session, customer: Customer, offer: Offer) -> Subscription | None:
    """Return what the task is about, of the customer; raise NoResultFound for any other, and for one too many."""
    if TASKS[offer.kind].is_about_subscription is not (offer.subscription_id is not None):
        raise NoResultFound
    if offer.subscription_id is None:
        return None
    return subscriptions.of_customer(session, customer.merchant_id, customer.id, offer.subscription_id)

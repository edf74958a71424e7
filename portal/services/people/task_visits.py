"""What a link that opens one task leads to: a button, and behind it a session that sees the pages of that task alone.

Opening a link changes nothing: scanners open links.  The first browser that presses the button has the task; the link
opens nothing after that.  Whoever holds one that opens nothing may have another one sent to the address on file, and
learns from the answer neither whether there is such a link nor such an address.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import update
from sqlalchemy.orm import Session

from portal.domain.audit import Act, By
from portal.domain.ends.end_requests import Channel
from portal.domain.integrations import task_links as tasks
from portal.domain.integrations.task_links import READS_ON, TASKS, Door, TaskKind
from portal.domain.policies import Actor
from portal.i18n import pick_locale
from portal.mail.task_links import TaskFacts, task_link
from portal.models import Customer, LoginSession, Subscription, TaskLink
from portal.queries import subscriptions
from portal.queries.people import task_links as stored
from portal.queries.people.people import Kind, OwnTask, Person
from portal.secrets import token_hash
from portal.services import task_links, throttles
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.notices.recipients import Post
from portal.services.people import logins
from portal.services.people.sessions import Visitor, open_for
from portal.services.throttles import Limit

log = structlog.get_logger("portal.task_links")

QUARTER: Final = timedelta(minutes=15)
ASKED: Final = 30  # for other links, by one network in a quarter of an hour
MAILS: Final = 3  # with another link, to one customer in a day


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What whoever holds a link may see of it. `email`: on file, empty where there is none; never shown whole."""

    link_id: uuid.UUID
    kind: TaskKind
    customer_id: uuid.UUID
    product: str
    email: str
    page: str  # below the account
    door: Door
    return_to: str
    is_vouched: bool  # a portal session
    locale: str | None
    is_over: bool  # the subscription

    @property
    def asks_code(self) -> bool:
        """Whether a code is sent before the task can be done."""
        return TASKS[self.kind].acts and not self.is_vouched

    @property
    def comes_too_late(self) -> bool:
        """Whether what it was to end is over already."""
        return TASKS[self.kind].acts and self.is_over


def look(ctx: Context, merchant_id: uuid.UUID, token: str, *, is_vouched: bool = False, now: datetime) -> Seen | None:
    """Return what a link stands for, changing nothing; None for no link of the merchant's.

    `is_vouched`: it is a portal session's.
    """
    with ctx.db.read() as session:
        link = stored.by_token(session, merchant_id, token_hash(token), is_vouched=is_vouched)
        if link is None:
            return None
        customer, subscription = _about(session, link)
        return Seen(
            link_id=link.id,
            kind=link.kind,
            customer_id=link.customer_id,
            product=subscription.product.name if subscription is not None else "",
            email=customer.email or "",
            page=tasks.page_of(link.kind, link.subscription_id),
            door=link.door(now),
            return_to=link.return_to,
            is_vouched=is_vouched,
            locale=link.locale,
            is_over=subscription is not None and subscription.is_over,
        )


def begin(
    ctx: Context, merchant_id: uuid.UUID, token: str, *, is_vouched: bool = False, visitor: Visitor, now: datetime
) -> str | None:
    """Begin the task in this browser, once; return the token of its session, None when the link opens nothing."""
    with ctx.db.begin() as session:
        link = stored.by_token(session, merchant_id, token_hash(token), is_vouched=is_vouched, lock=True)
        if link is None or link.door(now) is not Door.OPEN:
            log.info("task_link.refused", merchant_id=str(merchant_id))
            return None
        link.used_at = now
        log.info("task_link.begun", task_link_id=str(link.id), kind=link.kind.value)
        if is_vouched:
            by = By(actor=Actor.CUSTOMER, actor_id=link.customer_id, channel=Channel.PORTAL_SESSION)
            about, act = ("customer", link.customer_id), Act.PORTAL_SESSION_OPENED
            audit.append(session, merchant_id, act, by=by, at=now, subject=about, link=str(link.id))
        return open_for(
            session, Kind.CUSTOMER, merchant_id, link.customer_id, visitor=visitor, task_link_id=link.id, now=now
        )


def prove(ctx: Context, person: Person, task: OwnTask, browser_token: str, code: str, *, now: datetime) -> bool:
    """Take the code that was sent to the address on file; False when it is wrong, used, too old, tried too often."""

    def note(session: Session) -> None:
        stored.lock(session, person.merchant_id, person.id, task.link_id).proven_at = now

    return bool(person.email) and logins.prove(
        ctx, person.merchant_id, browser_token, code, email=person.email or "", then=note, now=now
    )


def finish(ctx: Context, person: Person, task: OwnTask, *, now: datetime) -> None:
    """The task is done: what its session still shows is the result, and for no more than half an hour."""
    with ctx.db.begin() as session:
        link = stored.lock(session, person.merchant_id, person.id, task.link_id)
        link.done_at = link.done_at or now
        session.execute(
            update(LoginSession)
            .where(LoginSession.id == person.session_id, LoginSession.expires_at > now + READS_ON)
            .values(expires_at=now + READS_ON)
        )


def send_another(ctx: Context, merchant_id: uuid.UUID, token: str, *, network: str, now: datetime) -> None:
    """Send another link in place of one that opens nothing any more to the address on file, where there is one.

    Says nothing about it. Raises TooManyTries by the network that asks, whatever link it asks for.
    """
    throttles.hit(ctx, Limit(name="task_link_again", who=network, count=ASKED, window=QUARTER), now=now)
    with ctx.db.begin() as session:
        link = stored.by_token(session, merchant_id, token_hash(token), lock=True)
        if link is None or link.door(now) is Door.OPEN:
            return
        customer, subscription = _about(session, link)
        limit = Limit(name="task_link_mails", who=str(customer.id), count=MAILS, window=timedelta(days=1))
        if not customer.email or throttles.count(session, limit, now=now) > limit.count:
            return
        mail(
            Post.of(ctx, session, merchant_id, now=now),
            customer,
            link.kind,
            subscription=subscription,
            return_to=link.return_to,
        )
        log.info("task_link.sent_another", task_link_id=str(link.id))


def mail(
    post: Post,
    customer: Customer,
    kind: TaskKind,
    *,
    subscription: Subscription | None,
    return_to: str = "",
    made_by: str = "",
) -> task_links.Made:
    """Make a link and write it to the customer, who has an address."""
    made = task_links.make(
        post.session,
        post.merchant,
        customer,
        kind,
        subscription=subscription,
        return_to=return_to,
        made_by=made_by,
        now=post.now,
    )
    facts = TaskFacts(
        kind=kind,
        customer_name=customer.name,
        product=subscription.product.name if subscription is not None else "",
        path=made.path,
        valid_until=made.expires_at,
    )
    head = post.letterhead(pick_locale(customer.locale, post.merchant.locale))
    post.to_customer(customer, task_link(head, facts), key=f"task-link:{made.id}")
    return made


def _about(session: Session, link: TaskLink) -> tuple[Customer, Subscription | None]:
    """Return whose link it is, and the subscription that it is about."""
    subscription = None
    if link.subscription_id is not None:
        subscription = subscriptions.of_merchant(session, link.merchant_id, link.subscription_id)
    return session.get_one(Customer, link.customer_id), subscription

"""A customer asks that what is kept of them goes (law.md R-GD-2): recorded, acknowledged, carried out by itself.

What lives is ended first, by the one engine and under its rules; where the customer may not end by themselves, the
merchant is notified as from their own page.  Only when nothing waits any more, and a day for second thoughts is over,
is it erased (`erasing`).  Locks are taken in one order: subscriptions, the customer, the wish.
"""

from __future__ import annotations

import uuid
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.audit import PORTAL, Act, By
from portal.domain.ends.end_requests import Channel, RequestState, can_withdraw, new_reference
from portal.domain.errors import DomainError, NotAllowed
from portal.domain.people.customer_erasures import REFLECTION, ErasureState
from portal.domain.policies import Actor
from portal.domain.subscriptions import Action
from portal.logs import place_of
from portal.mail import own_data as messages
from portal.mail.own_data import ErasureFacts
from portal.models import Customer, CustomerErasure, Merchant
from portal.queries import subscriptions
from portal.queries.ends import end_requests
from portal.queries.merchants import customer_erasures as stored
from portal.queries.people import customers
from portal.services.audit import audit
from portal.services.context import Context
from portal.services.ends.end_requests import Recorded, record
from portal.services.ends.end_wishes import Wish
from portal.services.ends.end_withdrawals import take_back
from portal.services.inbox import notifications
from portal.services.inbox.notifications import Notification
from portal.services.notices import notice_facts, notices
from portal.services.notices.recipients import Post
from portal.services.own_data import erasing

log = structlog.get_logger("portal.own_data")


class _TakenBack(DomainError):
    """The wish was withdrawn while an end was being asked for it."""


def by(customer_id: uuid.UUID) -> By:
    """Return the customer, at their own page."""
    return By(actor=Actor.CUSTOMER, actor_id=customer_id, channel=Channel.PORTAL)


def ask(ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, *, now: datetime) -> CustomerErasure:
    """Record the wish, acknowledge it, and ask for the ends that it needs; asked again, the open one stands.

    Raises NoResultFound.
    """
    with ctx.db.begin() as session:
        (customer,) = customers.lock(session, merchant_id, customer_id)
        known = stored.newest_of(session, merchant_id, customer_id)
        if known is not None and known.state is not ErasureState.WITHDRAWN:
            return known
        erasure = CustomerErasure(
            id=uuid.uuid4(),
            created_at=now,
            merchant_id=merchant_id,
            customer_id=customer_id,
            reference=new_reference(),
            state=ErasureState.OPEN,
            due_at=now + REFLECTION,
            ends=[],
            counts={},
        )
        session.add(erasure)
        session.flush()
        _note(session, erasure, Act.ERASURE_ASKED, now=now)
        post = Post.of(ctx, session, merchant_id, now=now)
        composed = messages.erasure_recorded(post.head_for(customer), facts_of(post.merchant, customer, erasure))
        post.to_customer(customer, composed, key=f"erasure-recorded:{erasure.id}")
    ask_for_ends(ctx, erasure, now=now)
    return erasure


def ask_for_ends(ctx: Context, erasure: CustomerErasure, *, now: datetime) -> None:
    """Ask for the end of whatever lives and of which nobody has asked for it: also of what has come since."""
    with ctx.db.read() as session:
        live = stored.to_be_ended(session, erasure.customer_id)
    for subscription_id in live:
        try:
            _end(ctx, erasure, subscription_id, now=now)
        except NotAllowed:  # the merchant keeps that to themselves: they are notified, as from the page
            told = Notification(
                merchant_id=erasure.merchant_id, customer_id=erasure.customer_id, subscription_id=subscription_id
            )
            notifications.notify(ctx, told, now=now)
        except _TakenBack:
            return


def _end(ctx: Context, erasure: CustomerErasure, subscription_id: uuid.UUID, *, now: datetime) -> None:
    wish = Wish(
        merchant_id=erasure.merchant_id,
        subscription_id=subscription_id,
        customer_id=erasure.customer_id,
        action=Action.CANCEL,
        actor=Actor.CUSTOMER,
        actor_id=erasure.customer_id,
        channel=Channel.PORTAL,
    )

    def note(session: Session, recorded: Recorded) -> None:
        wanted = stored.lock(session, erasure.id)
        if wanted.state is not ErasureState.OPEN:
            raise _TakenBack
        if recorded.is_new:
            wanted.ends = [*wanted.ends, str(recorded.request_id)]

    record(ctx, wish, now=now, also=note)


def may_withdraw(session: Session, erasure: CustomerErasure) -> bool:
    """Say whether it can be taken back: while none of the ends that it led to was sent to PayPal."""
    found = stored.states(session, erasure).values()
    ends = (state is RequestState.WITHDRAWN or can_withdraw(state, sent_at=sent_at) for state, sent_at in found)
    return erasure.state is ErasureState.OPEN and all(ends)


def withdraw(ctx: Context, merchant_id: uuid.UUID, customer_id: uuid.UUID, *, now: datetime) -> bool:
    """Take the wish back, and with it the ends that it led to; False when there is none, as at a second click.

    A notice that the merchant has stays: it is theirs to answer.  Raises NotAllowed(ALREADY_SENT).
    """
    with ctx.db.begin() as session:
        stored.lock_subscriptions(session, customer_id)
        (customer,) = customers.lock(session, merchant_id, customer_id)
        known = stored.newest_of(session, merchant_id, customer_id)
        if known is None or known.state is not ErasureState.OPEN:
            return False
        erasure = stored.lock(session, known.id)
        if erasure.state is not ErasureState.OPEN:
            return False
        for request_id in erasure.ends:
            _take_end_back(ctx, session, erasure, uuid.UUID(request_id), now=now)
        _close(ctx, session, customer, erasure, now=now)
    return True


def _close(
    ctx: Context,
    session: Session,
    customer: Customer,
    erasure: CustomerErasure,
    *,
    is_strangers: bool = False,
    now: datetime,
) -> None:
    """Write that nothing is erased, and tell whoever the account belongs to."""
    erasure.state, erasure.withdrawn_at = ErasureState.WITHDRAWN, now
    who = PORTAL if is_strangers else by(erasure.customer_id)
    _note(session, erasure, Act.ERASURE_WITHDRAWN, who=who, now=now)
    if customer.email is None:
        return
    post = Post.of(ctx, session, erasure.merchant_id, now=now)
    told = facts_of(post.merchant, customer, erasure, is_strangers=is_strangers)
    composed = messages.erasure_withdrawn(post.head_for(customer), told)
    post.to_customer(customer, composed, key=f"erasure-withdrawn:{erasure.id}")


def _close_a_strangers(ctx: Context, erasure_id: uuid.UUID, *, now: datetime) -> bool:
    """Close a wish that was made after an address was taken over, once the owner has theirs back; say whether it was.

    What PayPal was not told of is taken back with it; an end that was sent is true, whoever asked for it.
    """
    with ctx.db.begin() as session:
        erasure = session.get_one(CustomerErasure, erasure_id)
        stored.lock_subscriptions(session, erasure.customer_id)
        (customer,) = customers.lock(session, erasure.merchant_id, erasure.customer_id)
        erasure = stored.lock(session, erasure_id)
        if erasure.state is not ErasureState.OPEN or not stored.was_asked_by_a_stranger(session, erasure):
            return False
        for request_id, (state, sent_at) in stored.states(session, erasure).items():
            if can_withdraw(state, sent_at=sent_at):
                _take_end_back(ctx, session, erasure, request_id, who=PORTAL, now=now)
        _close(ctx, session, customer, erasure, is_strangers=True, now=now)
    log.info("erasure_of_a_stranger", erasure_id=str(erasure_id))
    return True


def _take_end_back(
    ctx: Context,
    session: Session,
    erasure: CustomerErasure,
    request_id: uuid.UUID,
    *,
    who: By | None = None,
    now: datetime,
) -> None:
    request = end_requests.lock(session, request_id)
    if request.state is RequestState.WITHDRAWN:
        return
    subscription = subscriptions.lock(session, erasure.merchant_id, request.subscription_id)
    take_back(session, subscription, request, by=who or by(erasure.customer_id), now=now)
    subscription.promised = None
    notices.end_withdrawn(ctx, session, request, now=now)


def run(ctx: Context, *, now: datetime) -> int:
    """Carry every open wish on; return how many there are. One that fails keeps none of the others."""
    with ctx.db.read() as session:
        found = stored.open_ones(session)
    for erasure_id in found:
        try:
            carry_on(ctx, erasure_id, now=now)
        except Exception as error:
            name, place = type(error).__name__, place_of(error)
            log.error("erasure_failed", erasure_id=str(erasure_id), error=name, place=place)
    return len(found)


def carry_on(ctx: Context, erasure_id: uuid.UUID, *, now: datetime) -> bool:
    """Ask for what still has to be asked; erase once nothing waits. Return whether it is done."""
    with ctx.db.read() as session:
        erasure = session.get_one(CustomerErasure, erasure_id)
    if erasure.state is not ErasureState.OPEN:
        return erasure.state is ErasureState.DONE
    if _close_a_strangers(ctx, erasure_id, now=now):
        return False
    ask_for_ends(ctx, erasure, now=now)
    if now < erasure.due_at:
        return False
    with ctx.db.begin() as session:
        stored.lock_subscriptions(session, erasure.customer_id)
        (customer,) = customers.lock(session, erasure.merchant_id, erasure.customer_id)
        erasure = stored.lock(session, erasure_id)
        now = max(now, utc_now())  # the locks were waited for, and PayPal's word may have come meanwhile
        waits = stored.holds(session, customer, now=now) or stored.was_asked_by_a_stranger(session, erasure)
        if erasure.state is not ErasureState.OPEN or waits:
            return False
        _say_goodbye(ctx, session, customer, erasure, now=now)
        erasure.counts = erasing.erase(session, customer, now=now)
        erasure.state, erasure.done_at = ErasureState.DONE, now
        _note(session, erasure, Act.CUSTOMER_ERASED, who=PORTAL, now=now, counts=erasure.counts)
    log.info("customer_erased", erasure_id=str(erasure_id), customer_id=str(erasure.customer_id))
    return True


def _say_goodbye(
    ctx: Context, session: Session, customer: Customer, erasure: CustomerErasure, *, now: datetime
) -> None:
    """Write the last message; whose it was is not kept with it."""
    if customer.email is None:
        return
    post = Post.of(ctx, session, customer.merchant_id, now=now)
    last = erasing.kept_until(session, post.merchant, customer.id)
    head = post.head_for(customer)
    composed = messages.erasure_done(head, facts_of(post.merchant, customer, erasure, kept_until=last))
    post.put(composed, key=f"erasure-done:{erasure.id}", recipient=customer.email, language=head.locale)


def facts_of(
    merchant: Merchant,
    customer: Customer,
    erasure: CustomerErasure,
    *,
    kept_until: datetime | None = None,
    is_strangers: bool = False,
) -> ErasureFacts:
    """Return an erasure as it is told."""
    return ErasureFacts(
        customer_name=customer.name,
        reference=erasure.reference,
        asked_at=erasure.created_at,
        due_at=erasure.due_at,
        path=f"{notice_facts.account_path(merchant)}/data",
        kept_until=kept_until,
        is_strangers=is_strangers,
    )


def _note(
    session: Session, erasure: CustomerErasure, act: Act, *, who: By | None = None, now: datetime, **details: object
) -> None:
    who = who or by(erasure.customer_id)
    subject = ("customer", erasure.customer_id)
    audit.append(
        session, erasure.merchant_id, act, by=who, at=now, subject=subject, reference=erasure.reference, **details
    )

"""Take a request to end back, while PayPal has not been told: the row and its reason stay."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from portal.domain.audit import By
from portal.domain.ends.end_requests import Channel, RequestState, can_withdraw
from portal.domain.errors import Denial, NotAllowed
from portal.domain.policies import Actor
from portal.models import EndRequest, Subscription, TimelineKind
from portal.queries import subscriptions
from portal.queries.access import products
from portal.queries.ends import end_requests
from portal.services import outgoing_access
from portal.services.audit import timeline
from portal.services.context import Context
from portal.services.dates import paid_time
from portal.services.ends import end_wishes
from portal.services.ends.end_wishes import Wish
from portal.services.inbox import received_answers
from portal.services.notices import notices
from portal.services.pauses import pause_outcomes


def withdraw(
    ctx: Context,
    merchant_id: uuid.UUID,
    customer_id: uuid.UUID,
    reference: str,
    *,
    by: By | None = None,
    now: datetime,
) -> None:
    """Take a request back while nothing was sent to PayPal; the row and its reason stay.

    `by`: who of the account's people; None for the customer.  Raises NoResultFound for a request that they did not
    make, NotAllowed(ALREADY_SENT) when it is too late.
    """
    with ctx.db.begin() as session:
        found = end_requests.of_customer(session, merchant_id, customer_id, reference)
        subscription = subscriptions.lock(session, merchant_id, found.subscription_id)
        request = end_requests.lock(session, found.id)
        if request.actor is not Actor.CUSTOMER:
            raise NoResultFound
        if request.state is RequestState.WITHDRAWN:
            return  # a second click
        take_back(
            session,
            subscription,
            request,
            by=by or By(actor=Actor.CUSTOMER, actor_id=customer_id, channel=Channel.PORTAL),
            now=now,
        )
        subscription.promised = None  # it runs on by the product's rule of now
        notices.end_withdrawn(ctx, session, request, now=now)


def withdraw_planned(
    ctx: Context, wish: Wish, request_id: uuid.UUID, *, only_planned: bool = True, now: datetime
) -> None:
    """Take back an end that staff planned for a later day. A customer's own request is the customer's to take back.

    Without `only_planned` also one that has no day, or whose day has come, as long as nothing was sent to PayPal.
    `wish` says who acts.  Raises NoResultFound for a request that staff did not make, NotAllowed when it is too
    late, or when the role does not include it.
    """
    with ctx.db.begin() as session:
        subscription = subscriptions.lock(session, wish.merchant_id, wish.subscription_id)
        end_wishes.check(session, wish, subscription, now=now)
        request = end_requests.lock(session, request_id)
        if request.subscription_id != subscription.id or request.actor is not Actor.STAFF:
            raise NoResultFound
        if request.state is RequestState.WITHDRAWN:
            return  # a second click, or a colleague's
        if only_planned and not request.is_planned(now):  # its day has come, or it never had one: PayPal is being told
            raise NotAllowed(Denial.ALREADY_SENT)
        answers = request.answers
        answered = notices.Answered(request.asked_under, request.asked_at, request.has_hour)
        take_back(session, subscription, request, by=wish.by, now=now)
        subscription.promised = None
        if answers:
            notices.end_plan_withdrawn(ctx, session, request, answered, now=now)


def take_back(
    session: Session,
    subscription: Subscription,
    request: EndRequest,
    *,
    by: By,
    now: datetime,
    is_replaced: bool = False,
) -> list[uuid.UUID]:
    """Take it back in somebody's name; return the requests by letter that wait again.

    `is_replaced`: another end is asked for in its place, by the same click.  Both locks are held.  Raises
    NotAllowed(ALREADY_SENT).
    """
    if not can_withdraw(request.state, sent_at=request.sent_at, cause=request.cause):
        raise NotAllowed(Denial.ALREADY_SENT)
    names = request.names
    request.move(RequestState.WITHDRAWN)
    request.withdrawn_at = now
    request.next_try_at = None
    pause_outcomes.restore(session, subscription, request, now=now)
    letters = received_answers.reopen(session, request, subscription, now=now)
    if not is_replaced:
        _go_after_its_plan(session, subscription, now=now)
    timeline.note(
        session,
        subscription,
        TimelineKind.END_WITHDRAWN,
        key=str(request.id),
        at=now,
        by=by,
        **names,
        **({"is_replaced": True} if is_replaced else {}),
    )
    return letters


def _go_after_its_plan(session: Session, subscription: Subscription, *, now: datetime) -> None:
    """Let what runs on have the product that its plan sells by now: only for its end was it left behind.

    The rule is that of `product_plans`, which moves whatever runs under a plan with it.
    """
    plan, left = subscription.plan, subscription.product
    if plan is None or plan.product_id == left.id or subscription.is_over:
        return
    outgoing_access.mark(session, subscription, now=now)
    subscription.product = products.of_merchant(session, subscription.merchant_id, plan.product_id)
    outgoing_access.mark(session, subscription, now=now)
    months = subscription.product.commitment_months
    if subscription.started_at is not None and months != left.commitment_months:
        cycles = plan.total_cycles or 0
        subscription.committed_until = paid_time.commitment_end(subscription, months=months, cycles=cycles)

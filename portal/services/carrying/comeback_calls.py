"""Have PayPal make the new subscription: claim, read, ask, settle (docs/decisions/0010).

Each step is a short transaction of its own; nothing is locked while PayPal is asked.  Every try carries the same
`PayPal-Request-Id` and asks for the same thing, so that a lost answer is given again and never a second subscription.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from portal.clock import utc_now
from portal.domain.ends.comebacks import ANSWER_WITHIN, ComebackState, ComebackTrouble, check, look_delay, start_at
from portal.domain.ends.end_requests import LEASE, retry_delay
from portal.domain.errors import NotAllowed
from portal.domain.law.plan_kinds import KindAnswer, PlanKind
from portal.domain.merchants import own_hosts
from portal.domain.subscriptions import ProviderStatus
from portal.models import Comeback, Merchant, Provider, Subscription
from portal.providers.ports import (
    CreatedSubscription,
    GatewayRefused,
    GatewayUnavailable,
    NewSubscription,
    PlanReading,
    Reading,
    Refusal,
    RestGateway,
)
from portal.queries import subscriptions
from portal.queries.access import products
from portal.queries.ends import comebacks
from portal.queries.ends.comebacks import never_began
from portal.secrets import CannotOpen
from portal.services.carrying.answers import VISITOR, WORKER, Patience, written
from portal.services.comebacks import close, defer, is_outdated, prospect_of
from portal.services.context import Context
from portal.services.dates.provider_facts import is_over
from portal.services.ends import endings
from portal.services.orders import order_of
from portal.services.paypal.gateways import NoKey, OtherEnvironment, heed, rest_gateway

__all__ = ["VISITOR", "WORKER", "create"]

log = structlog.get_logger(__name__)

SOLD = "ACTIVE"  # the one state of a plan in which PayPal sells it (FACTS.md 1.4)
TROUBLES = {
    Refusal.BAD_CREDENTIALS: ComebackTrouble.KEY_REFUSED,
    Refusal.FORBIDDEN: ComebackTrouble.KEY_REFUSED,
    Refusal.NOT_FOUND: ComebackTrouble.PLAN_NOT_SOLD,
    Refusal.PLAN_STATUS_INVALID: ComebackTrouble.PLAN_NOT_SOLD,
}


@dataclass(frozen=True, kw_only=True)
class Claim:
    """An attempt taken for one try. `claimed_at` is the fence: a later claim makes this one void."""

    merchant_id: uuid.UUID
    comeback_id: uuid.UUID
    subscription_id: uuid.UUID
    environment: str
    plan_id: str
    old_id: str
    never_began: bool
    claimed_at: datetime


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a try brought: a subscription, a trouble that ends it, or neither, and PayPal is asked again."""

    made: CreatedSubscription | None = None
    trouble: ComebackTrouble | None = None
    error: GatewayRefused | GatewayUnavailable | None = None


class _Lost(Exception):
    """Another process has taken the attempt."""


class _Troubled(Exception):
    """It ends here, for this reason."""

    def __init__(self, trouble: ComebackTrouble) -> None:
        super().__init__(trouble)
        self.trouble = trouble


def create(
    ctx: Context, merchant_id: uuid.UUID, comeback_id: uuid.UUID, *, patience: Patience = WORKER, insist: bool = False
) -> None:
    """Take an attempt as far as PayPal's link for the approval; what remains is scheduled.

    `insist` tries at once although a later try is planned.  Before a recovery nothing is taken (`engine.carry_out`).
    """
    if ctx.must_rest:
        return
    claim = _claim(ctx, merchant_id, comeback_id, now=utc_now(), insist=insist)
    if claim is None:
        return
    try:
        answer = _ask(ctx, claim, patience)
    except _Lost:
        return
    except Exception:  # a defect of ours: plan the next try, then let it be seen
        _settle(ctx, claim, Answer(), now=utc_now())
        raise
    written(lambda: _settle(ctx, claim, answer, now=utc_now()), row_id=comeback_id)


def _ask(ctx: Context, claim: Claim, patience: Patience) -> Answer:
    deadline = utc_now() + timedelta(seconds=patience.whole) if patience.whole is not None else None
    try:
        gateway = rest_gateway(ctx, claim.merchant_id, patience=patience.answer, environment=claim.environment)
        plan = gateway.show_plan(claim.plan_id)
        if plan.status != SOLD:
            return Answer(trouble=ComebackTrouble.PLAN_NOT_SOLD)
        old = _old(gateway, claim)
        if deadline is not None and utc_now() >= deadline:
            return Answer()  # nothing was asked for; the worker goes on
        wanted = _prepare(ctx, claim, plan, old, now=utc_now())
        return Answer(made=gateway.create_subscription(wanted, request_id=str(claim.comeback_id)))
    except (NoKey, OtherEnvironment, CannotOpen):
        return Answer(trouble=ComebackTrouble.NO_KEY)
    except _Troubled as known:
        return Answer(trouble=known.trouble)
    except GatewayRefused as refused:
        if refused.http_status == 409:  # the same call is under way (FACTS.md 1.2)
            return Answer(error=refused)
        return Answer(trouble=TROUBLES.get(refused.refusal, ComebackTrouble.REFUSED), error=refused)
    except GatewayUnavailable as unavailable:
        return Answer(error=unavailable)


def _old(gateway: RestGateway, claim: Claim) -> Reading | None:
    """Read the subscription that was ended; None for one that PayPal has forgotten because it never began."""
    try:
        return gateway.show_subscription(claim.old_id)
    except GatewayRefused as refused:
        if refused.refusal is not Refusal.NOT_FOUND:
            raise
        if claim.never_began:
            return None
        raise _Troubled(ComebackTrouble.OLD_STILL_LIVE) from None


def _claim(
    ctx: Context, merchant_id: uuid.UUID, comeback_id: uuid.UUID, *, now: datetime, insist: bool
) -> Claim | None:
    """Take the attempt for one try; None when there is nothing to do now or somebody else is at it."""
    with ctx.db.begin() as session:
        found = comebacks.of_merchant(session, merchant_id, comeback_id)
        subscription = subscriptions.lock(session, merchant_id, found.subscription_id)
        comeback = comebacks.lock(session, comeback_id)
        if comeback.state not in (ComebackState.RECORDED, ComebackState.CREATING) or comeback.provider_id:
            return None
        if comeback.claimed_at is not None and comeback.claimed_at + LEASE > now:
            defer(session, comeback, at=comeback.claimed_at + LEASE)
            return None
        if comeback.next_try_at is not None and comeback.next_try_at > now + timedelta(seconds=1) and not insist:
            return None
        comeback.move(ComebackState.CREATING)
        comeback.claimed_at = now
        comeback.next_try_at = now + LEASE  # whoever dies here is followed by the sweep
        comeback.attempts += 1
        return Claim(
            merchant_id=merchant_id,
            comeback_id=comeback_id,
            subscription_id=subscription.id,
            environment=comeback.environment,
            plan_id=comeback.plan_id,
            old_id=subscription.provider_id,
            never_began=never_began(subscription),
            claimed_at=now,
        )


def _prepare(ctx: Context, claim: Claim, plan: PlanReading, old: Reading | None, *, now: datetime) -> NewSubscription:
    """Write what was read and what is asked for now; decide once more by what PayPal shows.

    The old one goes through the one door, so that a payment made after its end moves the new one's start.
    """
    with ctx.db.begin() as session:
        subscription, comeback = _lock(session, claim)
        if not _is_ours(comeback, claim):
            raise _Lost
        if old is not None:
            endings.record_reading(ctx, session, subscription, old, now=now)
        is_live = old is not None and not is_over(old) and old.status != ProviderStatus.APPROVAL_PENDING
        trouble = ComebackTrouble.OLD_STILL_LIVE if is_live else None
        try:
            prospect = prospect_of(session, subscription)
            check(prospect.standing)
        except NotAllowed:
            trouble = trouble or ComebackTrouble.NOT_OFFERED
        if trouble is None and comeback.sent_at is not None and is_outdated(comeback, prospect, now=now):
            trouble = ComebackTrouble.NO_ANSWER  # what was asked for must not change under the same id, nor be made now
        if trouble is None:
            if comeback.sent_at is None:
                comeback.start_at = start_at(prospect.paid_until, now=now)
                comeback.sent_at = now
            _take_over_price(comeback, plan)
            (product,) = products.some(session, {comeback.product_id})
            comeback.ordered = order_of(product, plan, _kind_of(subscription)).as_json()
            return _wanted(ctx, session.get_one(Merchant, claim.merchant_id), comeback)
    raise _Troubled(trouble)  # outside: what was read stays written


def _kind_of(subscription: Subscription) -> KindAnswer:
    """Return the kind of contract that its plan makes: the new one is bought by the same."""
    return subscription.plan.answer if subscription.plan is not None else KindAnswer(kind=PlanKind.OPEN_ENDED)


def _take_over_price(comeback: Comeback, plan: PlanReading) -> None:
    comeback.amount = plan.price.amount if plan.price else None
    comeback.currency = plan.price.currency if plan.price else None
    comeback.interval_unit, comeback.interval_count = plan.interval_unit, plan.interval_count


def _wanted(ctx: Context, merchant: Merchant, comeback: Comeback) -> NewSubscription:
    page = own_hosts.address(ctx.base_url, merchant.own_host, f"/account/{merchant.slug}/comebacks/{comeback.id}")
    return NewSubscription(
        plan_id=comeback.plan_id,
        start_at=comeback.start_at,
        custom_id=str(comeback.id),
        language=comeback.language,
        return_url=f"{page}/return",
        cancel_url=f"{page}/cancelled",
    )


def _settle(ctx: Context, claim: Claim, answer: Answer, *, now: datetime) -> None:
    """Write what the try brought; another process may have done so first."""
    with ctx.db.begin() as session:
        subscription, comeback = _lock(session, claim)
        if not _is_ours(comeback, claim):
            return
        comeback.claimed_at = None
        _note_error(session, comeback, answer.error, now=now)
        trouble = answer.trouble
        if answer.made is not None:
            trouble = _take_over(comeback, answer.made, now=now)
        elif trouble is None and now - comeback.created_at >= ANSWER_WITHIN:
            trouble = ComebackTrouble.NO_ANSWER
        if trouble is not None:
            comeback.next_try_at = None
            close(session, subscription, comeback, ComebackState.FAILED, trouble, now=now)
            log.info("comeback_failed", comeback_id=str(comeback.id), trouble=trouble)
            return
        following = comeback.next_try_at if answer.made is not None else None
        comeback.next_try_at = following or now + _delay(comeback, answer.error)
        defer(session, comeback, at=comeback.next_try_at)


def _note_error(
    session: Session, comeback: Comeback, error: GatewayRefused | GatewayUnavailable | None, *, now: datetime
) -> None:
    if error is None:
        return
    heed(session, comeback.merchant_id, Provider.PAYPAL_REST, error, now=now)
    comeback.debug_id = error.debug_id
    comeback.issue = error.issue if isinstance(error, GatewayRefused) else ""


def _take_over(comeback: Comeback, made: CreatedSubscription, *, now: datetime) -> ComebackTrouble | None:
    """Write what PayPal made. An answer given again may come after the approval: then it is read at once."""
    comeback.provider_id, comeback.debug_id, comeback.issue = made.provider_id, made.debug_id, ""
    comeback.waiting_since, comeback.next_try_at = now, now
    if made.status != ProviderStatus.APPROVAL_PENDING:
        return None
    if made.approval_url is None:
        log.error("paypal_approval_page_refused", comeback_id=str(comeback.id), debug_id=made.debug_id)
        return ComebackTrouble.NO_LINK
    comeback.approval_url = made.approval_url
    comeback.move(ComebackState.WAITING)
    comeback.next_try_at = now + look_delay(timedelta(0))
    return None


def _delay(comeback: Comeback, error: GatewayRefused | GatewayUnavailable | None) -> timedelta:
    asked = error.retry_after if isinstance(error, GatewayUnavailable) else None
    return retry_delay(comeback.attempts, asked=timedelta(seconds=asked) if asked else None)


def _lock(session: Session, claim: Claim) -> tuple[Subscription, Comeback]:
    subscription = subscriptions.lock(session, claim.merchant_id, claim.subscription_id)
    return subscription, comebacks.lock(session, claim.comeback_id)


def _is_ours(comeback: Comeback, claim: Claim) -> bool:
    return comeback.state is ComebackState.CREATING and comeback.claimed_at == claim.claimed_at

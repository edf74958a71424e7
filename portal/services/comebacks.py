"""Come back, or drop it again: the intent, before PayPal hears of it (docs/decisions/0010)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.exc import IntegrityError, NoResultFound
from sqlalchemy.orm import Session

from portal import queue
from portal.domain.audit import PORTAL, By
from portal.domain.ends.comebacks import (
    OPEN,
    ComebackState,
    ComebackTrouble,
    can_be_taken_up,
    check,
    start_at,
    starts_too_early,
)
from portal.domain.ends.end_requests import Channel
from portal.domain.errors import Denial, NotAllowed
from portal.domain.merchants.merchants import Work, goes_on
from portal.domain.merchants.sections import Section, is_shown
from portal.domain.policies import Actor
from portal.models import Comeback, Merchant, Subscription, TimelineKind
from portal.queries import subscriptions
from portal.queries.ends import comebacks
from portal.queries.ends.comebacks import Prospect
from portal.queries.holdings import AnyProspect
from portal.queries.people import merchants
from portal.queries.people.people import MerchantFacts
from portal.services import tries
from portal.services.audit import timeline
from portal.services.context import Context

LATE: Final = timedelta(minutes=2)  # so long after its time, an attempt has lost its job


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Who wants to come back to which subscription. `language` is that of PayPal's pages."""

    merchant_id: uuid.UUID
    customer_id: uuid.UUID
    customer_name: str
    subscription_id: uuid.UUID
    language: str
    channel: Channel = Channel.PORTAL
    member_id: uuid.UUID | None = None  # who of the account's people; None: the customer
    express_version: str = (
        ""  # of the words by which they ask to begin within the withdrawal period; empty: they do not
    )

    @property
    def by(self) -> By:
        """Who asks."""
        who = self.member_id or self.customer_id
        return By(actor=Actor.CUSTOMER, actor_id=who, channel=self.channel, name=self.customer_name)


@dataclass(frozen=True, kw_only=True)
class Started:
    """The attempt that now stands; `is_new` is False for a second click, which gets the first one's."""

    comeback_id: uuid.UUID
    is_new: bool


def prospect_of(session: Session, subscription: Subscription) -> Prospect:
    """Return what coming back to the subscription depends on; raise NotAllowed when it is none to be invited."""
    rows = subscriptions.sold_to(session, subscription.merchant_id, subscription.customer_id)
    found = comebacks.prospects(session, subscription.merchant_id, subscription.customer_id, rows)
    if subscription.id not in found:
        raise NotAllowed(Denial.NO_COMEBACK)
    return found[subscription.id]


def is_offered(prospect: AnyProspect | None, merchant: Merchant | MerchantFacts) -> bool:
    """Say whether a page or a mail of the merchant's may offer to come back."""
    is_open = goes_on(merchant.state, Work.RETURN) and is_shown(Section.COMEBACKS, merchant.hidden_sections)
    if prospect is None or not is_open:
        return False
    try:
        check(prospect.standing)
    except NotAllowed:
        return False
    return True


def is_outdated(comeback: Comeback, prospect: Prospect, *, now: datetime) -> bool:
    """Say whether the attempt's start no longer suits what is paid: nobody is led to its link any more."""
    return starts_too_early(comeback.start_at, paid_until=prospect.paid_until, now=now)


def has_outdated_link(comeback: Comeback, prospect: Prospect | None, *, now: datetime) -> bool:
    """Say whether a page has to withhold the link of an attempt that waits, and offer to begin anew instead."""
    return comeback.state is ComebackState.WAITING and prospect is not None and is_outdated(comeback, prospect, now=now)


def start(ctx: Context, wish: Wish, *, now: datetime) -> Started:
    """Write the attempt, its timeline entry and its job in one transaction.

    One that is under way is kept, one that was dropped is taken up again while its link is good, also through another
    old subscription of the product: there are never two links for one period.
    Raises NoResultFound (not theirs) and NotAllowed.
    """
    try:
        with ctx.db.begin() as session:
            subscription = subscriptions.lock(session, wish.merchant_id, wish.subscription_id)
            if subscription.customer_id != wish.customer_id:
                raise NoResultFound
            attempts = comebacks.all_of_subscription(session, subscription.id)
            if attempts and attempts[0].state is ComebackState.APPROVED:
                return Started(comeback_id=attempts[0].id, is_new=False)
            prospect = prospect_of(session, subscription)
            if prospect.elsewhere is None:
                check(prospect.standing)
                _check_merchant(session, wish.merchant_id)
                standing = _standing(session, subscription, prospect, attempts, now=now)
                if standing is not None:
                    _ask_early(standing, wish, now=now)
                    return Started(comeback_id=standing.id, is_new=False)
                written = _write(session, subscription, prospect, wish, now=now)
                _ask_early(written, wish, now=now)
                return Started(comeback_id=written.id, is_new=True)
    except IntegrityError as error:
        if "uq_comebacks_open" in str(error.orig):  # two of the same product at the same moment
            raise NotAllowed(Denial.ALREADY_SUBSCRIBED) from None
        raise
    # After the lock was given back: nobody holds two subscriptions here, and the other one decides by its own rows.
    return start(ctx, replace(wish, subscription_id=prospect.elsewhere.subscription_id), now=now)


def _ask_early(comeback: Comeback, wish: Wish, *, now: datetime) -> None:
    """Keep whether they ask to begin within the withdrawal period, as they said it last: also that they do no more."""
    if comeback.express_version != wish.express_version:
        comeback.express_at = now if wish.express_version else None
        comeback.express_version = wish.express_version


def _check_merchant(session: Session, merchant_id: uuid.UUID) -> None:
    """Raise NotAllowed while the merchant is suspended or leaves; whoever stands already is led on."""
    if not goes_on(merchants.of(session, merchant_id).state, Work.RETURN):
        raise NotAllowed(Denial.NOT_OFFERED_NOW)


def give_up(
    ctx: Context,
    merchant_id: uuid.UUID,
    customer_id: uuid.UUID,
    comeback_id: uuid.UUID,
    *,
    by: By | None = None,
    now: datetime,
) -> None:
    """Drop an attempt that waits for the approval; PayPal is not told, and goes on being watched.

    `by`: who of the account's people; None for the customer.  Raises NoResultFound.  One that is over already stays as
    it is.
    """
    with ctx.db.begin() as session:
        found = comebacks.of_customer(session, merchant_id, customer_id, comeback_id)
        subscription = subscriptions.lock(session, merchant_id, found.subscription_id)
        comeback = comebacks.lock(session, comeback_id)
        if comeback.state is ComebackState.WAITING:
            who = by or By(actor=Actor.CUSTOMER, actor_id=comeback.customer_id, channel=Channel.PORTAL)
            close(session, subscription, comeback, ComebackState.GIVEN_UP, None, by=who, now=now)


def close_open(session: Session, subscription: Subscription, *, now: datetime) -> None:
    """Close what is under way for a subscription that may no longer be invited back; its lock is held."""
    for found in comebacks.all_of_subscription(session, subscription.id):
        comeback = comebacks.lock(session, found.id)
        if comeback.state is ComebackState.WAITING:
            close(session, subscription, comeback, ComebackState.GIVEN_UP, ComebackTrouble.NOT_OFFERED, now=now)
        elif comeback.state in OPEN:
            comeback.next_try_at = None
            close(session, subscription, comeback, ComebackState.FAILED, ComebackTrouble.NOT_OFFERED, now=now)


def close(
    session: Session,
    subscription: Subscription,
    comeback: Comeback,
    state: ComebackState,
    trouble: ComebackTrouble | None,
    *,
    by: By = PORTAL,
    now: datetime,
) -> None:
    """End an attempt that led to nothing, and say so in the old subscription's timeline."""
    comeback.move(state)
    comeback.trouble, comeback.closed_at = trouble, now
    timeline.note(session, subscription, TimelineKind.COMEBACK_GIVEN_UP, key=str(comeback.id), at=now, by=by)


def sweep(ctx: Context, *, now: datetime, limit: int = 500) -> int:
    """Give a job to every attempt whose time has passed without one; return how many there were."""
    with ctx.db.begin() as session:
        found = comebacks.overdue(session, before=now - LATE, limit=limit)
        for comeback in found:
            comeback.next_try_at = now
            defer(session, comeback, at=now)
    return len(found)


def defer(session: Session, comeback: Comeback, *, at: datetime) -> None:
    """Plan the attempt's next step."""
    queue.defer(
        session,
        queue.CARRY_ON_COMEBACK,
        at=at,
        merchant_id=str(comeback.merchant_id),
        comeback_id=str(comeback.id),
    )


def _standing(
    session: Session, subscription: Subscription, prospect: Prospect, attempts: list[Comeback], *, now: datetime
) -> Comeback | None:
    """Return the attempt that a new one would repeat, taken up again if it had been dropped.

    None where its start is outdated: it is closed, and a new one asks for the right start.
    """
    found = next((one for one in attempts if one.is_open), attempts[0] if attempts else None)
    if found is None or (found.is_open and found.state is not ComebackState.WAITING):
        return found  # what is still to be asked for looks at its start right before
    standing = comebacks.lock(session, found.id)
    outdated = is_outdated(standing, prospect, now=now)
    if standing.state is ComebackState.WAITING:
        if not outdated:
            return standing
        close(session, subscription, standing, ComebackState.GIVEN_UP, None, now=now)
        session.flush()  # before the new one is written: there is only one open attempt
        return None
    if outdated or not (standing.is_good_though_dropped and can_be_taken_up(standing.start_at, now=now)):
        return None
    standing.move(ComebackState.WAITING)
    standing.trouble = standing.closed_at = None
    return standing


def _write(session: Session, subscription: Subscription, prospect: Prospect, wish: Wish, *, now: datetime) -> Comeback:
    if subscription.plan is None:  # as `check` says of it
        raise NotAllowed(Denial.NOT_SOLD_HERE)
    comeback = Comeback(
        id=uuid.uuid4(),
        created_at=now,
        merchant_id=wish.merchant_id,
        customer_id=wish.customer_id,
        subscription_id=subscription.id,
        product_id=subscription.plan.product_id,  # what is bought: the plan may sell another one by now
        plan_id=subscription.plan.provider_id,
        environment=subscription.environment,
        language=wish.language,
        state=ComebackState.RECORDED,
        start_at=start_at(prospect.paid_until, now=now),
        next_try_at=now + tries.HEAD_START,
    )
    session.add(comeback)
    timeline.note(
        session,
        subscription,
        TimelineKind.COMEBACK_STARTED,
        key=str(comeback.id),
        at=now,
        by=wish.by,
    )
    defer(session, comeback, at=now + tries.HEAD_START)
    return comeback

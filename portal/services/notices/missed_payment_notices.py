"""A customer hears of a payment that did not come: at once, before access closes, and when it is there after all.

Only what changes here is told: a subscription that PayPal shows as late when it is met for the first time was late
before, and its customer is warned before access closes, no more.  Whoever waits for an end is not asked for money.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy.orm import Session

from portal.domain.access import access
from portal.domain.integrations.task_links import TaskKind
from portal.domain.money.money import Money
from portal.domain.subscriptions import ProviderStatus, Status
from portal.mail import missed_payments as mails
from portal.mail.composing import Composed
from portal.mail.letterhead import Letterhead
from portal.mail.missed_payments import MissedFacts
from portal.models import Subscription
from portal.queries import mails as stored_mails
from portal.queries.access import grants
from portal.queries.ends import end_requests, pauses, received_requests
from portal.queries.money import missed_payments, settlements
from portal.services import task_links
from portal.services.context import Context
from portal.services.dates import paid_time
from portal.services.notices.recipients import Post
from portal.services.rules import grants_of, rule_of


@dataclass(frozen=True)
class Standing:
    """How a subscription stood before something was learned of it."""

    status: Status
    late_since: datetime | None
    is_pending: bool  # a payment is on its way: PayPal may call it active already
    facts: access.Facts

    @classmethod
    def of(cls, subscription: Subscription) -> Self:
        """Return how it stands now."""
        is_pending = paid_time.money_of(subscription).is_pending
        return cls(subscription.status, subscription.past_due_since, is_pending, subscription.facts)


def follow(ctx: Context, session: Session, subscription: Subscription, before: Standing, *, now: datetime) -> None:
    """Tell the customer that a payment is missing, or is there again, once for each time that it was.

    That it is there hears whoever heard that it was missing, or had it taken by a click.
    """
    if subscription.status is Status.PAST_DUE and before.status is not Status.PAST_DUE:
        _tell(ctx, session, subscription, mails.payment_missed, key=_key(subscription), now=now)
    elif _has_come(session, subscription) and not paid_time.money_of(subscription).is_pending:
        missed = _awaited(session, subscription, before)
        if missed is not None:
            _tell(
                ctx, session, subscription, mails.payment_settled, key=f"{missed}:settled", now=now, facts=before.facts
            )


def _has_come(session: Session, subscription: Subscription) -> bool:
    """Say whether nothing is late any more: it runs, or PayPal alone still suspends it."""
    if subscription.status is not Status.PAUSED:
        return subscription.status is Status.ACTIVE
    return subscription.is_left_suspended(pauses.all_of_subscription(session, subscription.id))


def _awaited(session: Session, subscription: Subscription, before: Standing) -> str | None:
    """Return the key of what its customer waits for: it was late until now, or its payment was still on its way."""
    if before.status is not Status.PAST_DUE:
        return missed_payments.told_last(session, subscription.id) if before.is_pending else None
    missed = missed_payments.key(subscription.id, before.late_since)
    was_asked_for = settlements.was_done_since(session, subscription.id, before.late_since)
    return missed if was_asked_for or stored_mails.is_known(session, missed) else None


def access_closes(ctx: Context, session: Session, subscription: Subscription, *, now: datetime) -> None:
    """Warn the customer before the days of grace are over; not where nothing closes, or a gift keeps it open."""
    if subscription.status is not Status.PAST_DUE:
        return
    until = _open_until(session, subscription, subscription.facts, now=now)
    if until is not None and until > now:
        key = f"{_key(subscription)}{missed_payments.CLOSES}"
        _tell(ctx, session, subscription, mails.access_closes_soon, key=key, now=now)


def _tell(
    ctx: Context,
    session: Session,
    subscription: Subscription,
    compose: Callable[[Letterhead, MissedFacts], Composed],
    *,
    key: str,
    now: datetime,
    facts: access.Facts | None = None,
) -> None:
    if _is_end_awaited(session, subscription, now=now) or stored_mails.is_known(session, key):
        return
    post = Post.of(ctx, session, subscription.merchant_id, now=now)
    told = _facts(post, subscription, facts or subscription.facts)
    post.to_holder(subscription, compose(post.head_for(subscription.customer), told), key=key)


def _is_end_awaited(session: Session, subscription: Subscription, *, now: datetime) -> bool:
    """Say whether the customer waits for its end: asked for by any way, and not for a later day.

    Whoever has sent a notice still hears that the money is there: they may have paid by a click meanwhile.
    """
    request = end_requests.open_of(session, subscription.id)
    if request is not None and not request.is_planned(now):
        return True
    is_late = subscription.status is Status.PAST_DUE
    return is_late and received_requests.is_wished_by(session, subscription.id, now.date())


def _facts(post: Post, subscription: Subscription, facts: access.Facts) -> MissedFacts:
    until = _open_until(post.session, subscription, facts, now=post.now)
    return MissedFacts(
        customer_name=subscription.customer.name,
        product=subscription.product.name,
        amount=_unpaid(subscription),
        since=facts.past_due_since,
        is_suspended=subscription.provider_status == ProviderStatus.SUSPENDED,
        open_until=until,
        is_open=until is None or until > post.now,
        next_payment_at=subscription.next_payment_at,
        path=_path(post, subscription),
        is_schedule=subscription.is_schedule,
    )


def _path(post: Post, subscription: Subscription) -> str:
    """Return what the mail's button opens: about a payment that is missing a page without logging in, for two days."""
    if subscription.status is Status.PAST_DUE and subscription.customer.email:
        late, customer = TaskKind.LATE, subscription.customer
        made = task_links.make(post.session, post.merchant, customer, late, subscription=subscription, now=post.now)
        return made.path
    return f"/account/{post.merchant.slug}/subscriptions/{subscription.id}"


def _open_until(session: Session, subscription: Subscription, facts: access.Facts, *, now: datetime) -> datetime | None:
    """Return when all that the subscription opens closes, or closed; None where some of it stays open by a gift."""
    given = grants_of(subscription.product, grants.of_subscription(session, subscription))
    windows = [one for one in access.windows(facts, rule_of(subscription), given) if one.since <= now]
    if any(one.granted and one.is_open(now) for one in windows):
        return None
    return max((one.until for one in windows if one.until is not None), default=None)


def _unpaid(subscription: Subscription) -> Money | None:
    """Return what PayPal calls unpaid; it counts a refused payment only after its last try: until then the price."""
    amount = subscription.outstanding or subscription.amount
    return Money(amount, subscription.currency) if amount and subscription.currency else None


def _key(subscription: Subscription) -> str:
    return missed_payments.key(subscription.id, subscription.past_due_since)

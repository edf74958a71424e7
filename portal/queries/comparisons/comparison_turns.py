"""Whose turn it is to be compared: merchants with a key, subscriptions to be read again."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Row, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session, selectinload

from portal.clock import SLACK
from portal.models import (
    ComparisonDifference,
    ComparisonRun,
    ComparisonState,
    ComparisonTrigger,
    KeyState,
    PayPalAccount,
    Plan,
    Provider,
    Subscription,
)
from portal.queries.aliases import joined

READ_AGAIN_AFTER: Final = timedelta(days=3)  # every live one is read every few days (FACTS.md 5)
PAYMENT_NEAR: Final = timedelta(hours=26)  # before a payment, one is read once more
FRESH: Final = timedelta(hours=24)  # so near a payment, an older reading counts no more
WATCH_ENDED: Final = timedelta(days=60)  # one ended here before it began may still be approved by the buyer
WATCH_AGAIN_AFTER: Final = timedelta(days=7)  # the list tells of approvals every night; this is for what it missed


def known(
    session: Session, merchant_id: uuid.UUID, environment: str, provider_ids: Collection[str]
) -> dict[str, Subscription]:
    """Return the merchant's subscriptions among PayPal's ids, with product and plan."""
    rows = session.scalars(
        _comparable().where(
            Subscription.merchant_id == merchant_id,
            Subscription.environment == environment,
            Subscription.provider_id.in_(provider_ids),
        )
    )
    return {subscription.provider_id: subscription for subscription in rows}


def due_batch(
    session: Session, run: ComparisonRun, providers: Collection[Provider], *, now: datetime, limit: int
) -> Sequence[Subscription]:
    """Return the next subscriptions after `run.after_id` whose turn it is to be read, with product and plan."""
    statement = _comparable().where(
        Subscription.merchant_id == run.merchant_id,
        Subscription.environment == run.environment,
        Subscription.provider.in_(providers),
        Subscription.stopped_at_provider_at.is_(None),
    )
    if run.trigger is ComparisonTrigger.PAYMENT_DUE:
        statement = statement.where(_payment_near(now), _not_failed_lately(now))
    elif not run.everything:
        statement = statement.where(_due(now))
    if run.after_id is not None:
        statement = statement.where(Subscription.id > run.after_id)
    return session.scalars(statement.order_by(Subscription.id).limit(limit)).all()


def merchants_with_a_key(session: Session) -> Sequence[Row[uuid.UUID, str, datetime]]:
    """Return every merchant and environment with a working key, and since when they have one."""
    account = PayPalAccount
    statement = select(account.merchant_id, account.environment, func.min(account.set_at))
    statement = statement.where(account.state == KeyState.WORKING).group_by(account.merchant_id, account.environment)
    return session.execute(statement).all()


def merchants_with_payments_near(session: Session, *, now: datetime) -> Sequence[Row[uuid.UUID, str]]:
    """Return where a payment is to be read again before, through a key that works, with no comparison in the way.

    One that waits in the other environment for a key is not in the way.
    """
    run = ComparisonRun
    statement = (
        select(Subscription.merchant_id, Subscription.environment)
        .join(
            PayPalAccount,
            and_(
                PayPalAccount.merchant_id == Subscription.merchant_id,
                PayPalAccount.provider == Subscription.provider,
                PayPalAccount.environment == Subscription.environment,
                PayPalAccount.state == KeyState.WORKING,
            ),
        )
        .where(
            Subscription.stopped_at_provider_at.is_(None),
            _payment_near(now),
            _not_failed_lately(now),
            ~exists().where(
                run.merchant_id == Subscription.merchant_id,
                run.state != ComparisonState.DONE,
                or_(
                    run.state == ComparisonState.RUNNING,
                    run.wait_until.is_not(None),
                    run.environment == Subscription.environment,
                ),
            ),
        )
        .distinct()
    )
    return session.execute(statement).all()


def subscription_id(session: Session, run: ComparisonRun, provider_id: str) -> uuid.UUID | None:
    """Return the id of the merchant's subscription with PayPal's id."""
    return session.scalar(
        select(Subscription.id).where(
            Subscription.merchant_id == run.merchant_id,
            Subscription.environment == run.environment,
            Subscription.provider_id == provider_id,
        )
    )


def free_to_touch(session: Session, ids: Collection[uuid.UUID]) -> Sequence[uuid.UUID]:
    """Lock those of the subscriptions that nobody holds: who holds one reads it at PayPal anyway."""
    statement = select(Subscription.id).where(Subscription.id.in_(ids)).order_by(Subscription.id)
    return session.scalars(statement.with_for_update(key_share=True, skip_locked=True)).all()


def _comparable() -> Select[Subscription]:
    with_plan = joined(select(Subscription), (Subscription.product,), (Subscription.plan,))
    return with_plan.options(selectinload(Subscription.payments))


def _due(now: datetime) -> ColumnElement[bool]:
    ended = Subscription.ended_at
    read = Subscription.provider_read_at
    ahead = read > now + SLACK  # written by a wrong clock: no read at all
    live = and_(ended.is_(None), or_(read < now - READ_AGAIN_AFTER, ahead, _payment_near(now)))
    watched = and_(ended > now - WATCH_ENDED, or_(read < now - WATCH_AGAIN_AFTER, ahead))
    return or_(live, watched, and_(ended.is_(None), _plan_changed()))


def _plan_changed() -> ColumnElement[bool]:
    """Say that the subscription was not read since its plan was seen to have changed."""
    return exists().where(Plan.id == Subscription.plan_id, Plan.changed_at > Subscription.provider_read_at)


def _payment_near(now: datetime) -> ColumnElement[bool]:
    """Say that the next payment is near or past, and the subscription was not read for a day."""
    return and_(
        Subscription.ended_at.is_(None),
        Subscription.next_payment_at <= now + PAYMENT_NEAR,
        or_(Subscription.provider_read_at < now - FRESH, Subscription.provider_read_at > now + SLACK),
    )


def _not_failed_lately(now: datetime) -> ColumnElement[bool]:
    """Leave out what could not be read a moment ago: it is tried again every night, not every hour."""
    found = ComparisonDifference
    return ~exists().where(found.subscription_id == Subscription.id, found.error != "", found.at > now - FRESH)

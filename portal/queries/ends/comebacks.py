"""Every SELECT of attempts to come back, and of what decides whether one may be made."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, exists, or_, select
from sqlalchemy.orm import Session

from portal.domain.ends.comebacks import OPEN, Standing
from portal.domain.subscriptions import LIVE, ProviderStatus, Status, may_invite_back
from portal.models import Comeback, Merchant, PayPalAccount, Provider, Subscription
from portal.models.ends.held_requests import AnyAttempt
from portal.models.held import AnySubscription
from portal.queries import subscriptions
from portal.queries.aliases import kept_alias

A = TypeVar("A", bound=AnyAttempt)
S = TypeVar("S", bound=AnySubscription)

_THEIRS: Final = kept_alias(Subscription, "theirs")


@dataclass(frozen=True, kw_only=True)
class Prospect:
    """What coming back to one subscription depends on. `paid_until` is that of all of the product, None if unpaid."""

    standing: Standing
    paid_until: datetime | None
    newest: Comeback | None = None
    elsewhere: Comeback | None = None  # dropped, of another old one of the product, and its link is still good


def lock(session: Session, comeback_id: uuid.UUID) -> Comeback:
    """Return the attempt, locked; who also locks its subscription does so before."""
    return session.scalars(
        select(Comeback)
        .where(Comeback.id == comeback_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()


def of_merchant(session: Session, merchant_id: uuid.UUID, comeback_id: uuid.UUID) -> Comeback:
    """Return one attempt of the merchant; raise NoResultFound for any other."""
    return session.scalars(
        select(Comeback).where(Comeback.id == comeback_id, Comeback.merchant_id == merchant_id)
    ).one()


def of_customer(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, comeback_id: uuid.UUID) -> Comeback:
    """Return one attempt of the customer with its old subscription; raise NoResultFound for any other."""
    return session.scalars(
        subscriptions.whole(select(Comeback), Comeback.subscription).where(
            Comeback.id == comeback_id, Comeback.merchant_id == merchant_id, Comeback.customer_id == customer_id
        )
    ).one()


def all_of_subscription(session: Session, subscription_id: uuid.UUID) -> list[Comeback]:
    """Return every attempt to come back to a subscription, newest first."""
    rows = select(Comeback).where(Comeback.subscription_id == subscription_id)
    return list(session.scalars(rows.order_by(Comeback.created_at.desc(), Comeback.id)))


def matching(
    session: Session, merchant_id: uuid.UUID, environment: str, shown: Collection[tuple[str, str | None]]
) -> dict[str, Comeback]:
    """Return the attempts that led to what PayPal shows: pairs of its id and of the `custom_id` that we gave it."""
    ids = {provider_id for provider_id, _ in shown}
    own = {found: provider_id for provider_id, custom_id in shown if (found := _uuid(custom_id)) is not None}
    rows = session.scalars(
        select(Comeback).where(
            Comeback.merchant_id == merchant_id,
            Comeback.environment == environment,
            or_(Comeback.provider_id.in_(ids), Comeback.id.in_(own)),
        )
    )
    return {row.provider_id if row.provider_id in ids else own[row.id]: row for row in rows}


def overdue(session: Session, *, before: datetime, limit: int) -> Sequence[Comeback]:
    """Return attempts whose next try should have come before that moment, locked; none that somebody holds."""
    return session.scalars(
        select(Comeback)
        .where(Comeback.next_try_at < before)
        .order_by(Comeback.next_try_at)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
    ).all()


def wanted(session: Session, customer_id: uuid.UUID) -> set[uuid.UUID | str]:
    """Return what the customer is coming back to: products by our id and, as a plan may have moved, plans by PayPal's.

    Two customers of whom both want one of them are buying the same.
    """
    mine = Comeback.customer_id == customer_id, Comeback.state.in_(OPEN)
    found = session.execute(select(Comeback.product_id, Comeback.plan_id).where(*mine))
    return {one for pair in found for one in pair}


def prospects(
    session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, rows: Sequence[Subscription]
) -> dict[uuid.UUID, Prospect]:
    """Return what coming back depends on, for each of the customer's subscriptions that may be invited back at all.

    `rows` are all of the customer's subscriptions, with customer and plan.
    """
    invited = [
        row
        for row in rows
        if may_invite_back(row.status, relaunch_allowed=row.relaunch_allowed, is_schedule=row.is_schedule)
    ]
    if not invited:
        return {}
    sells_in = (
        select(PayPalAccount.environment)
        .where(PayPalAccount.merchant_id == merchant_id, PayPalAccount.provider == Provider.PAYPAL_REST)
        .scalar_subquery()
    )
    tried = session.execute(
        select(sells_in, Comeback)
        .select_from(Merchant)  # so that there is a row also where nobody tried
        .outerjoin(Comeback, and_(Comeback.merchant_id == Merchant.id, Comeback.customer_id == customer_id))
        .where(Merchant.id == merchant_id)
        .order_by(Comeback.created_at, Comeback.id)
    ).all()
    environment, attempts = tried[0][0], [attempt for _, attempt in tried if attempt is not None]
    return {row.id: _prospect(row, rows, attempts, environment) for row in invited}


def has_abandoned(customer_id: SQLColumnExpression[uuid.UUID] | uuid.UUID) -> ColumnElement[bool]:
    """Say, within a statement, whether anything of a customer is *abandoned*: then nothing invites them back."""
    return exists().where(_THEIRS.customer_id == customer_id, _THEIRS.status == Status.ABANDONED)


def is_abandoned(session: Session, customer_id: uuid.UUID) -> bool:
    """Say whether anything of the customer is *abandoned*."""
    return bool(session.scalar(select(has_abandoned(customer_id))))


def never_began(subscription: AnySubscription) -> bool:
    """Say whether it ended before anything was approved or paid at PayPal."""
    return subscription.started_at is None and subscription.last_payment_at is None


def _prospect(
    row: Subscription, rows: Sequence[Subscription], attempts: Sequence[Comeback], environment: str | None
) -> Prospect:
    others = _same(row, rows)
    contact_allowed = row.customer.contact_allowed
    return Prospect(
        standing=standing_of(row, rows, attempts, sold_in=environment, contact_allowed=contact_allowed),
        paid_until=max((one.paid_until for one in (row, *others) if one.paid_until is not None), default=None),
        newest=newest_of(row, attempts),
        elsewhere=_elsewhere(row, rows, attempts),
    )


def rivals(row: AnySubscription, rows: Sequence[S]) -> list[S]:
    """Return what else of the same product takes money, or soon will; `rows` are all of its customer's.

    One that waits for an approval elsewhere takes none, and PayPal tells nobody when it forgets it.
    """
    waits = ProviderStatus.APPROVAL_PENDING
    return [one for one in _same(row, rows) if one.status in LIVE and one.provider_status != waits]


def standing_of(
    row: AnySubscription,
    rows: Sequence[AnySubscription],
    attempts: Sequence[AnyAttempt],
    *,
    sold_in: str | None,
    contact_allowed: bool,
) -> Standing:
    """Return what decides whether a subscription may be taken up again.

    `rows` are all of the customer's, `attempts` all that they made, oldest first; `sold_in` is the REST key's
    environment.  *Abandoned* is a word about the customer: whoever it is said of once is never again invited to
    anything of the merchant's (product.md, words).
    """
    others, left = _same(row, rows), any(one.status is Status.ABANDONED for one in rows)
    asked = any(one.is_open and one.subscription_id != row.id for one in _attempts_at(row, rows, attempts))
    return Standing(
        status=row.status,
        relaunch_allowed=row.relaunch_allowed and not left,
        contact_allowed=contact_allowed,
        is_sold_by_rest=(row.provider is Provider.PAYPAL_REST and row.plan is not None and row.environment == sold_in),
        is_stopped=row.stopped_at_provider_at is not None or never_began(row),
        is_paid_time_known=all(one.paid_until is not None or never_began(one) for one in (row, *others) if one.is_over),
        has_successor=any(one.predecessor_id == row.id for one in rows),
        has_rival=bool(rivals(row, rows)) or asked or _elsewhere(row, rows, attempts) is not None,
    )


def newest_of(row: AnySubscription, attempts: Sequence[A]) -> A | None:
    """Return the newest attempt to come back to it; `attempts` are all of its customer, oldest first."""
    return next((one for one in reversed(attempts) if one.subscription_id == row.id), None)


def _elsewhere(row: AnySubscription, rows: Sequence[AnySubscription], attempts: Sequence[A]) -> A | None:
    """Of several whose link is still good, the newest is the one that is taken up again."""
    good = [one for one in _attempts_at(row, rows, attempts) if one.is_good_though_dropped]
    is_asked_here = any(one.is_open for one in attempts if one.subscription_id == row.id)
    return good[-1] if good and not is_asked_here and good[-1].subscription_id != row.id else None


def _same(row: AnySubscription, rows: Sequence[S]) -> list[S]:
    """Return the others that are of the product, of what its plan sells today, or were bought by the same plan.

    A plan that is moved takes along what runs and leaves what has ended: the product of that alone no longer says
    what coming back would buy.
    """
    products, plan = _products(row), row.plan_id
    return [
        one
        for one in rows
        if one.id != row.id and (one.product_id in products or (plan is not None and one.plan_id == plan))
    ]


def _attempts_at(row: AnySubscription, rows: Sequence[AnySubscription], attempts: Sequence[A]) -> list[A]:
    """Return the attempts that buy the same, through whichever old subscription, in their order."""
    products, olds = _products(row), {row.id, *(one.id for one in _same(row, rows))}
    return [one for one in attempts if one.product_id in products or one.subscription_id in olds]


def _products(row: AnySubscription) -> set[uuid.UUID]:
    """Return what it was sold as, and what its plan sells today."""
    return {row.product_id} if row.plan is None else {row.product_id, row.plan.product_id}


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None

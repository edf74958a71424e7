"""Every SELECT of subscriptions, scoped to a person or a merchant, or locking."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, func, inspect, or_, select
from sqlalchemy.orm import Session, selectinload

from portal.domain.subscriptions import ENDED
from portal.models import EndRequest, Merchant, PauseRequest, Plan, Product, Subscription
from portal.queries import surroundings
from portal.queries.aliases import S, joined

_THIS: Final = Subscription.id == bindparam("subscription_id")
_OF_MERCHANT: Final = Subscription.merchant_id == bindparam("merchant_id")
_OF_CUSTOMER: Final = Subscription.customer_id == bindparam("customer_id")


def whole(statement: S, *first: Any, is_one: bool = False) -> S:
    """Load what a subscription's pages and its end need: customer, product with contents, plan.

    `first` leads to it from another row, and is loaded too.  Of one (`is_one`) the few contents come with it.
    """
    contents = (*first, Subscription.product, Product.contents)
    return joined(statement, (*first, Subscription.customer), contents, (*first, Subscription.plan), together=is_one)


@cache
def _whole() -> Select[Subscription]:
    return whole(select(Subscription))


@cache
def _one(*, again: bool = False) -> Select[Subscription]:
    """One whole subscription; `again`: over what the session knew of it, under a lock that was waited for."""
    return whole(select(Subscription), is_one=True).execution_options(populate_existing=again)


@cache
def _with_payments() -> Select[Subscription]:
    """For pages: they reckon what is still taken after their session has closed; under a lock few need it."""
    return _one().options(selectinload(Subscription.payments))


def all_of_customer(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID) -> list[Subscription]:
    """Return the customer's subscriptions, newest first."""
    statement = _whole().where(Subscription.merchant_id == merchant_id, Subscription.customer_id == customer_id)
    return list(session.scalars(statement.order_by(Subscription.created_at.desc(), Subscription.id)))


def newest(session: Session, merchant_id: uuid.UUID) -> Subscription | None:
    """Return the merchant's newest subscription, None before the first."""
    statement = _one().where(Subscription.merchant_id == merchant_id)
    return session.scalars(statement.order_by(Subscription.created_at.desc(), Subscription.id.desc()).limit(1)).first()


def former_of(session: Session, subscription: Subscription) -> list[Subscription]:
    """Return what its customer had of the same product before, and is over."""
    statement = _whole().where(
        Subscription.merchant_id == subscription.merchant_id,
        Subscription.customer_id == subscription.customer_id,
        Subscription.product_id == subscription.product_id,
        Subscription.id != subscription.id,
        Subscription.status.in_(ENDED),
    )
    return list(session.scalars(statement))


def sold_to(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID) -> list[Subscription]:
    """Return the customer's subscriptions as coming back looks at them: with customer and plan, in one statement."""
    return list(session.scalars(_sold(), {"merchant_id": merchant_id, "customer_id": customer_id}))


@cache
def _sold() -> Select[Subscription]:
    with_plan = joined(select(Subscription), (Subscription.customer,), (Subscription.plan,))
    return with_plan.where(_OF_MERCHANT, _OF_CUSTOMER)


def of_customer(
    session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, subscription_id: uuid.UUID
) -> Subscription:
    """Return one subscription of the customer; raise NoResultFound for any other."""
    whose = {"merchant_id": merchant_id, "customer_id": customer_id, "subscription_id": subscription_id}
    return session.scalars(_theirs(), whose).unique().one()


@cache
def _theirs() -> Select[Subscription]:
    return _ours().where(_OF_CUSTOMER)


def of_merchant(session: Session, merchant_id: uuid.UUID, subscription_id: uuid.UUID) -> Subscription:
    """Return one subscription of the merchant; raise NoResultFound for any other."""
    whose = {"merchant_id": merchant_id, "subscription_id": subscription_id}
    return session.scalars(_ours(), whose).unique().one()


@cache
def _ours() -> Select[Subscription]:
    return _with_payments().where(_THIS, _OF_MERCHANT)


def neighbours(session: Session, subscription: Subscription) -> list[Subscription]:
    """Return the subscription that this one took up again, and those that took it up, oldest first."""
    before, after = Subscription.id == subscription.predecessor_id, Subscription.predecessor_id == subscription.id
    statement = select(Subscription).where(Subscription.merchant_id == subscription.merchant_id, or_(before, after))
    return list(session.scalars(statement.order_by(Subscription.created_at, Subscription.id)))


def of_request(session: Session, request: EndRequest | PauseRequest) -> Subscription:
    """Return the request's subscription, whole: the one that the session holds, else read."""
    found = held(session, request.subscription_id)
    if found is not None:
        return found
    mine = Subscription.id == request.subscription_id, Subscription.merchant_id == request.merchant_id
    return session.scalars(_one().where(*mine)).unique().one()


def held(session: Session, subscription_id: uuid.UUID) -> Subscription | None:
    """Return the subscription if the session holds it whole, without asking: what is locked is not read again."""
    found: Subscription | None = session.identity_map.get(session.identity_key(Subscription, subscription_id))
    if found is None or not _PARTS.isdisjoint(inspect(found).unloaded) or "contents" in inspect(found.product).unloaded:
        return None
    return found


_PARTS: Final = frozenset({"id", "customer", "product", "plan"})


def holding(which: ColumnElement[bool]) -> Select[uuid.UUID]:
    """Lock one subscription of the merchant until the transaction ends, and tell its id.

    Locks are always taken in this order: the subscription, then its request.  It is read after that, in a statement
    of its own: what was waited for may have changed the customer too, whom this one saw before.
    """
    return select(Subscription.id).where(which, _OF_MERCHANT).with_for_update(key_share=True)


def lock(session: Session, merchant_id: uuid.UUID, subscription_id: uuid.UUID) -> Subscription:
    """Return one subscription of the merchant, locked until the transaction ends; raise NoResultFound."""
    which = {"merchant_id": merchant_id, "subscription_id": subscription_id}
    return _locked(session, session.execute(_held(), which).scalar_one())


@cache
def _held() -> Select[uuid.UUID]:
    return holding(_THIS)


def _locked(session: Session, subscription_id: uuid.UUID) -> Subscription:
    """Read what was locked: the subscription, its merchant, and whether anything hangs on it."""
    found = session.execute(_with_surroundings(), {"subscription_id": subscription_id}).unique().one()
    surroundings.note(session, subscription_id, found)
    return cast(Subscription, found.Subscription)


@cache
def _with_surroundings() -> Select[*tuple[Any, ...]]:
    return (
        _one(again=True)
        .add_columns(Merchant, *surroundings.columns())
        .join(Merchant, Merchant.id == Subscription.merchant_id)
        .where(_THIS)
    )


def lock_by_provider_id(
    session: Session, merchant_id: uuid.UUID, *, environment: str, provider_id: str
) -> Subscription | None:
    """Return the subscription with PayPal's id, locked as by `lock`; None if the merchant does not have it."""
    found = session.execute(
        select(Subscription.id)
        .where(
            Subscription.merchant_id == merchant_id,
            Subscription.environment == environment,
            Subscription.provider_id == provider_id,
        )
        .with_for_update(key_share=True)
    ).scalar_one_or_none()
    return _locked(session, found) if found is not None else None


_KNOWN: Final = (
    Subscription.environment == bindparam("environment"),
    Subscription.provider_id.in_(bindparam("provider_ids", expanding=True)),
)


def lock_known(
    session: Session,
    merchant_id: uuid.UUID,
    environment: str,
    provider_ids: Collection[str],
    *,
    others: Collection[uuid.UUID] = (),
) -> set[str]:
    """Lock those of PayPal's ids that the merchant has, and `others` of the merchant's with them; return the ids.

    Who locks several takes them by id, here and in `lock_live`.
    """
    which = {"merchant_id": merchant_id, "environment": environment, "provider_ids": list(provider_ids)}
    return set(session.scalars(_lock_known(), which | {"others": list(others)}))


@cache
def _lock_known() -> Select[str]:
    others = Subscription.id.in_(bindparam("others", expanding=True))
    return (
        select(Subscription.provider_id)
        .where(_OF_MERCHANT, or_(and_(*_KNOWN), others))
        .order_by(Subscription.id)
        .with_for_update(key_share=True)
    )


def lock_all_known(
    session: Session, merchant_id: uuid.UUID, environment: str, provider_ids: Collection[str]
) -> dict[str, Subscription]:
    """Return those of PayPal's ids that the merchant has, by them: whole, with their payments, locked as by `lock`."""
    known = lock_known(session, merchant_id, environment, provider_ids)
    which = {"merchant_id": merchant_id, "environment": environment, "provider_ids": list(known)}
    return {row.provider_id: row for row in session.scalars(_all_known(), which)}


@cache
def _all_known() -> Select[Subscription]:
    """With their payments; over what the session knew of them."""
    whole = _whole().options(selectinload(Subscription.payments)).where(_OF_MERCHANT, *_KNOWN)
    return whole.execution_options(populate_existing=True)


def lock_live(
    session: Session, product_id: uuid.UUID, *, plan_id: uuid.UUID | None = None
) -> Sequence[Row[Subscription, int | None]]:
    """Lock what began and has not ended of a product, or of one of its plans; return each with its plan's cycles."""
    of_plan = () if plan_id is None else (Subscription.plan_id == plan_id,)
    return session.execute(
        select(Subscription, Plan.total_cycles)
        .outerjoin(Plan, Plan.id == Subscription.plan_id)
        .where(
            Subscription.product_id == product_id,
            Subscription.started_at.is_not(None),
            Subscription.ended_at.is_(None),
            *of_plan,
        )
        .order_by(Subscription.id)
        .with_for_update(key_share=True, of=Subscription)
    ).all()


def hold_running(session: Session, product_id: uuid.UUID, *, plan_id: uuid.UUID | None = None) -> int:
    """Lock whatever of a product, or of one of its plans, has not ended; return how many that are.

    An end that is being written is waited for, a later one waits.
    """
    of_plan = () if plan_id is None else (Subscription.plan_id == plan_id,)
    running = Subscription.product_id == product_id, Subscription.ended_at.is_(None), *of_plan
    held = select(Subscription.id).where(*running).order_by(Subscription.id).with_for_update(key_share=True)
    return session.execute(select(func.count()).select_from(held.subquery())).scalar_one()


def lock_to_watch(session: Session, *, now: datetime) -> Subscription | None:
    """Return the ended one that is to be looked at next for late money, locked; None when nothing is due."""
    return session.scalars(
        select(Subscription)
        .where(Subscription.next_watch_at <= now)
        .order_by(Subscription.next_watch_at)
        .limit(1)
        .with_for_update(key_share=True, skip_locked=True)
    ).one_or_none()


def by_provider_id(
    session: Session, merchant_id: uuid.UUID, *, environment: str, provider_id: str
) -> Subscription | None:
    """Return the subscription with PayPal's id, if the merchant has it."""
    return session.scalars(
        select(Subscription).where(
            Subscription.merchant_id == merchant_id,
            Subscription.environment == environment,
            Subscription.provider_id == provider_id,
        )
    ).one_or_none()

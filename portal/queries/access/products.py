"""Every SELECT of products at the desk, scoped by merchant."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, exists, func, literal, or_, select
from sqlalchemy.orm import Session, selectinload

from portal.domain.ends.end_requests import OPEN
from portal.models import EndRequest, Grant, Plan, Product, ProductContent, Subscription
from portal.models.names import reading_order
from portal.queries.aliases import joined

MOST = 500


def all_of_merchant(session: Session, merchant_id: uuid.UUID) -> list[Product]:
    """Return the merchant's products by name, each with its plans and contents."""
    return list(
        session.scalars(
            select(Product)
            .options(selectinload(Product.plans), selectinload(Product.contents))
            .where(Product.merchant_id == merchant_id)
            .order_by(reading_order(Product.name), Product.id)
            .limit(MOST)
        )
    )


def names(session: Session, merchant_id: uuid.UUID) -> list[Row[Any]]:
    """Return id and name of the merchant's products, by name: for a filter."""
    return list(
        session.execute(
            select(Product.id, Product.name)
            .where(Product.merchant_id == merchant_id)
            .order_by(reading_order(Product.name), Product.id)
            .limit(MOST)
        )
    )


def some_names(session: Session, merchant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> list[Row[Any]]:
    """Return id and name of those of the products that are the merchant's."""
    if not ids:
        return []
    mine = select(Product.id, Product.name).where(Product.merchant_id == merchant_id, Product.id.in_(ids))
    return list(session.execute(mine))


def names_with_plans(session: Session, merchant_id: uuid.UUID) -> list[Row[Any]]:
    """Return id and name of each product, and of each of its plans, by name: for a filter that knows both."""
    return list(
        session.execute(
            select(Product.id, Product.name, Plan.id.label("plan_id"), Plan.name.label("plan"), Plan.currency)
            .outerjoin(Plan, Plan.product_id == Product.id)
            .where(Product.merchant_id == merchant_id)
            .order_by(reading_order(Product.name), Product.id, Plan.name, Plan.id)
            .limit(2 * MOST)
        )
    )


def some_plan_names(session: Session, merchant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> list[Row[Any]]:
    """Return id and name of those of the plans that are the merchant's."""
    if not ids:
        return []
    named = Product.name.concat(literal(" – ")).concat(Plan.name).label("name")
    plans = select(Plan.id, named).join(Product, Product.id == Plan.product_id)
    return list(session.execute(plans.where(Plan.merchant_id == merchant_id, Plan.id.in_(ids))))


def of_merchant(session: Session, merchant_id: uuid.UUID, product_id: uuid.UUID) -> Product:
    """Return one product of the merchant with plans and contents; raise NoResultFound for any other."""
    return session.scalars(
        select(Product)
        .options(selectinload(Product.plans), selectinload(Product.contents))
        .where(Product.id == product_id, Product.merchant_id == merchant_id)
    ).one()


def some(session: Session, ids: Collection[uuid.UUID]) -> list[Product]:
    """Return these products with their contents; the caller knows whose they are."""
    if not ids:
        return []
    return list(session.scalars(select(Product).options(selectinload(Product.contents)).where(Product.id.in_(ids))))


def contents(session: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[ProductContent]]:
    """Return what these products open, by product; nothing is asked where there is none. The caller knows whose."""
    return {product.id: product.contents for product in some(session, ids)}


def lock(session: Session, merchant_id: uuid.UUID, product_id: uuid.UUID) -> Product:
    """Return one product of the merchant with its contents, locked; raise NoResultFound for any other."""
    return session.scalars(
        select(Product)
        .options(selectinload(Product.contents))
        .where(Product.id == product_id, Product.merchant_id == merchant_id)
        .with_for_update(key_share=True)  # rows that refer to the product may be written meanwhile
    ).one()


@dataclass(frozen=True, kw_only=True)
class Audience:
    """Whom a product's rules concern: subscriptions by where they stand, and what was given by hand."""

    running: int  # not over
    ending: int  # of these, those whose end was asked for
    over: int
    given: int  # by hand, and not over

    @property
    def is_anybody(self) -> bool:
        """Whether there is anybody to be told of."""
        return bool(self.running or self.over or self.given)


def audience(session: Session, product_id: uuid.UUID, *, now: datetime) -> Audience:
    """Return how many the product concerns at that moment; the caller knows whose it is."""
    own = Subscription.product_id == product_id
    running, over = own & Subscription.ended_at.is_(None), own & Subscription.ended_at.is_not(None)
    given = Grant.product_id == product_id, or_(Grant.until.is_(None), Grant.until > now)
    counts = [
        select(func.count()).select_from(Subscription).where(running).scalar_subquery(),
        select(func.count()).select_from(Subscription).where(running, is_ending()).scalar_subquery(),
        select(func.count()).select_from(Subscription).where(over).scalar_subquery(),
        select(func.count()).select_from(Grant).where(*given).scalar_subquery(),
    ]
    row = session.execute(select(*counts)).one()
    return Audience(running=row[0], ending=row[1], over=row[2], given=row[3])


def is_ending() -> ColumnElement[bool]:
    """Whether a subscription's end was asked for, and PayPal has not confirmed it."""
    return exists().where(EndRequest.subscription_id == Subscription.id, EndRequest.state.in_(OPEN))


def ending_of_plan(session: Session, plan_id: uuid.UUID) -> int:
    """Count the plan's subscriptions whose end was asked for and has not come."""
    own = Subscription.plan_id == plan_id, Subscription.ended_at.is_(None), is_ending()
    return session.execute(select(func.count()).select_from(Subscription).where(*own)).scalar_one()


def is_named(session: Session, merchant_id: uuid.UUID, name: str) -> bool:
    """Say whether the merchant has a product of that name, written in any case."""
    mine = Product.merchant_id == merchant_id, func.lower(Product.name) == func.lower(name)
    return session.scalar(select(exists().where(*mine))) or False


def plans_of_merchant(session: Session, merchant_id: uuid.UUID) -> list[Plan]:
    """Return every plan that is known, by name, each with its product."""
    return list(
        session.scalars(
            joined(select(Plan), (Plan.product,))
            .where(Plan.merchant_id == merchant_id)
            .order_by(reading_order(Plan.name), Plan.provider_id)
            .limit(MOST)
        )
    )


def plan(session: Session, merchant_id: uuid.UUID, plan_id: uuid.UUID) -> Plan:
    """Return one plan of the merchant with its product; raise NoResultFound for any other."""
    own = Plan.id == plan_id, Plan.merchant_id == merchant_id
    return session.scalars(joined(select(Plan), (Plan.product,)).where(*own)).one()


def sold_by(session: Session, merchant_id: uuid.UUID, plan_id: uuid.UUID) -> uuid.UUID:
    """Return the id of the product that one plan of the merchant sells; raise NoResultFound for any other."""
    own = Plan.id == plan_id, Plan.merchant_id == merchant_id
    return session.scalars(select(Plan.product_id).where(*own)).one()


def lock_plan(session: Session, merchant_id: uuid.UUID, plan_id: uuid.UUID) -> Plan:
    """Return one plan of the merchant, locked; raise NoResultFound for any other."""
    own = Plan.id == plan_id, Plan.merchant_id == merchant_id
    return session.scalars(select(Plan).where(*own).with_for_update(key_share=True)).one()


def running_by_plan(session: Session, merchant_id: uuid.UUID) -> dict[uuid.UUID, int]:
    """Return how many subscriptions that are not over each plan has; a plan without any is not among them."""
    rows = session.execute(
        select(Subscription.plan_id, func.count())
        .where(
            Subscription.merchant_id == merchant_id,
            Subscription.ended_at.is_(None),
            Subscription.plan_id.is_not(None),
        )
        .group_by(Subscription.plan_id)
    )
    return {plan_id: number for plan_id, number in rows if plan_id is not None}


def over_of_plan(session: Session, plan_id: uuid.UUID) -> int:
    """Return how many subscriptions of the plan are over; the caller knows whose it is."""
    over = Subscription.plan_id == plan_id, Subscription.ended_at.is_not(None)
    return session.scalar(select(func.count()).select_from(Subscription).where(*over)) or 0

"""The SELECT behind the merchant's first steps: one statement, whatever the number of subscriptions."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BindParameter, Select, bindparam, exists, func, or_, select
from sqlalchemy.orm import Session

from portal.domain.desk.first_steps import Facts
from portal.models import Customer, KeyState, Merchant, PayPalAccount, Product, Subscription
from portal.models.names import reading_order

__all__ = ["Found", "of_merchant"]


@dataclass(frozen=True, kw_only=True)
class Key:
    """The key as the page names it."""

    environment: str
    ending: str
    checked_at: datetime


@dataclass(frozen=True, kw_only=True)
class Found:
    """The facts, and what the page names of them."""

    facts: Facts
    key: Key | None
    unread: tuple[uuid.UUID, str] | None  # the first product whose rules nobody has saved
    sample: uuid.UUID | None  # a customer whose space shows what customers see


def _statement() -> Select[*tuple[Any, ...]]:
    mine: BindParameter[uuid.UUID] = bindparam("merchant_id")
    unread = Product.merchant_id == mine, Product.reviewed_at.is_(None)
    passed = or_(PayPalAccount.state == KeyState.WORKING, PayPalAccount.broken_since.is_not(None))
    key = (
        select(PayPalAccount.id)
        .where(PayPalAccount.merchant_id == mine, passed)
        .order_by(PayPalAccount.provider.desc())
    )
    first = select(Product.id).where(*unread).order_by(reading_order(Product.name), Product.id).limit(1)
    return (
        select(
            PayPalAccount.environment,
            PayPalAccount.secret_ending,
            PayPalAccount.checked_at,
            exists().where(Subscription.merchant_id == mine).label("has_subscriptions"),
            select(func.count()).where(Product.merchant_id == mine).scalar_subquery().label("products"),
            select(func.count()).where(*unread).scalar_subquery().label("products_unread"),
            Product.id.label("unread_id"),
            Product.name.label("unread_name"),
            select(Subscription.customer_id)
            .join(Customer, Customer.id == Subscription.customer_id)
            .where(Subscription.merchant_id == mine, Customer.erased_at.is_(None))
            .limit(1)
            .scalar_subquery()
            .label("sample"),
            Merchant.self_cancellation,
            Merchant.first_customer_at.is_not(None).label("customer_came"),
        )
        .select_from(Merchant)
        .outerjoin(PayPalAccount, PayPalAccount.id == key.limit(1).scalar_subquery())
        .outerjoin(Product, Product.id == first.scalar_subquery())
        .where(Merchant.id == mine)
    )


STATEMENT: Final = _statement()


def of_merchant(session: Session, merchant_id: uuid.UUID) -> Found:
    """Return how far the merchant is."""
    row = session.execute(STATEMENT, {"merchant_id": merchant_id}).one()
    has_key = row.environment is not None
    return Found(
        facts=Facts(
            key_passed=has_key,
            has_subscriptions=row.has_subscriptions,
            products=row.products,
            products_unread=row.products_unread,
            self_cancellation=row.self_cancellation,
            customer_came=row.customer_came,
        ),
        key=Key(environment=row.environment, ending=row.secret_ending, checked_at=row.checked_at) if has_key else None,
        unread=(row.unread_id, row.unread_name) if row.unread_id is not None else None,
        sample=row.sample,
    )

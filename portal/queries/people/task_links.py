"""Every SELECT of links that open one task, scoped by merchant."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.models import Customer, Product, Subscription, TaskLink


def by_token(
    session: Session, merchant_id: uuid.UUID, token_hash: str, *, is_vouched: bool = False, lock: bool = False
) -> TaskLink | None:
    """Return the merchant's link with that token, whatever became of it; `lock` keeps it until the transaction ends.

    `is_vouched`: among portal sessions, which have addresses of their own; else among the other links.
    """
    kind = TaskLink.vouched_by != "" if is_vouched else TaskLink.vouched_by == ""
    statement = select(TaskLink).where(TaskLink.merchant_id == merchant_id, TaskLink.token_hash == token_hash, kind)
    return session.scalars(statement.with_for_update(key_share=True) if lock else statement).one_or_none()


def lock(session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, link_id: uuid.UUID) -> TaskLink:
    """Return one link of the customer, locked; raise NoResultFound for any other."""
    return session.scalars(
        select(TaskLink)
        .where(TaskLink.id == link_id, TaskLink.customer_id == customer_id, TaskLink.merchant_id == merchant_id)
        .with_for_update(key_share=True)
    ).one()


def open_by_hand(
    session: Session, merchant_id: uuid.UUID, customer_id: uuid.UUID, *, now: datetime
) -> Sequence[TaskLink]:
    """Return the links of the customer that staff made and nobody has used, the newest first."""
    return session.scalars(
        select(TaskLink)
        .where(
            TaskLink.merchant_id == merchant_id,
            TaskLink.customer_id == customer_id,
            TaskLink.made_by != "",
            TaskLink.used_at.is_(None),
            TaskLink.withdrawn_at.is_(None),
            TaskLink.expires_at > now,
        )
        .order_by(TaskLink.created_at.desc(), TaskLink.id)
    ).all()


def newest_vouched(
    session: Session, merchant_id: uuid.UUID, *, limit: int
) -> list[tuple[TaskLink, str, str | None, str | None]]:
    """Return the merchant's newest portal sessions, each with its customer's name and address, and its product."""
    rows = session.execute(
        select(TaskLink, Customer.name, Customer.email, Product.name)
        .join(Customer, Customer.id == TaskLink.customer_id)
        .outerjoin(Subscription, Subscription.id == TaskLink.subscription_id)
        .outerjoin(Product, Product.id == Subscription.product_id)
        .where(TaskLink.merchant_id == merchant_id, TaskLink.vouched_by != "")
        .order_by(TaskLink.created_at.desc(), TaskLink.id)
        .limit(limit)
    )
    return [(link, name, email, product) for link, name, email, product in rows]

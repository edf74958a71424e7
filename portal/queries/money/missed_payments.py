"""Which late subscriptions lose their access soon, and under which key their customers were told."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from sqlalchemy import BigInteger, Row, Select, bindparam, cast, exists, func, select
from sqlalchemy.orm import Session, aliased

from portal.domain.subscriptions import Status
from portal.models import Mail, Merchant, Product, Subscription

Key = Row[uuid.UUID, uuid.UUID]  # the subscription's and the merchant's

CLOSES: Final = ":closes"  # after the key of the first message: the key of the warning
APART: Final = timedelta(days=1)  # the first message has just said until when it is open


def key(subscription_id: uuid.UUID, since: datetime | None) -> str:
    """Return the key of what is told of a payment that has been missing since then."""
    return f"payment-missed:{subscription_id}:{int(since.timestamp()) if since is not None else 0}"


def told_last(session: Session, subscription_id: uuid.UUID) -> str | None:
    """Return the key under which the subscription's customer was last told that a payment is missing."""
    return session.scalar(
        select(Mail.key)
        .where(Mail.kind == "payment_missed", Mail.key.startswith(f"payment-missed:{subscription_id}:"))
        .order_by(Mail.created_at.desc())
        .limit(1)
    )


def closing(
    session: Session, *, since: datetime, until: datetime, after: uuid.UUID | None, limit: int
) -> Sequence[Key]:
    """Return late subscriptions whose days of grace end between the two moments, and whose customer was not warned.

    The days as `access.windows` counts them: from the day since which it is late, never less than what is paid.
    """
    bound = {"since": since, "until": until, "after": after or uuid.UUID(int=0), "limit": limit, "fresh": since - APART}
    return session.execute(_closing(), bound).all()


@cache
def _closing() -> Select[uuid.UUID, uuid.UUID]:
    late_since = func.coalesce(Subscription.past_due_since, Subscription.paid_until)
    day = func.make_interval(0, 0, 0, Product.grace_days)
    closes_at = func.greatest(late_since + day, Subscription.paid_until)
    seconds = func.coalesce(cast(func.floor(func.extract("epoch", Subscription.past_due_since)), BigInteger), 0)
    told = func.concat("payment-missed:", Subscription.id, ":", seconds)
    first, warning = aliased(Mail), aliased(Mail)
    return (
        select(Subscription.id, Subscription.merchant_id)
        .join(Product, Product.id == Subscription.product_id)
        .join(Merchant, Merchant.id == Subscription.merchant_id)
        .where(
            Subscription.id > bindparam("after"),
            Subscription.status == Status.PAST_DUE,
            Merchant.closed_at.is_(None),
            closes_at > bindparam("since"),
            closes_at <= bindparam("until"),
            ~exists().where(warning.key == func.concat(told, CLOSES)),
            ~exists().where(first.key == told, first.created_at > bindparam("fresh")),
        )
        .order_by(Subscription.id)
        .limit(bindparam("limit"))
    )

"""Who is told that somebody came back: the customer and the merchant, one mail each."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from portal.documents.orders import order_words
from portal.domain.money.money import Money
from portal.mail import comebacks as letters
from portal.mail.facts import ComebackFacts
from portal.models import Comeback, Subscription
from portal.queries import subscriptions
from portal.services.context import Context
from portal.services.notices import notice_facts
from portal.services.notices.recipients import Post
from portal.services.orders import ordered_by


def approved(
    ctx: Context, session: Session, comeback: Comeback, arrived_id: uuid.UUID, *, has_another: bool, now: datetime
) -> None:
    """Tell both sides of the new subscription. `has_another`: one of the same product runs beside it."""
    session.flush()
    arrived = subscriptions.of_merchant(session, comeback.merchant_id, arrived_id)
    post = Post.of(ctx, session, comeback.merchant_id, now=now)
    page = f"/account/{post.merchant.slug}/subscriptions/{arrived.id}"
    head = post.head_for(arrived.customer)
    ordered = ordered_by(comeback, product=arrived.product.name, merchant=post.merchant, base_url=ctx.base_url)
    facts = _facts(arrived, path=page, has_another=has_another, now=now)
    if ordered is not None:
        facts = replace(facts, order=order_words(ordered, head.formatter))
    composed = letters.comeback_approved(head, facts)
    post.to_holder(arrived, composed, key=f"comeback-approved:{comeback.id}")
    facts = _facts(arrived, path=notice_facts.desk_path(arrived), has_another=has_another, now=now)
    composed = letters.merchant_comeback_approved(post.desk_head, facts)
    post.to_merchant(composed, key=f"merchant-comeback-approved:{comeback.id}")


def _facts(arrived: Subscription, *, path: str, has_another: bool, now: datetime) -> ComebackFacts:
    known = arrived.amount is not None and arrived.currency is not None
    return ComebackFacts(
        product=arrived.product.name,
        customer_name=arrived.customer.name,
        customer_email=arrived.customer.email,
        provider_id=arrived.provider_id,
        starts_at=arrived.started_at,
        is_ahead=arrived.started_at is not None and arrived.started_at > now,
        price=Money(arrived.amount, arrived.currency) if known else None,  # type: ignore[arg-type]
        interval_unit=arrived.interval_unit,
        interval_count=arrived.interval_count,
        has_another=has_another,
        path=path,
    )

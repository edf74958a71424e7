"""What somebody asks for when a subscription is to end, and what decides whether they may."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.audit import By
from portal.domain.end_requests import Channel
from portal.domain.policies import Actor, Role, Settings
from portal.domain.subscriptions import Action
from portal.models import Merchant, PayPalAccount, Subscription
from portal.queries import received_requests


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What somebody asks for. `customer_id` narrows it to that customer's own subscriptions."""

    merchant_id: uuid.UUID
    subscription_id: uuid.UUID
    action: Action
    actor: Actor
    channel: Channel
    customer_id: uuid.UUID | None = None
    actor_id: uuid.UUID | None = None
    actor_name: str = ""
    role: Role | None = None
    reason_code: str = ""
    reason_text: str = ""
    provider_note: str = ""
    wished_on: date | None = None  # the day on which it is to end, in the merchant's time zone; None: as soon as may be
    received_request_id: uuid.UUID | None = None  # that it answers, one that came by another way

    @property
    def by(self) -> By:
        """Who asks, and through which door."""
        return By(actor=self.actor, actor_id=self.actor_id, channel=self.channel, name=self.actor_name)


def settings_of(
    session: Session, merchant: Merchant, subscription: Subscription, *, answering: uuid.UUID | None = None
) -> Settings:
    """Return what decides whether a customer may cancel this subscription, and how staff may end it.

    `answering`: the request by another way that the end is to answer.
    """
    passed = session.scalar(select(PayPalAccount.id).where(PayPalAccount.merchant_id == merchant.id)) is not None
    return Settings(
        self_cancellation=merchant.self_cancellation,
        override=subscription.product.self_cancellation,
        key_passed_its_test=passed,
        notified=answering is not None or received_requests.open_of(session, subscription.id) is not None,
    )

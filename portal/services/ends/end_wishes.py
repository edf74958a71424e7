"""What somebody asks for when a subscription is to end, and what decides whether they may."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from portal.domain import policies
from portal.domain.audit import By
from portal.domain.end_requests import Channel
from portal.domain.policies import Actor, Role
from portal.domain.subscriptions import Action
from portal.models import Subscription
from portal.queries import received_requests
from portal.queries.people import merchants
from portal.services.rules import settings_of


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


def check(
    session: Session, wish: Wish, subscription: Subscription, *, now: datetime, answering: uuid.UUID | None = None
) -> None:
    """Raise NotAllowed unless they may ask for it. `answering`: the request by another way that it is to answer."""
    merchant = merchants.of(session, wish.merchant_id)
    notified = answering is not None or received_requests.open_of(session, subscription.id) is not None
    settings = settings_of(merchant, subscription, now=now, notified=notified)
    policies.check(wish.actor, wish.action, settings, role=wish.role)

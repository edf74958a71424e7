"""What somebody asks for when a subscription is to end, and what decides whether they may."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from portal.domain import policies
from portal.domain.audit import By
from portal.domain.ends.end_requests import Cause, Channel
from portal.domain.money.refunds import WithEnd
from portal.domain.policies import Actor, Role
from portal.domain.subscriptions import Action
from portal.models import Subscription
from portal.queries.ends import received_requests
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
    cause: Cause | None = None  # a withdrawal ends at once, and no setting or commitment holds it up
    wished_on: date | None = None  # the day on which it is to end, in the merchant's time zone; None: as soon as may be
    received_request_id: uuid.UUID | None = None  # that it answers, one that came by another way
    refund: WithEnd = WithEnd.NOTHING  # what goes back once the end is confirmed, of staff who end at once
    refund_amount: Decimal | None = None  # as the page showed it
    showed_planned: bool | None = None  # whether the page said that it waits for a day; None: nothing was shown

    @property
    def by(self) -> By:
        """Who asks, and through which door."""
        return By(actor=self.actor, actor_id=self.actor_id, channel=self.channel, name=self.actor_name)


def check(
    session: Session, wish: Wish, subscription: Subscription, *, is_answer: bool | None = None, now: datetime
) -> None:
    """Raise NotAllowed unless they may ask for it.

    `is_answer`: the customer has asked by another way, and waits; None where the caller has not looked.
    """
    if wish.cause is Cause.WITHDRAWN and wish.actor is Actor.CUSTOMER:
        return  # a right that no setting takes away
    if is_answer is None:
        is_answer = received_requests.open_of(session, subscription.id) is not None
    settings = settings_of(merchants.of(session, wish.merchant_id), subscription, now=now, notified=is_answer)
    policies.check(wish.actor, wish.action, settings, role=wish.role)

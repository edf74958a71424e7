"""What an end and a pause have in common: PayPal takes them with a 204 and shows them later; the merchant helps."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeVar

from sqlalchemy.orm import Session

from portal.domain.ends.end_requests import ALARM
from portal.models import EndRequest, PauseRequest, Subscription, TimelineKind
from portal.services.audit import timeline
from portal.services.carrying.answers import MERCHANT_TROUBLES, SubscriptionClaim
from portal.services.carrying.engine import Act, States
from portal.services.context import Context

TRIES_BEFORE_ALARM: Final = 3

R = TypeVar("R", bound=EndRequest | PauseRequest)
C = TypeVar("C", bound=SubscriptionClaim)


class SubscriptionAct(Act[R, C]):
    """An act on the subscription itself."""

    def due_at(self, row: R) -> datetime | None:
        return row.due_at

    def accepted_at(self, row: R) -> datetime | None:
        return row.accepted_at

    def stops_here(self, subscription: Subscription, row: R, *, now: datetime) -> bool:
        """As the engine asks; the next payment may also be so near that the merchant must look (rule 8)."""
        near = subscription.next_payment_at is not None and subscription.next_payment_at - now <= ALARM
        return row.trouble in MERCHANT_TROUBLES or (near and row.attempts >= TRIES_BEFORE_ALARM)

    def hand_over(
        self, ctx: Context, session: Session, subscription: Subscription, row: R, *, is_new: bool, now: datetime
    ) -> None:
        timeline.note(
            session,
            subscription,
            TimelineKind.NEEDS_MERCHANT,
            key=f"{row.id}:{row.trouble}",
            at=now,
            trouble=row.trouble,
            **self.named(row),
        )
        self.tell(ctx, session, subscription, row, now=now)

    @abstractmethod
    def named(self, row: R) -> dict[str, Any]:
        """Return what the timeline calls the row."""

    @abstractmethod
    def tell(self, ctx: Context, session: Session, subscription: Subscription, row: R, *, now: datetime) -> None:
        """Say in the merchant's inbox what stops it."""


def states_of(words: type[StrEnum]) -> States:
    """Return the states of such an act, from its own words for them."""
    return States(
        calling=words["CALLING"],
        verifying=words["VERIFYING"],
        retrying=words["RETRYING"],
        needs_merchant=words["NEEDS_MERCHANT"],
        taken=frozenset({words["CALLING"]}),
    )


def common_of(row: EndRequest | PauseRequest) -> dict[str, Any]:
    """Return what every claim of such an act has."""
    return {"note": row.provider_note, "was_sent": row.sent_at is not None, "accepted_at": row.accepted_at}

"""Payments of any kind, for the tests of the pages that show them."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from portal.domain.ends.end_requests import Channel
from portal.domain.money.refunds import RefundState
from portal.domain.policies import Actor
from portal.models import Payment, PaymentState, Refund, Subscription, TimelineEntry, TimelineKind

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Till:
    """Takes and gives back as PayPal would have told it."""

    make: Any

    def take(
        self,
        subscription: Subscription,
        amount: str = "29.90",
        *,
        at: datetime = NOON,
        state: PaymentState = PaymentState.COMPLETED,
        **columns: Any,
    ) -> Payment:
        paid = Payment(
            id=uuid.uuid4(),
            merchant_id=subscription.merchant_id,
            subscription_id=subscription.id,
            environment="sandbox",
            provider_id=columns.pop("number", f"PAY{next(_numbers):014}"),
            state=state,
            amount=Decimal(amount),
            currency=columns.pop("currency", "EUR"),
            refunded=Decimal(columns.pop("refunded", "0")),
            paid_at=at,
            **columns,
        )
        self.make.add(paid)
        return paid

    def ask(self, paid: Payment, amount: str, state: RefundState = RefundState.CALLING, number: str = "") -> None:
        """A refund that was asked for at the desk."""
        is_over = state in (RefundState.DONE, RefundState.FAILED)
        self.make.add(
            Refund(
                id=uuid.uuid4(),
                merchant_id=paid.merchant_id,
                payment_id=paid.id,
                subscription_id=paid.subscription_id,
                amount=Decimal(amount),
                currency=paid.currency,
                state=state,
                left_before=paid.left,
                actor_id=None,
                actor_name="Anne",
                provider_id=number,
                created_at=NOON,
                settled_at=NOON if is_over else None,
                next_try_at=None,
            )
        )

    def tell(self, paid: Payment, amount: str, at: datetime, by: str = "refund", number: str = "") -> None:
        """The timeline's line of a sum that went back."""
        self.make.add(
            TimelineEntry(
                id=uuid.uuid4(),
                merchant_id=paid.merchant_id,
                subscription_id=paid.subscription_id,
                at=at,
                kind=TimelineKind.REFUNDED,
                key=str(uuid.uuid4()),
                actor=Actor.STAFF,
                channel=Channel.STAFF,
                details={
                    **{"amount": amount, "currency": paid.currency, "gone_back_by": by},
                    **{"payment": paid.provider_id, "refund": number},
                },
            )
        )

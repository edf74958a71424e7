"""What the words about a subscription read of it, whether its row is mapped or plain.

The account page reads plain ones (queries/account/account_page.py), every other page mapped ones: the same functions
say both.  What follows from the columns alone is written once, for both, in the classes that begin with `Has`.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from portal.domain.access.access import Facts
from portal.domain.dates.paid_time import nothing_is_paid
from portal.domain.ends import pauses
from portal.domain.ends.pauses import PauseState
from portal.domain.law.plan_kinds import PlanKind
from portal.domain.law.renewals import Renewing
from portal.domain.policies import Override
from portal.domain.subscriptions import ENDED, ProviderStatus, Status
from portal.models.base import Provider
from portal.models.ends.held_requests import AnyPause
from portal.models.money.payments import PaymentState


class AnyContent(Protocol):
    """One thing that a product opens."""

    @property
    def id(self) -> uuid.UUID: ...
    @property
    def title(self) -> str: ...
    @property
    def link(self) -> str: ...
    @property
    def unlock_after_days(self) -> int: ...


class AnyProduct(Protocol):
    """Something sold, with its rules and contents."""

    @property
    def id(self) -> uuid.UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def keep_after_completion(self) -> bool: ...
    @property
    def keep_after_cancellation(self) -> bool: ...
    @property
    def stops_at_once(self) -> bool: ...
    @property
    def kept_while_paused(self) -> bool: ...
    @property
    def grace_days(self) -> int: ...
    @property
    def commitment_binds(self) -> bool: ...
    @property
    def notice_days(self) -> int: ...
    @property
    def pause_offered(self) -> bool: ...
    @property
    def self_cancellation(self) -> Override: ...
    @property
    def contents(self) -> Sequence[AnyContent]: ...


class AnyGrant(Protocol):
    """A product given by hand."""

    @property
    def product_id(self) -> uuid.UUID: ...
    @property
    def since(self) -> datetime: ...
    @property
    def until(self) -> datetime | None: ...


class AnyPlan(Protocol):
    """A PayPal plan."""

    @property
    def product_id(self) -> uuid.UUID: ...
    @property
    def total_cycles(self) -> int: ...
    @property
    def kind(self) -> PlanKind: ...
    @property
    def renewing(self) -> Renewing | None: ...


class AnyPayment(Protocol):
    """A payment, as paid time is reckoned from it."""

    @property
    def state(self) -> PaymentState: ...
    @property
    def paid_at(self) -> datetime: ...


class AnyOpened(Protocol):
    """What decides over access: a subscription's state, its dates, and what was promised."""

    @property
    def status(self) -> Status: ...
    @property
    def started_at(self) -> datetime | None: ...
    @property
    def past_due_since(self) -> datetime | None: ...
    @property
    def paid_until(self) -> datetime | None: ...
    @property
    def promised(self) -> dict[str, Any] | None: ...
    @property
    def ended_at(self) -> datetime | None: ...
    @property
    def withdrawn_at(self) -> datetime | None: ...
    @property
    def product(self) -> AnyProduct: ...
    @property
    def is_over(self) -> bool: ...
    @property
    def facts(self) -> Facts: ...


class AnySubscription(AnyOpened, Protocol):
    """A subscription with what hangs on it."""

    @property
    def id(self) -> uuid.UUID: ...
    @property
    def product_id(self) -> uuid.UUID: ...
    @property
    def plan_id(self) -> uuid.UUID | None: ...
    @property
    def provider(self) -> Provider: ...
    @property
    def provider_id(self) -> str: ...
    @property
    def environment(self) -> str: ...
    @property
    def provider_status(self) -> str: ...
    @property
    def provider_status_at(self) -> datetime | None: ...
    @property
    def failed_payments(self) -> int: ...
    @property
    def failure_threshold(self) -> int: ...
    @property
    def committed_until(self) -> datetime | None: ...
    @property
    def term_from(self) -> date | None: ...
    @property
    def free_from(self) -> datetime | None: ...
    @property
    def next_payment_at(self) -> datetime | None: ...
    @property
    def amount(self) -> Decimal | None: ...
    @property
    def currency(self) -> str | None: ...
    @property
    def interval_unit(self) -> str | None: ...
    @property
    def interval_count(self) -> int: ...
    @property
    def last_payment_at(self) -> datetime | None: ...
    @property
    def declined_at(self) -> datetime | None: ...
    @property
    def pending_at(self) -> datetime | None: ...
    @property
    def trials(self) -> list[dict[str, Any]]: ...
    @property
    def keeps_month_ends(self) -> bool | None: ...
    @property
    def stopped_at_provider_at(self) -> datetime | None: ...
    @property
    def relaunch_allowed(self) -> bool: ...
    @property
    def predecessor_id(self) -> uuid.UUID | None: ...
    @property
    def plan(self) -> AnyPlan | None: ...
    @property
    def payments(self) -> Sequence[AnyPayment]: ...
    @property
    def is_schedule(self) -> bool: ...
    @property
    def takes_no_payment(self) -> bool: ...
    @property
    def has_paid_nothing(self) -> bool: ...
    def is_left_suspended(self, history: Sequence[AnyPause]) -> bool: ...


class HasSubscriptionFacts:
    """What follows from a subscription's columns."""

    @property
    def is_over(self: AnyOpened) -> bool:
        """Whether the subscription has ended here."""
        return self.status in ENDED

    @property
    def is_schedule(self: AnySubscription) -> bool:
        """Whether it is one price paid in instalments, and no subscription in its customer's words."""
        return self.plan is not None and self.plan.kind is PlanKind.INSTALMENTS

    @property
    def takes_no_payment(self: AnySubscription) -> bool:
        """Whether PayPal has suspended it and names no next payment: there is none, which is not "unknown"."""
        return self.provider_status == ProviderStatus.SUSPENDED and self.next_payment_at is None

    def is_left_suspended(self: AnySubscription, history: Sequence[AnyPause]) -> bool:
        """Say whether what was unpaid came and PayPal suspends it all the same; `history`: all pauses, newest first."""
        return pauses.is_left_suspended(
            self.status,
            self.provider_status,
            suspended_at=self.provider_status_at,
            last_payment_at=self.last_payment_at,
            last_done=next((row.kind for row in history if row.state is PauseState.DONE), None),
        )

    @property
    def facts(self: AnyOpened) -> Facts:
        """What access depends on."""
        return Facts(
            status=self.status,
            started_at=self.started_at,
            paid_until=self.paid_until,
            past_due_since=self.past_due_since,
            ended_at=self.ended_at,
            withdrawn_at=self.withdrawn_at,
        )

    @property
    def has_paid_nothing(self: AnyOpened) -> bool:
        """Whether it is known that no payment was ever completed."""
        return nothing_is_paid(self.started_at, self.paid_until)

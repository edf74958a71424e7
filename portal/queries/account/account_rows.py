"""The rows of the account page, plain: only what its cards say (models/held.py has what they are read as)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from portal.domain.dates.end_dates import WaitReason
from portal.domain.ends.comebacks import ComebackState, Standing
from portal.domain.ends.end_requests import OPEN, Channel, RequestState
from portal.domain.ends.pauses import OPEN as PAUSE_OPEN
from portal.domain.ends.pauses import PauseKind, PauseRefusal, PauseState
from portal.domain.ends.received_requests import ReceivedState
from portal.domain.law.plan_kinds import PlanKind
from portal.domain.law.renewals import Renewing
from portal.domain.law.withdrawals import NO_PROOF, ConsentKind, Consents, ConsentWay, newest
from portal.domain.policies import Actor, Override
from portal.domain.subscriptions import Status
from portal.models import (
    Comeback,
    ContractConsent,
    Customer,
    EndRequest,
    Grant,
    LatePayment,
    PauseRequest,
    Payment,
    PaymentState,
    PayPalAccount,
    Plan,
    Product,
    ProductContent,
    Provider,
    ReceivedRequest,
    Subscription,
)
from portal.models.ends.held_requests import HasAttemptFacts, HasEndRequestFacts, HasPauseFacts
from portal.models.held import HasSubscriptionFacts
from portal.queries.aliases import kept_alias
from portal.queries.json_rows import Document, JsonRow, moment_of


@dataclass(frozen=True)
class PlainContent:
    """One thing that a product opens."""

    id: uuid.UUID
    title: str
    link: str
    unlock_after_days: int


@dataclass(frozen=True)
class PlainProduct:
    """A product with its rules and contents."""

    id: uuid.UUID
    name: str
    keep_after_completion: bool
    keep_after_cancellation: bool
    stops_at_once: bool
    kept_while_paused: bool
    grace_days: int
    commitment_binds: bool
    notice_days: int
    pause_offered: bool
    self_cancellation: Override
    contents: tuple[PlainContent, ...]


@dataclass(frozen=True)
class PlainPlan:
    """Of a plan, what it sells today, how often it is paid (0 is without end), and the kind of contract."""

    product_id: uuid.UUID
    total_cycles: int
    kind: PlanKind

    @property
    def renewing(self) -> Renewing | None:
        """Not read here, as `PlainSubscription.free_from` is not."""
        return None


@dataclass(frozen=True)
class PlainPayment:
    """A payment of a subscription whose end waits."""

    state: PaymentState
    paid_at: datetime


@dataclass(frozen=True)
class PlainSubscription(HasSubscriptionFacts):
    """A subscription; `payments` only where an end waits for its day, as its words alone reckon with them."""

    id: uuid.UUID
    product_id: uuid.UUID
    plan_id: uuid.UUID | None
    status: Status
    provider: Provider
    provider_id: str
    environment: str
    provider_status: str
    provider_status_at: datetime | None
    failed_payments: int
    failure_threshold: int
    started_at: datetime | None
    committed_until: datetime | None
    next_payment_at: datetime | None
    amount: Decimal | None
    currency: str | None
    interval_unit: str | None
    interval_count: int
    last_payment_at: datetime | None
    declined_at: datetime | None
    pending_at: datetime | None
    trials: list[dict[str, Any]]
    keeps_month_ends: bool | None
    past_due_since: datetime | None
    paid_until: datetime | None
    promised: dict[str, Any] | None
    end_requested_at: datetime | None
    stopped_at_provider_at: datetime | None
    ended_at: datetime | None
    withdrawn_at: datetime | None
    relaunch_allowed: bool
    predecessor_id: uuid.UUID | None
    product: PlainProduct
    plan: PlainPlan | None
    payments: tuple[PlainPayment, ...]

    @property
    def free_from(self) -> datetime | None:
        """Not read here: no card says what binds an end that nobody has asked for."""
        return None

    @property
    def term_from(self) -> date | None:
        """Not read here either."""
        return None


@dataclass(frozen=True)
class PlainEndRequest(HasEndRequestFacts):
    """The newest request to end that stands."""

    state: RequestState
    outcome: Status
    actor: Actor
    channel: Channel
    reference: str
    wished_on: date | None
    due_at: datetime | None
    awaited_at: datetime | None
    owed_until: datetime | None
    wait_reason: WaitReason | None
    sent_at: datetime | None
    notified_at: datetime | None
    notified_reference: str

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to act on it."""
        return self.state in OPEN


@dataclass(frozen=True)
class PlainPause(HasPauseFacts):
    """A request to pause or to resume."""

    id: uuid.UUID
    kind: PauseKind
    state: PauseState
    actor: Actor
    due_at: datetime | None
    sent_at: datetime | None
    refused_at: datetime | None
    refused_for: PauseRefusal | None

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to act on it."""
        return self.state in PAUSE_OPEN


@dataclass(frozen=True)
class PlainAttempt(HasAttemptFacts):
    """An attempt to come back."""

    id: uuid.UUID
    subscription_id: uuid.UUID
    product_id: uuid.UUID
    state: ComebackState
    next_try_at: datetime | None
    approval_url: str | None


@dataclass(frozen=True)
class PlainProspect:
    """Whether one may come back, and the newest attempt."""

    standing: Standing
    newest: PlainAttempt | None


@dataclass(frozen=True)
class PlainGrant:
    """What was given by hand, under the product's name."""

    product_id: uuid.UUID
    since: datetime
    until: datetime | None
    name: str
    is_subscribed: bool


@dataclass(frozen=True)
class PlainNotice:
    """What the customer has notified by the form of their page."""

    reference: str
    state: ReceivedState
    received_at: datetime
    wished_on: date | None
    settled_at: datetime | None


@dataclass(frozen=True)
class PlainMoney:
    """A payment in sum and date."""

    amount: Decimal
    currency: str
    paid_at: datetime


@dataclass(frozen=True)
class PlainLate:
    """A payment that came after the end."""

    payment: PlainMoney


@dataclass(frozen=True)
class Taken:
    """How many payments of a subscription stand, and when the first of them came."""

    number: int = 0
    first_at: datetime | None = None


NONE_TAKEN: Final = Taken()


def taken_of(document: Document | None) -> Taken:
    """Return it from what the database wrote; nothing where it was not asked for."""
    number, first_at = document or (0, None)
    return Taken(number, moment_of(first_at) if first_at is not None else None)


@dataclass(frozen=True)
class PlainConsent:
    """What was said when a contract began, or known not to have been."""

    kind: ConsentKind
    is_given: bool
    at: datetime
    way: ConsentWay


def consents_of(said: Sequence[Document] | None) -> Consents:
    """Return what is known of a contract's beginning from what the database wrote, the oldest word first."""
    if not said:
        return NO_PROOF
    return newest((one.kind, one.is_given, one.at, one.way) for one in map(CONSENT.made_of, said))


# Short names: psycopg remembers how a statement is taken apart only where it is not longer than 4,096 characters.
SOLD: Final = kept_alias(Subscription, "s")
OF_PRODUCT: Final = kept_alias(Product, "p")
ASKED: Final = kept_alias(EndRequest, "e")
PAUSED: Final = kept_alias(PauseRequest, "w")
NOTIFIED: Final = kept_alias(ReceivedRequest, "n")
TRIED: Final = kept_alias(Comeback, "c")
OF_PLAN: Final = kept_alias(Plan, "l")
PAID: Final = kept_alias(Payment, "y")
OPENS: Final = kept_alias(ProductContent, "o")
GIVEN: Final = kept_alias(Grant, "g")
IS_GIVEN: Final = kept_alias(Product, "q")
BUYER: Final = kept_alias(Customer, "b")
SELLS: Final = kept_alias(PayPalAccount, "a")
HELD: Final = kept_alias(Subscription, "h")
SAID: Final = kept_alias(ContractConsent, "d")
LATE: Final = kept_alias(LatePayment, "t")

CONTENT: Final = JsonRow(PlainContent, OPENS)
PRODUCT: Final = JsonRow(PlainProduct, OF_PRODUCT)
PLAN: Final = JsonRow(PlainPlan, OF_PLAN)
PAYMENT: Final = JsonRow(PlainPayment, PAID)
CONSENT: Final = JsonRow(PlainConsent, SAID)
SUBSCRIPTION: Final = JsonRow(PlainSubscription, SOLD)
END_REQUEST: Final = JsonRow(PlainEndRequest, ASKED)
PAUSE: Final = JsonRow(PlainPause, PAUSED)
ATTEMPT: Final = JsonRow(PlainAttempt, TRIED)
GRANT: Final = JsonRow(PlainGrant, GIVEN)
NOTICE: Final = JsonRow(PlainNotice, NOTIFIED)
MONEY: Final = JsonRow(PlainMoney, PAID)

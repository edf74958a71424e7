"""What the portal asks of PayPal, and the errors it may answer with.

Two errors, siblings: `GatewayRefused` (the provider understood and said no) and
`GatewayUnavailable` (we do not know what the provider did).  Neither is a
subclass of the other, so that `except GatewayRefused` never catches the unknown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from portal.domain.dates.billing import Trial
from portal.domain.money.money import Money
from portal.providers.deliveries import Delivery
from portal.providers.probing import ClassicProbe, RestProbe


class Refusal(StrEnum):
    """Why the provider said no, in the words of cancellation.md, « PayPal's answer »."""

    BAD_CREDENTIALS = "bad_credentials"  # 401, after one token refresh
    FORBIDDEN = "forbidden"  # 403: a right is missing
    NOT_FOUND = "not_found"  # 404: wrong environment, other merchant, or a classic profile
    STATUS_INVALID = "status_invalid"  # 422 SUBSCRIPTION_STATUS_INVALID: read before believing it
    ACCOUNT_CLOSED = "account_closed"  # 422 USER_ACCOUNT_CLOSED and SUBSCRIBER_ACCOUNT_*
    CANNOT_BE_ACTIVATED = "cannot_be_activated"  # 422 after the failure threshold
    PLAN_STATUS_INVALID = "plan_status_invalid"  # 422: the plan is not sold (any more)
    WEBHOOK_LIMIT = "webhook_limit"  # 400 WEBHOOK_NUMBER_LIMIT_EXCEEDED: ten exist at this application
    WEBHOOK_EXISTS = "webhook_exists"  # 400 WEBHOOK_URL_ALREADY_EXISTS
    NOTHING_OUTSTANDING = "nothing_outstanding"  # 422 ZERO_OUTSTANDING_BALANCE
    OTHER_SUM = "other_sum"  # 422: more than is outstanding, or another currency
    OTHER = "other"  # any other 4xx: a defect of ours, never retried blindly


class GatewayRefused(Exception):
    """The provider understood the call and refused it."""

    def __init__(self, refusal: Refusal, *, http_status: int, issue: str = "", debug_id: str = "") -> None:
        super().__init__(f"{refusal} ({http_status} {issue}, debug id {debug_id or 'none'})")
        self.refusal = refusal
        self.http_status = http_status
        self.issue = issue
        self.debug_id = debug_id


class GatewayUnavailable(Exception):
    """No usable answer: timeout, network, 5xx, 429 or a body that is not JSON. The effect is unknown."""

    def __init__(
        self,
        reason: str,
        *,
        http_status: int | None = None,
        retry_after: int | None = None,
        debug_id: str = "",
    ) -> None:
        super().__init__(f"{reason}, debug id {debug_id or 'none'}")
        self.reason = reason
        self.http_status = http_status
        self.retry_after = retry_after  # seconds the provider asked us to wait (429)
        self.debug_id = debug_id


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A subscription as the provider shows it now. Every field but the id and the word may be missing."""

    provider_id: str
    status: str  # the provider's own word, kept even when unknown to us
    status_at: datetime | None = None
    plan_id: str | None = None
    custom_id: str | None = None
    started_at: datetime | None = None
    created_at: datetime | None = None
    next_billing_at: datetime | None = None
    last_payment_at: datetime | None = None
    last_payment: Money | None = None
    final_payment_at: datetime | None = None
    outstanding: Money | None = None
    failed_payments: int = 0
    last_failed_at: datetime | None = None  # PayPal may count it only after its last try (FACTS.md 1.4)
    in_trial: bool = False
    payments: tuple[PaymentReading, ...] | None = None  # all since the start, where those were asked for
    quantity: Decimal = Decimal(1)
    payer_id: str | None = None
    payer_email: str | None = None
    payer_name: str | None = None
    plan: PlanReading | None = None  # only when asked for with the plan, or overridden
    plan_overridden: bool = False  # then the shared plan's price is not this subscription's price


@dataclass(frozen=True, kw_only=True)
class PlanReading:
    """A plan: what is sold, its price and its rhythm (the regular cycle)."""

    provider_id: str
    name: str
    status: str
    product_id: str | None = None
    description: str | None = None
    price: Money | None = None
    interval_unit: str | None = None  # DAY, WEEK, MONTH or YEAR
    interval_count: int = 1
    total_cycles: int = 0  # 0 means without end
    failure_threshold: int = 0  # 0 means PayPal never suspends for failed payments
    trials: tuple[Trial, ...] | None = None  # before the regular cycle; None where nobody said
    setup_fee: Money | None = None  # taken once, with the first payment


@dataclass(frozen=True, kw_only=True)
class NewSubscription:
    """What is asked for when the provider is to make a subscription. The buyer still has to approve it there."""

    plan_id: str
    start_at: datetime | None  # None: at once; the provider refuses one in the past
    custom_id: str  # 1-127 printable ASCII characters
    language: str  # of the provider's pages
    return_url: str
    cancel_url: str


@dataclass(frozen=True, kw_only=True)
class CreatedSubscription:
    """A subscription that the provider made. `approval_url` is None unless it is a page of the provider's own."""

    provider_id: str
    status: str
    approval_url: str | None
    debug_id: str


@dataclass(frozen=True, kw_only=True)
class PaymentReading:
    """One transaction of a subscription."""

    provider_id: str
    status: str
    amount: Money | None
    at: datetime


@dataclass(frozen=True, kw_only=True)
class RefundReading:
    """A refund as the provider shows it now."""

    provider_id: str
    state: str  # the provider's own word: pending, completed, cancelled, failed
    sale_id: str
    amount: Money | None = None
    debug_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of the provider's list; `has_next` says whether a link to another one was present."""

    readings: tuple[Reading, ...]
    has_next: bool
    unreadable: int = 0  # rows that had no id or were not objects: counted, never a crash


@dataclass(frozen=True, kw_only=True)
class WebhookReading:
    """One webhook of the application that a REST key belongs to."""

    provider_id: str
    url: str
    event_types: frozenset[str]  # may be {"*"}


@dataclass(frozen=True, kw_only=True)
class EventReading:
    """One event that PayPal sent, or tried to send."""

    provider_id: str  # WH-…
    event_type: str
    created_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """A merchant's REST key. `secret` never appears in a repr, a log or a page."""

    client_id: str
    secret: str = field(repr=False)
    environment: str  # sandbox or live


@dataclass(frozen=True, kw_only=True)
class ClassicCredentials:
    """A merchant's classic API key (user, password, signature; FACTS.md 3.1). No secret appears in a repr."""

    user: str
    password: str = field(repr=False)
    signature: str = field(repr=False)
    environment: str  # sandbox or live


@dataclass(frozen=True, kw_only=True)
class Token:
    """An OAuth access token and what it opens."""

    value: str = field(repr=False)
    expires_at: datetime
    scopes: frozenset[str]
    app_id: str = ""


class TokenStore(Protocol):
    """Where a token is kept so that every process of every machine shares it."""

    def get(self) -> Token | None: ...
    def put(self, token: Token) -> None: ...
    def drop(self) -> None: ...


class SubscriptionGateway(Protocol):
    """PayPal, of either kind, for one merchant account. Every call may raise the two errors above."""

    def show_subscription(self, provider_id: str) -> Reading: ...
    def cancel_subscription(self, provider_id: str, *, reason: str) -> str:
        """Cancel at once and for ever; return the debug id. `reason` is 1-128 characters."""

    def suspend_subscription(self, provider_id: str, *, reason: str) -> str: ...
    def activate_subscription(self, provider_id: str, *, reason: str) -> str: ...


class ClassicGateway(SubscriptionGateway, Protocol):
    """The classic API (NVP): no list, no plans, no webhooks."""

    def check_key(self) -> str:
        """Make a call that changes nothing: the live test of a key. Return the debug id."""


class RestGateway(SubscriptionGateway, Protocol):
    """The REST API."""

    def check_key(self) -> Token:
        """Ask for a fresh token, bypassing any cache: the live test of a key."""

    def list_subscriptions(self, *, page: int, page_size: int = 20, changed_since: datetime | None = None) -> Page:
        """Read one page, from 1; with `changed_since` only those whose status changed after it."""

    def create_subscription(self, wanted: NewSubscription, *, request_id: str) -> CreatedSubscription:
        """Make a subscription; the same `request_id` within 72 hours gives the same one (FACTS.md 1.2)."""

    def capture_outstanding(
        self, provider_id: str, *, amount: Money, note: str, request_id: str
    ) -> PaymentReading | None:
        """Take what is outstanding of a subscription; None where PayPal has only accepted to.

        `note` is 1-128 characters, which the payer may read.  The same `request_id` within 72 hours never takes twice.
        """

    def show_plan(self, plan_id: str) -> PlanReading: ...
    def list_plans(self) -> Iterator[PlanReading]: ...
    def list_payments(self, provider_id: str, *, start: datetime, end: datetime) -> tuple[PaymentReading, ...]: ...

    def refund_sale(self, sale_id: str, *, request_id: str, amount: Money | None = None) -> RefundReading:
        """Give a payment back: `amount` of it, or (None) what is left of it.

        The same `request_id` never gives back twice, for thirty days.
        """

    def show_refund(self, refund_id: str) -> RefundReading: ...

    def takes_address(self, url: str) -> bool:
        """Say whether PayPal would call this address: https on port 443 of a public host (FACTS.md 2.1)."""

    def list_webhooks(self) -> tuple[WebhookReading, ...]: ...
    def create_webhook(self, *, url: str, event_types: Collection[str]) -> WebhookReading: ...
    def change_webhook(
        self, webhook_id: str, *, url: str | None = None, event_types: Collection[str] | None = None
    ) -> WebhookReading:
        """Give a webhook another address, other event types, or both: what is None stays."""

    def simulate_event(self, webhook_id: str, *, event_type: str) -> str:
        """Have PayPal send a made-up event to the webhook; return the debug id."""

    def list_events(self, *, start: datetime, end: datetime) -> Iterator[EventReading]: ...
    def resend_event(self, event_id: str, *, webhook_id: str) -> None: ...

    def is_own_message(self, delivery: Delivery, *, webhook_id: str) -> bool:
        """Ask PayPal whether it sent a webhook message; its body must be a JSON object."""


class Gateways(Protocol):
    """Makes the gateway for an account. `patience` is the read timeout in seconds."""

    def __call__(self, credentials: Credentials, tokens: TokenStore, *, patience: float = 20.0) -> RestGateway: ...
    def classic(self, credentials: ClassicCredentials, *, patience: float = 20.0) -> ClassicGateway: ...
    def probe(self, credentials: Credentials) -> RestProbe: ...
    def classic_probe(self, credentials: ClassicCredentials) -> ClassicProbe: ...

"""What the simulator remembers, as plain records that fit in a JSON file."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from calendar import monthrange
from dataclasses import MISSING, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

PAYER_LETTERS: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # FACTS.md 1.3: ^[2-9A-HJ-NP-Z]{13}$
ID_LETTERS: Final = "0123456789ABCDEFGHJKLMNPRSTUVWXY"
SCOPES: Final = (
    "https://uri.paypal.com/services/subscriptions",
    "https://uri.paypal.com/services/applications/webhooks",
    "https://uri.paypal.com/services/payments/refund",
)


@dataclass
class Account:
    """A merchant's REST app. An app without the scope of subscriptions is answered 403."""

    client_id: str
    secret: str
    environment: str = "sandbox"
    scopes: list[str] = field(default_factory=lambda: list(SCOPES))


@dataclass
class ClassicAccount:
    """A merchant's account as the classic API knows it. IPNs go to `ipn_url`, nowhere while it is empty."""

    user: str
    password: str
    signature: str
    environment: str = "sandbox"
    email: str = "merchant@demo.example"
    payer_id: str = ""
    ipn_url: str = ""
    balance: str = "1250.40"
    currency: str = "EUR"


@dataclass
class Ipn:
    """One message as it was made; `body` holds its bytes, one character each. `answers` tells how its sending went."""

    user: str
    environment: str
    provider_id: str
    body: str
    answers: list[str] = field(default_factory=list)


@dataclass
class Plan:
    """One regular cycle; `total_cycles` 0 is without end, `failure_threshold` 0 never suspends.

    `trial_days` come before it, free.  What PayPal's REST does with month ends is not established: `month_ends` is
    « clamp » for the month's last day, « move » for the first of the following month from then on (FACTS.md 1.4).
    """

    id: str
    client_id: str
    name: str
    amount: str
    currency: str
    interval_unit: str
    interval_count: int
    total_cycles: int
    failure_threshold: int
    product_id: str
    status: str
    description: str | None
    create_time: str
    trial_days: int = 0
    month_ends: str = "clamp"


@dataclass(slots=True)
class Payment:
    """One transaction. `refunded` is how much of it went back, `reversed` how much of that a dispute took back."""

    id: str
    status: str
    amount: str
    currency: str
    time: str
    refunded: str = "0"
    reversed: str = "0"


@dataclass(slots=True)
class News:
    """Something that PayPal tells the world of, in PayPal's own word for it, before a message was made of it."""

    event_type: str
    at: str
    payment: Payment | None = None
    refund_id: str = ""  # of money that went back: the id and how much
    refund: str = ""


@dataclass(slots=True)
class Subscription:
    """One subscription; times are RFC 3339 text as PayPal writes them, None where PayPal leaves the key out."""

    id: str
    client_id: str
    plan_id: str
    status: str
    status_update_time: str
    start_time: str
    create_time: str
    update_time: str
    given_name: str | None = None
    surname: str | None = None
    email: str | None = None
    payer_id: str = ""
    custom_id: str | None = None
    quantity: str = "1"
    status_change_note: str | None = None
    next_billing_time: str | None = None
    periods: int = 0  # billing dates passed, paid or not
    cycles_completed: int = 0
    failed_payments: int = 0  # in a row, as REST counts them
    failed_in_all: int = 0  # since the beginning, as the classic API does
    outstanding: str = "0"
    last_payment: dict[str, str] | None = None  # amount, time
    last_failed_payment: dict[str, str] | None = None
    own_amount: str | None = None  # overrides the plan's price
    failing: bool = False  # the next payments will fail
    retry_at: str | None = None  # the next try of a payment that failed
    tries: int = 0  # of the present cycle's payment that failed
    shows_sign_up: bool = False  # a trial's first hour: the next payment is still shown as the sign-up
    merchant_activates: bool = False  # approved with CONTINUE: waits for our activate
    approve_url: str = ""  # made through the API: where the buyer approves, and where that leads
    return_url: str = ""
    cancel_url: str = ""
    forgotten_at: str | None = None  # when PayPal forgets it, unless it is approved
    account_closed: bool = False  # the buyer's PayPal account: 422 on every act
    classic: str = ""  # a profile of the classic API: express (checkout) or button
    payments: list[Payment] = field(default_factory=list)
    refunds: list[dict[str, str]] = field(default_factory=list)  # asked for through the API
    refunds_wait: bool = False  # the next ones stay pending
    captures: dict[str, str] = field(default_factory=dict)  # request id -> the payment that it took
    captures_wait: bool = False  # the next one stays pending
    captures_fail: bool = False  # the next one is declined
    extra: dict[str, Any] = field(default_factory=dict)  # laid over the answer, for odd shapes
    untold: list[News] = field(default_factory=list)  # what happened and is not announced yet


@dataclass
class Webhook:
    """An address that an app wants events sent to; `event_types` may be `["*"]`."""

    id: str
    client_id: str
    url: str
    event_types: list[str]

    def wants(self, event_type: str) -> bool:
        """Tell whether events of this type are sent there."""
        return "*" in self.event_types or event_type in self.event_types


@dataclass
class Event:
    """One event. `body` is the message as it is sent, now and at every later time."""

    id: str
    client_id: str
    event_type: str
    create_time: str
    subject: str  # the id of the subscription, or of the payment
    body: str
    simulated: bool = False  # made up by simulate-event: sent, but in no list


@dataclass
class Delivery:
    """One event on its way to one webhook. Times are real ones: moving the clock neither hurries nor ends it."""

    id: str  # the transmission's
    event_id: str
    webhook_id: str
    url: str  # of a simulated event that was sent to an address and not to a webhook
    time: str
    next_try: str
    state: str = "pending"  # then delivered, or failed when PayPal gives up
    attempts: int = 0
    answer: str = ""  # the last one: an HTTP status, or what kept the message from arriving


@dataclass
class State:
    """Everything that survives a restart."""

    accounts: list[Account] = field(default_factory=list)
    plans: dict[str, Plan] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    tokens: dict[str, dict[str, str]] = field(default_factory=dict)  # value -> client_id, environment, until
    created: dict[str, str] = field(default_factory=dict)  # client and request id -> the subscription made for it
    cancelled: list[str] = field(default_factory=list)  # ids, in the order in which a cancel took effect
    clock_seconds: int = 0  # how far the clock was moved
    classic_accounts: list[ClassicAccount] = field(default_factory=list)
    ipns: list[Ipn] = field(default_factory=list)  # in the order in which they were made
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)  # oldest first
    deliveries: dict[str, Delivery] = field(default_factory=dict)  # oldest first

    @classmethod
    def load(cls, path: Path) -> State:
        """Read a state file written by `save`, also by an older one that knew of no events."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        subscriptions = {
            key: Subscription(**{**row, "payments": [Payment(**paid) for paid in row.get("payments", ())]})
            for key, row in raw["subscriptions"].items()
        }
        return cls(
            accounts=[Account(**row) for row in raw["accounts"]],
            plans={key: Plan(**row) for key, row in raw["plans"].items()},
            subscriptions=subscriptions,
            tokens=raw["tokens"],
            created=raw.get("created", {}),
            cancelled=raw["cancelled"],
            clock_seconds=raw["clock_seconds"],
            classic_accounts=[ClassicAccount(**row) for row in raw.get("classic_accounts", [])],
            ipns=[Ipn(**row) for row in raw.get("ipns", [])],
            webhooks={key: Webhook(**row) for key, row in raw.get("webhooks", {}).items()},
            events={key: Event(**row) for key, row in raw.get("events", {}).items()},
            deliveries={key: Delivery(**row) for key, row in raw.get("deliveries", {}).items()},
        )

    def save(self, path: Path) -> None:
        """Write the file whole or not at all: a kill in the middle leaves the one before."""
        text = json.dumps(self, ensure_ascii=False, default=_by_name)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".new")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)


def _by_name(row: Any) -> dict[str, Any]:
    """Lay a record out by the names of its fields, without the copies that `asdict` makes; TypeError for others.

    Of a subscription only what is not as in every new one: a hundred thousand of them are read at each start.
    """
    told = {field.name: getattr(row, field.name) for field in fields(row)}
    if isinstance(row, Subscription):
        return {name: value for name, value in told.items() if name not in USUAL or value != USUAL[name]}
    return told


USUAL: Final[dict[str, Any]] = {
    field.name: field.default_factory() if callable(field.default_factory) else field.default
    for field in fields(Subscription)
    if field.default is not MISSING or callable(field.default_factory)
}


def new_id(prefix: str, length: int) -> str:
    """Return a fresh id of PayPal's form, for example `I-` and 12 signs."""
    return prefix + "".join(secrets.choice(ID_LETTERS) for _ in range(length))


def new_payer_id() -> str:
    """Return a fresh payer id."""
    return "".join(secrets.choice(PAYER_LETTERS) for _ in range(13))


def stamp(at: datetime) -> str:
    """Write a moment as PayPal does: UTC, whole seconds, Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime:
    """Read what `stamp` wrote, or any RFC 3339 text."""
    return datetime.fromisoformat(text.upper().replace("Z", "+00:00")).astimezone(UTC)


def billing_date(start: datetime, plan: Plan, number: int) -> datetime:
    """Return billing date `number` (0 is the start, or the end of the trial), counted from the start."""
    start += timedelta(days=plan.trial_days)
    count = plan.interval_count * number
    if plan.interval_unit in ("DAY", "WEEK"):
        return start + timedelta(days=count * (7 if plan.interval_unit == "WEEK" else 1))
    every = plan.interval_count * (12 if plan.interval_unit == "YEAR" else 1)
    if plan.month_ends == "move":
        for step in range(1, number + 1):
            if _month(start, every * step)[2] < start.day:
                year, month, _ = _month(start, every * number + 1)
                return start.replace(year=year, month=month, day=1)
    year, month, last = _month(start, every * number)
    return start.replace(year=year, month=month, day=min(start.day, last))


def _month(start: datetime, later: int) -> tuple[int, int, int]:
    """Return the year, the month and its last day, so many months later."""
    year, month = divmod(start.year * 12 + start.month - 1 + later, 12)
    return year, month + 1, monthrange(year, month + 1)[1]

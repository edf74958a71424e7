"""What the simulator remembers, as plain records that fit in a JSON file."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from calendar import monthrange
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

PAYER_LETTERS: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # FACTS.md 1.3: ^[2-9A-HJ-NP-Z]{13}$
ID_LETTERS: Final = "0123456789ABCDEFGHJKLMNPRSTUVWXY"
SCOPES: Final = (
    "https://uri.paypal.com/services/subscriptions",
    "https://uri.paypal.com/services/applications/webhooks",
)


@dataclass
class Account:
    """A merchant's REST app. An app without the scope of subscriptions is answered 403."""

    client_id: str
    secret: str
    environment: str = "sandbox"
    scopes: list[str] = field(default_factory=lambda: list(SCOPES))


@dataclass
class Plan:
    """One regular cycle; `total_cycles` 0 is without end, `failure_threshold` 0 never suspends."""

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


@dataclass
class Payment:
    """One transaction."""

    id: str
    status: str
    amount: str
    currency: str
    time: str


@dataclass
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
    failed_payments: int = 0
    outstanding: str = "0"
    last_payment: dict[str, str] | None = None  # amount, time
    last_failed_payment: dict[str, str] | None = None
    own_amount: str | None = None  # overrides the plan's price
    failing: bool = False  # the next payments will fail
    merchant_activates: bool = False  # approved with CONTINUE: waits for our activate
    account_closed: bool = False  # the buyer's PayPal account: 422 on every act
    payments: list[Payment] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)  # laid over the answer, for odd shapes


@dataclass
class State:
    """Everything that survives a restart."""

    accounts: list[Account] = field(default_factory=list)
    plans: dict[str, Plan] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    tokens: dict[str, dict[str, str]] = field(default_factory=dict)  # value -> client_id, environment, until
    cancelled: list[str] = field(default_factory=list)  # ids, in the order in which a cancel took effect
    clock_seconds: int = 0  # how far the clock was moved

    @classmethod
    def load(cls, path: Path) -> State:
        """Read a state file written by `save`."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        subscriptions = {
            key: Subscription(**{**row, "payments": [Payment(**paid) for paid in row["payments"]]})
            for key, row in raw["subscriptions"].items()
        }
        return cls(
            accounts=[Account(**row) for row in raw["accounts"]],
            plans={key: Plan(**row) for key, row in raw["plans"].items()},
            subscriptions=subscriptions,
            tokens=raw["tokens"],
            cancelled=raw["cancelled"],
            clock_seconds=raw["clock_seconds"],
        )

    def save(self, path: Path) -> None:
        """Write the file whole or not at all: a kill in the middle leaves the one before."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=1)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".new")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)


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
    """Return billing date `number` (0 is the start), clamped to month ends and counted from the start."""
    count = plan.interval_count * number
    if plan.interval_unit in ("DAY", "WEEK"):
        return start + timedelta(days=count * (7 if plan.interval_unit == "WEEK" else 1))
    months = start.year * 12 + start.month - 1 + count * (12 if plan.interval_unit == "YEAR" else 1)
    year, month = divmod(months, 12)
    return start.replace(year=year, month=month + 1, day=min(start.day, monthrange(year, month + 1)[1]))

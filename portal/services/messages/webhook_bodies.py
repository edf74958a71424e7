"""The body of a webhook message: read with care, since nothing but its signature is known of it (FACTS.md 2.2).

What does not have PayPal's form is left out, never guessed: the message is a hint, and PayPal is read anyway.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from portal.domain.json_objects import without_doubles
from portal.domain.money.money import Money
from portal.domain.money.payments import Move, MoveKind

SUBSCRIPTION: Final = "BILLING.SUBSCRIPTION."
SALE: Final = "PAYMENT.SALE."
REFUNDED: Final = SALE + "REFUNDED"
REVERSED: Final = SALE + "REVERSED"
FAILED_PAYMENT: Final = SUBSCRIPTION + "PAYMENT.FAILED"
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

_EVENT_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_EVENT_TYPE = re.compile(r"[A-Z0-9._-]{1,100}")
_OBJECT_ID = re.compile(r"[A-Za-z0-9-]{3,50}")


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """What a message says of itself. `resource` is PayPal's object as it was then."""

    event_id: str
    event_type: str  # empty where it has no word of PayPal's form
    happened_at: datetime | None
    resource: Mapping[str, Any]

    @property
    def subject(self) -> str:
        """The subscription that the message names; empty where it names none (a refund never dependably does)."""
        key = "id" if self.event_type.startswith(SUBSCRIPTION) else "billing_agreement_id"
        return _word(_OBJECT_ID, self.resource.get(key))

    @property
    def sale_ids(self) -> tuple[str, ...]:
        """The sale that the message is about, likeliest id first: a refund has an id of its own beside it."""
        names = {REFUNDED: ("sale_id",), REVERSED: ("sale_id", "id"), FAILED_PAYMENT: ()}.get(self.event_type, ("id",))
        return tuple(filter(None, (_word(_OBJECT_ID, self.resource.get(name)) for name in names)))

    @property
    def resource_at(self) -> datetime | None:
        """When the object of the message was made; of a failed payment, when it failed."""
        return _moment(self.resource.get("update_time" if self.event_type == FAILED_PAYMENT else "create_time"))

    @property
    def move(self) -> Move | None:
        """The sum that went back by this message, under PayPal's id of it; None where none went.

        PayPal writes a reversal below nothing, and each has an id of its own beside the sale's.
        """
        kind = {REFUNDED: MoveKind.REFUND, REVERSED: MoveKind.REVERSAL}.get(self.event_type)
        if kind is None:
            return None
        amount = self._money("amount")
        if amount is not None and kind is MoveKind.REVERSAL:
            amount = abs(amount)
        return Move(kind=kind, id=_word(_OBJECT_ID, self.resource.get("id")), amount=amount)

    @property
    def refunded_in_all(self) -> Money | None:
        """What a refund message says was given back of the sale so far; None where that is not money."""
        return self._money("total_refunded_amount")

    def _money(self, name: str) -> Money | None:
        """Return a sum of the object, in either of PayPal's two ways to write one."""
        found = self.resource.get(name)
        if not isinstance(found, dict):
            return None
        return Money.parse(found.get("total", found.get("value")), found.get("currency", found.get("currency_code")))


def read(body: bytes) -> Envelope | None:
    """Return what the bytes say; None when they are not UTF-8, not plain JSON, not an object, or have no usable id."""
    try:
        content = json.loads(body.decode("utf-8"), object_pairs_hook=without_doubles)
    except (ValueError, RecursionError):
        return None
    event_id = _word(_EVENT_ID, content.get("id")) if isinstance(content, dict) else ""
    if not event_id:
        return None
    resource = content.get("resource")
    return Envelope(
        event_id=event_id,
        event_type=_word(_EVENT_TYPE, content.get("event_type")),
        happened_at=_moment(content.get("create_time")),
        resource=resource if isinstance(resource, dict) else {},
    )


def _word(pattern: re.Pattern[str], value: object) -> str:
    return value if isinstance(value, str) and pattern.fullmatch(value) else ""


def _moment(value: object) -> datetime | None:
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else None
        return read if read is not None and read.tzinfo is not None and EARLIEST <= read < LATEST else None
    except (ValueError, OverflowError):
        return None

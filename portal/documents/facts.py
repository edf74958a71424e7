"""What the proof of an end says, as plain facts: taken once, stored as JSON, read back as they were."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Self

from portal.domain.ends.end_requests import Basis, Channel
from portal.domain.ends.received_requests import Way, answers
from portal.domain.money.money import Money
from portal.domain.policies import Actor
from portal.domain.subscriptions import Status
from portal.mail.letterhead import Clean, one_line

MOMENTS: Final = (
    *("asked_at", "sent_at", "accepted_at", "confirmed_at", "stopped_at", "last_payment_at"),
    *("paid_until", "access_until", "ended_at", "made_at", "notified_at", "withdrawn_at"),
)


@dataclass(frozen=True, kw_only=True)
class ProofFacts(Clean):
    """An end as it was confirmed. A field that a later release adds needs a default: old proofs lack it."""

    reference: str
    merchant_name: str
    time_zone: str
    locale: str  # the customer's language then: the PDF's
    customer_name: str  # may be empty
    product: str
    price: Money | None
    interval_unit: str | None
    interval_count: int
    provider_id: str
    environment: str
    actor: Actor
    channel: Channel
    asked_at: datetime
    reason_code: str  # both empty unless the customer asked and gave one
    reason_text: str
    shown: dict[str, Any]  # what the recap said (services.end_requests)
    before: dict[str, Any]  # PayPal's facts read before the call; empty when nothing was sent
    sent_at: datetime | None
    accepted_at: datetime | None
    answer: dict[str, Any]  # PayPal's last answer to the call: status, issue, debug id
    provider_status: str  # PayPal's own word, on which the confirmation rests
    outcome: Status
    basis: Basis
    confirmed_at: datetime
    stopped_at: datetime | None
    last_payment_at: datetime | None
    paid_until: datetime | None
    access_until: datetime | None
    is_access_unknown: bool
    kept: tuple[str, ...]
    ended_at: datetime | None
    made_at: datetime
    check_url: str  # the page on which a third party checks it, by the address of the portal then
    never_paid: bool = False  # known, where an unknown date is not
    owed: Money | None = None  # what PayPal showed as unpaid when it ended
    wished_on: date | None = None  # the day that somebody chose for the end
    notified_at: datetime | None = None  # asked by another way before, and answered by this end
    notified_reference: str = ""
    notified_way: Way | None = None
    notified_comment: str = ""  # what the customer wrote then
    opens: dict[str, datetime] = field(default_factory=dict)  # when what is kept, and was still shut then, opens
    asked_by_name: str = ""  # who of the account's people asked; empty: the customer
    is_schedule: bool = False  # one price paid in instalments: no word of it says « subscription »
    reason: str = ""  # the reason in the merchant's own words of then; empty: the portal's words for its code
    withdrawn_at: datetime | None = None  # the contract was withdrawn from then: its access ended at once

    @property
    def answers(self) -> bool:
        """Whether it carried out what its customer had asked before."""
        return answers(self.actor, self.channel, self.notified_at)

    @property
    def asked_under(self) -> str:
        """The reference that whoever asked was given."""
        return self.notified_reference if self.answers else self.reference

    def stored(self) -> dict[str, Any]:
        """Return the facts as JSON holds them."""
        facts = {one.name: _plain(getattr(self, one.name)) for one in dataclasses.fields(self)}
        if not self.opens:
            del facts["opens"]  # most ends have nothing to say of it
        for name in ("asked_by_name", "reason", "withdrawn_at"):
            if not facts[name]:
                del facts[name]
        return facts

    @classmethod
    def read(cls, stored: dict[str, Any]) -> Self:
        """Return the facts that `stored` once returned."""
        moments = {name: moment_of(stored, name) for name in MOMENTS}
        return cls(
            **{
                **stored,
                **moments,
                "price": _money(stored["price"]),
                "owed": _money(stored.get("owed")),
                "wished_on": date.fromisoformat(stored["wished_on"]) if stored.get("wished_on") else None,
                "actor": Actor(stored["actor"]),
                "channel": Channel(stored["channel"]),
                "outcome": Status(stored["outcome"]),
                "basis": Basis(stored["basis"]),
                "notified_way": Way(stored["notified_way"]) if stored.get("notified_way") else None,
                "kept": tuple(stored["kept"]),
                "opens": {title: datetime.fromisoformat(at) for title, at in stored.get("opens", {}).items()},
            }
        )


def _money(stored: dict[str, str] | None) -> Money | None:
    return Money(Decimal(stored["amount"]), stored["currency"]) if stored else None


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Money):
        return {"amount": str(value.amount), "currency": value.currency}
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return list(value) if isinstance(value, tuple) else value


def moment_of(facts: Mapping[str, Any], name: str) -> datetime | None:
    """Return a moment that was stored as text."""
    return datetime.fromisoformat(facts[name]) if facts.get(name) else None


def clean(text: Any) -> str:
    """Return foreign words on one line."""
    return one_line(str(text))

"""What samples of mails are made of: the facts of a real subscription, made up where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from portal.domain.money.money import Money
from portal.mail.letterhead import Letterhead
from portal.models import Subscription

MONTH: Final = timedelta(days=30)


def facts_of(found: Subscription | None, head: Letterhead, now: datetime) -> dict[str, Any]:
    """Return what a subscription knows of itself; all of it made up where there is none."""
    _ = head.words.gettext
    facts: dict[str, Any] = {
        "product": _("Piano lessons"),
        "customer_name": "Ana Example",
        "customer_email": "ana@example.com",
        "price": Money(Decimal("29.90"), "EUR"),
        "interval_unit": "MONTH",
        "interval_count": 1,
        "next_payment_at": now + MONTH,
        "is_schedule": False,
    }
    if found is None:
        return facts
    facts |= {
        "product": found.product.name,
        "customer_name": found.customer.name,
        "customer_email": found.customer.email or "",
        "next_payment_at": found.next_payment_at or now + MONTH,
        "is_schedule": found.is_schedule,
    }
    if found.amount is not None and found.currency is not None:
        facts["price"] = Money(found.amount, found.currency)
    if found.interval_unit is not None:
        facts |= {"interval_unit": found.interval_unit, "interval_count": found.interval_count}
    return facts


@dataclass(frozen=True)
class SampleFacts:
    """What samples are made of."""

    head: Letterhead
    now: datetime
    slug: str
    facts: Mapping[str, Any]

    def of(self, *names: str) -> dict[str, Any]:
        """Return some facts by their names."""
        return {name: self.facts[name] for name in names}

    @property
    def account(self) -> str:
        """The account page."""
        return f"/account/{self.slug}"

    @property
    def product(self) -> str:
        """Its name."""
        return str(self.facts["product"])

    @property
    def name(self) -> str:
        """The customer's."""
        return str(self.facts["customer_name"])

    @property
    def price(self) -> Money:
        """What is paid each time."""
        price: Money = self.facts["price"]
        return price

    @property
    def nothing(self) -> Money:
        """No money, in its currency."""
        return Money(Decimal(0), self.price.currency)

    @property
    def until(self) -> datetime:
        """The next payment, which is also the end of what is paid."""
        until: datetime = self.facts["next_payment_at"]
        return until

    @property
    def whose(self) -> dict[str, Any]:
        """What it is about, and whose it is."""
        return self.of("product", "customer_name", "customer_email")

    @property
    def paid(self) -> dict[str, Any]:
        """Price and rhythm."""
        return self.of("price", "interval_unit", "interval_count")

    @property
    def schedule(self) -> dict[str, Any]:
        """Whether it is one price in instalments."""
        return self.of("is_schedule")

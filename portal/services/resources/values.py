"""How single values are written for the outside."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from portal.domain.money.money import Money

Resource = dict[str, Any]


def moment(at: datetime | None) -> str | None:
    """Return a moment in ISO 8601, UTC, to the second, as `2026-12-03T08:00:00Z`; None for one that nobody knows."""
    return f"{at.astimezone(UTC).isoformat()[:19]}Z" if at is not None else None


def day(on: date | None) -> str | None:
    """Return a calendar day, as `2026-12-03`."""
    return on.isoformat() if on is not None else None


def money(amount: Decimal | None, currency: str | None) -> Resource | None:
    """Return a sum as text, with its currency: a JSON number would lose its decimals."""
    if amount is None or currency is None:
        return None
    return {"value": Money(amount, currency).figures, "currency": currency}

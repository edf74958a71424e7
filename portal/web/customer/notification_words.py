"""What became of a notification that a customer made on their page, in plain values for the card."""

from __future__ import annotations

from dataclasses import dataclass

from portal.queries.ends.received_requests import ReceivedState
from portal.queries.holdings import Held
from portal.web.formatting import formatter


@dataclass(frozen=True, kw_only=True)
class Notified:
    """One that is open, or that the merchant has closed; their reason is an internal note."""

    reference: str
    day: str
    wished: str | None  # the day on which they wish it to end
    closed_on: str | None


def waits_for_end(holding: Held) -> bool:
    """Say whether the customer has notified the end: it is open, or an end that is to come answers it."""
    return holding.notified is not None and holding.notified.state is not ReceivedState.DISMISSED


def notified(holding: Held) -> Notified | None:
    """Return what the page says; None without a notification, or when an end answers it: the end has its own words."""
    found, say = holding.notified, formatter()
    if found is None or holding.subscription.is_over or found.state is ReceivedState.MATCHED:
        return None
    return Notified(
        reference=found.reference,
        day=say.moment(found.received_at),
        wished=say.date(found.wished_on) if found.wished_on is not None else None,
        closed_on=say.day(found.settled_at) if found.settled_at is not None else None,
    )

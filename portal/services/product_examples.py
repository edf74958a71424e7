"""What a rule does to an example's subscription, by the functions that decide access (domain/access/access.py)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from portal.domain.access.access import (
    EndPreview,
    Facts,
    PausePreview,
    Rule,
    Window,
    preview_end,
    preview_pause,
    windows,
)
from portal.domain.subscriptions import Status

AGE: Final = timedelta(days=30)  # the example's customer subscribed so long ago
PAID: Final = timedelta(days=15)  # and has paid for so much longer


@dataclass(frozen=True, kw_only=True)
class Examples:
    """One customer, who subscribed at `started_at` and has paid until `paid_until`, in each thing that may happen."""

    now: datetime
    started_at: datetime
    paid_until: datetime
    ends: dict[Status, EndPreview]
    pause: PausePreview
    late: tuple[Window, ...]  # what stays open after a payment that was due now and failed


def examples(rule: Rule, *, now: datetime) -> Examples:
    """Return what each end, a pause and a failed payment at that moment leave to the example's customer."""
    facts = Facts(status=Status.ACTIVE, started_at=now - AGE, paid_until=now + PAID)
    outcomes = (Status.COMPLETED, Status.CANCELLED, Status.ABANDONED)
    late = facts._replace(status=Status.PAST_DUE, paid_until=now, past_due_since=now)
    return Examples(
        now=now,
        started_at=now - AGE,
        paid_until=now + PAID,
        ends={outcome: preview_end(facts, rule, outcome, now) for outcome in outcomes},
        pause=preview_pause(facts, rule, now),
        late=windows(late, rule),
    )

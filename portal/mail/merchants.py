"""What the merchant is told: requested, taken back, confirmed, needs you, overdue, key broken."""

from __future__ import annotations

from datetime import datetime

from portal.domain.end_requests import Trouble
from portal.mail.composing import Composed, compose
from portal.mail.facts import EffectFacts, EndFacts, WaitingFacts
from portal.mail.letterhead import Letterhead


def merchant_end_requested(head: Letterhead, end: EndFacts) -> Composed:
    """Compose the news of a customer's request that PayPal has not confirmed yet."""
    return compose("merchant_end_requested", head, end=end)


def merchant_end_withdrawn(head: Letterhead, end: EndFacts) -> Composed:
    """Compose the news that a customer took the request back."""
    return compose("merchant_end_withdrawn", head, end=end)


def merchant_end_confirmed(head: Letterhead, end: EndFacts, effects: EffectFacts) -> Composed:
    """Compose the news of an end that PayPal has confirmed."""
    return compose("merchant_end_confirmed", head, end=end, effects=effects)


def merchant_needs_you(
    head: Letterhead,
    *,
    trouble: Trouble | None,
    waiting: tuple[WaitingFacts, ...],
    more: int,
    issue: str,
    path: str,
    now: datetime,
) -> Composed:
    """Compose one call for help about every request listed; `more` are not listed. `issue` is PayPal's own word."""
    return compose(
        "merchant_needs_you", head, trouble=trouble, waiting=waiting, more=more, issue=issue, path=path, now=now
    )


def merchant_overdue(head: Letterhead, end: EndFacts) -> Composed:
    """Compose the alarm: unconfirmed for a day, or the next payment is near (cancellation.md, rule 8)."""
    return compose("merchant_overdue", head, end=end)


def merchant_end_late(head: Letterhead, *, late: tuple[WaitingFacts, ...], path: str) -> Composed:
    """Compose the alarm about planned ends that PayPal was not told of in time (cancellation.md, rule 10)."""
    return compose("merchant_end_late", head, late=late, path=path)


def merchant_key_broken(
    head: Letterhead, *, is_classic: bool, finding: str, since: datetime, waiting: int, path: str
) -> Composed:
    """Compose the news that a test found a key broken. `finding` is the test's word, `waiting` counts requests."""
    return compose(
        "merchant_key_broken", head, is_classic=is_classic, finding=finding, since=since, waiting=waiting, path=path
    )

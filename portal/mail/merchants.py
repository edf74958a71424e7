"""What the merchant is told: requested, taken back, confirmed, needs you, overdue, key broken."""

from __future__ import annotations

from datetime import datetime

from portal.mail.composing import Composed, compose
from portal.mail.facts import EffectFacts, EndFacts, NotifiedFacts, WaitingFacts
from portal.mail.letterhead import Letterhead


def merchant_end_requested(head: Letterhead, ends: tuple[EndFacts, ...], *, more: int, path: str) -> Composed:
    """Compose the news of customers' requests that PayPal has not confirmed yet; `more` are not listed."""
    return compose("merchant_end_requested", head, ends=ends, more=more, path=path)


def merchant_notified(head: Letterhead, notified: tuple[NotifiedFacts, ...], *, more: int, path: str) -> Composed:
    """Compose the news of ends that customers asked for by other ways, or bring them back to mind."""
    return compose("merchant_notified", head, notified=notified, more=more, path=path)


def merchant_end_withdrawn(head: Letterhead, end: EndFacts) -> Composed:
    """Compose the news that a customer took the request back."""
    return compose("merchant_end_withdrawn", head, end=end)


def merchant_end_confirmed(head: Letterhead, end: EndFacts, effects: EffectFacts) -> Composed:
    """Compose the news of an end that PayPal has confirmed."""
    return compose("merchant_end_confirmed", head, end=end, effects=effects)


def merchant_needs_you(
    head: Letterhead, waiting: tuple[WaitingFacts, ...], *, more: int, path: str, now: datetime
) -> Composed:
    """Compose one call for help about every request listed; `more` are not listed."""
    return compose("merchant_needs_you", head, waiting=waiting, more=more, path=path, now=now)


def merchant_overdue(head: Letterhead, ends: tuple[EndFacts, ...], *, more: int, path: str) -> Composed:
    """Compose the alarm: unconfirmed for a day, or the next payment is near (cancellation.md, rule 8)."""
    return compose("merchant_overdue", head, ends=ends, more=more, path=path)


def merchant_end_late(head: Letterhead, late: tuple[WaitingFacts, ...], *, more: int, path: str) -> Composed:
    """Compose the alarm about planned ends that PayPal was not told of in time (cancellation.md, rule 10)."""
    return compose("merchant_end_late", head, late=late, more=more, path=path)


def merchant_key_broken(
    head: Letterhead, *, is_classic: bool, finding: str, since: datetime, waiting: int, path: str
) -> Composed:
    """Compose the news that a test found a key broken. `finding` is the test's word, `waiting` counts requests."""
    return compose(
        "merchant_key_broken", head, is_classic=is_classic, finding=finding, since=since, waiting=waiting, path=path
    )


def merchant_address_held(head: Letterhead, *, customer: str, former: str, address: str, path: str) -> Composed:
    """Compose the call to decide about a change of address that its former mailbox contests."""
    return compose("merchant_address_held", head, customer=customer, former=former, address=address, path=path)


def merchant_endpoint_stopped(head: Letterhead, *, host: str, is_gone: bool, since: datetime, path: str) -> Composed:
    """Compose the news that an endpoint for events is called no more: it is gone, or failed since then."""
    return compose("merchant_endpoint_stopped", head, host=host, is_gone=is_gone, since=since, path=path)

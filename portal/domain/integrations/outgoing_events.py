"""What other systems are told, and how often it is tried: Standard Webhooks 1.0.0 (docs/integrations/events.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from portal.domain.errors import DomainError


class EventType(StrEnum):
    """What happened. A receiver chooses by these words, so none ever changes its sense."""

    SUBSCRIPTION_STARTED = "subscription.started"
    SUBSCRIPTION_UPDATED = "subscription.updated"
    SUBSCRIPTION_END_REQUESTED = "subscription.end_requested"
    SUBSCRIPTION_ENDED = "subscription.ended"  # PayPal has confirmed it
    SUBSCRIPTION_PAUSED = "subscription.paused"
    SUBSCRIPTION_RESUMED = "subscription.resumed"
    SUBSCRIPTION_PAYMENT_FAILED = "subscription.payment_failed"
    PAYMENT_COMPLETED = "payment.completed"
    PAYMENT_REFUNDED = "payment.refunded"
    ACCESS_GRANTED = "access.granted"
    ACCESS_CHANGED = "access.changed"
    ACCESS_ENDED = "access.ended"
    CUSTOMER_UPDATED = "customer.updated"
    CUSTOMER_ERASED = "customer.erased"
    REQUEST_NEEDS_MERCHANT = "request.needs_merchant"
    ENDPOINT_TEST = "endpoint.test"  # asked for at the desk; every endpoint takes it


CHOSEN: Final = tuple(one for one in EventType if one is not EventType.ENDPOINT_TEST)


class EndpointState(StrEnum):
    """Whether an endpoint is called. What is paused still collects; what is disabled is told nothing."""

    ENABLED = "enabled"
    PAUSED = "paused"  # it failed for too long, or somebody asked for it
    DISABLED = "disabled"  # it said that it is gone, or somebody switched it off


class DeliveryState(StrEnum):
    """What became of one event at one endpoint."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"  # every try failed, or the endpoint was switched off


class Fault(StrEnum):
    """Why a call had no answer."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"  # no such name, nobody listens, or the line was cut
    CERTIFICATE = "certificate"
    NOT_PUBLIC = "not_public"  # its name leads to no public address
    SECRET = "secret"  # noqa: S105 - ours cannot be opened: a master key is missing


# Waits after each failed try: the tenth comes some three days after the first.
WAITS: Final = tuple(
    timedelta(seconds=seconds)
    for seconds in (30, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 18 * 3600, 22 * 3600)
)
TRIES: Final = len(WAITS) + 1
JITTER: Final = 0.2  # of a wait, added: what failed together does not come back together
MOST_ASKED: Final = timedelta(hours=6)  # that a Retry-After is obeyed
QUIET: Final = (timedelta(seconds=10), timedelta(minutes=15))  # of an endpoint that does not answer: first and longest
FAILING_FOR: Final = timedelta(days=3)  # without one success: it is paused, and the merchant is told
BOTH_SECRETS: Final = timedelta(hours=24)  # after a rotation both sign
PORTS: Final = (443, 8443)  # of https, that events are sent to
LONGEST_ADDRESS: Final = 500
LONGEST_DESCRIPTION: Final = 200
MOST_ENDPOINTS: Final = 10  # of one merchant
GONE: Final = 410


class BadAddress(DomainError):
    """The address is none that events are sent to; the word says why."""


def check_address(text: str, *, loopback: bool = False) -> str:
    """Return the address; raise BadAddress("not_https", "port", "userinfo", "fragment", "too_long", "unreadable").

    `loopback` (demo and tests) also takes http to this machine.  Where its name leads is seen when it is called.
    """
    if len(text) > LONGEST_ADDRESS:
        raise BadAddress("too_long")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise BadAddress("unreadable") from None
    if not host or any(not letter.isprintable() or letter.isspace() for letter in text) or "\\" in text:
        raise BadAddress("unreadable")
    here = loopback and parts.scheme == "http" and host in ("127.0.0.1", "localhost")
    if parts.scheme != "https" and not here:
        raise BadAddress("not_https")
    if port not in (None, *PORTS) and not here:
        raise BadAddress("port")
    if parts.username is not None or parts.password is not None:
        raise BadAddress("userinfo")
    if "#" in text:
        raise BadAddress("fragment")
    return text


def is_done(status: int) -> bool:
    """Say whether an answer means that it was received."""
    return 200 <= status < 300


def wait(failed: int, *, luck: float, asked: timedelta | None = None) -> timedelta | None:
    """Return how long to wait after the `failed`th failed try; None when it was the last.

    `luck` (0 to 1) draws the jitter; `asked` is what the receiver's Retry-After says.
    """
    if failed >= TRIES:
        return None
    planned = WAITS[failed - 1] * (1 + JITTER * luck)
    return max(planned, min(asked, MOST_ASKED)) if asked is not None else planned


def quiet(failed_in_a_row: int) -> timedelta:
    """Return for how long an endpoint is left alone that did not answer so many times in a row."""
    first, longest = QUIET
    doubled: int = 1 << min(failed_in_a_row - 1, 20)
    return min(first * doubled, longest)


def body(event_type: EventType, timestamp: str | None, data: Mapping[str, Any]) -> bytes:
    """Return the bytes that are sent and signed; `timestamp` is when it happened, in ISO 8601."""
    told = {"type": event_type.value, "timestamp": timestamp, "data": data}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()

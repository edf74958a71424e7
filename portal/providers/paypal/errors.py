"""From PayPal's error answers to the two errors of the port (FACTS.md 1.5, cancellation.md « PayPal's answer »).

Decided by the HTTP status, then by `details[].issue`; never by a text, which PayPal may change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from portal.providers.ports import GatewayRefused, GatewayUnavailable, Refusal
from portal.providers.waits import asked_seconds

RETRY_AFTER_DEFAULT: Final = 30  # seconds, PayPal's own advice when 429 names none (FACTS.md 5)
RETRY_AFTER_LONGEST: Final = 6 * 3600  # seconds; our slowest retry, so that a wild header cannot stop a queue

BY_STATUS: Final[Mapping[int, Refusal]] = {
    401: Refusal.BAD_CREDENTIALS,
    403: Refusal.FORBIDDEN,
    404: Refusal.NOT_FOUND,
}

BY_ISSUE: Final[Mapping[str, Refusal]] = {
    "SUBSCRIPTION_STATUS_INVALID": Refusal.STATUS_INVALID,
    "USER_ACCOUNT_CLOSED": Refusal.ACCOUNT_CLOSED,
    "SUBSCRIBER_ACCOUNT_LOCKED": Refusal.ACCOUNT_CLOSED,
    "SUBSCRIBER_ACCOUNT_CLOSED": Refusal.ACCOUNT_CLOSED,
    "SUBSCRIBER_ACCOUNT_RESTRICTED": Refusal.ACCOUNT_CLOSED,
    "SUBSCRIPTION_CANNOT_BE_ACTIVATED": Refusal.CANNOT_BE_ACTIVATED,
    "PLAN_STATUS_INVALID": Refusal.PLAN_STATUS_INVALID,
    "ZERO_OUTSTANDING_BALANCE": Refusal.NOTHING_OUTSTANDING,
    "AMOUNT_GREATER_THAN_OUTSTANDING_BALANCE": Refusal.OTHER_SUM,
    "CURRENCY_MISMATCH": Refusal.OTHER_SUM,
}

# FACTS.md 2.4: as the error's name or as an issue, of a status that the documents leave open.
OF_WEBHOOKS: Final[Mapping[str, Refusal]] = {
    "WEBHOOK_NUMBER_LIMIT_EXCEEDED": Refusal.WEBHOOK_LIMIT,
    "WEBHOOK_URL_ALREADY_EXISTS": Refusal.WEBHOOK_EXISTS,
}
DECIDING: Final[Mapping[int, Mapping[str, Refusal]]] = {
    400: OF_WEBHOOKS,
    409: OF_WEBHOOKS,
    422: {**BY_ISSUE, **OF_WEBHOOKS},
}

_WORD = re.compile(r"[A-Za-z0-9_.-]{1,100}")


def word(value: object) -> str:
    """Return `value` if it is one plain word (a code, a debug id), else "": safe to log and to store."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""


def issues(body: Mapping[str, Any]) -> list[str]:
    """Return the issue codes of an error body, in PayPal's order; empty when it has none."""
    details = body.get("details")
    if not isinstance(details, list):
        return []
    return [code for row in details if isinstance(row, dict) and (code := word(row.get("issue")))]


def refused(status: int, body: Mapping[str, Any], *, debug_id: str) -> GatewayRefused:
    """Return the refusal a 4xx answer stands for; its `issue` is the code that decided, or the error's name."""
    codes, deciding = issues(body), DECIDING.get(status, {})
    known = next((code for code in (*codes, word(body.get("name"))) if code in deciding), "")
    refusal = deciding[known] if known else BY_STATUS.get(status, Refusal.OTHER)
    # A 401 body carries either `error` (OAuth) or `name` (the API), FACTS.md 1.1.
    issue = known or (codes[0] if codes else "") or word(body.get("name")) or word(body.get("error"))
    return GatewayRefused(refusal, http_status=status, issue=issue, debug_id=debug_id)


def unavailable(reason: str, *, status: int | None = None, debug_id: str = "") -> GatewayUnavailable:
    """Return « we do not know what PayPal did », with the reason in a few constant words."""
    return GatewayUnavailable(reason, http_status=status, debug_id=debug_id)


def rate_limited(header: str | None, *, now: datetime, debug_id: str) -> GatewayUnavailable:
    """Return the 429 error with the seconds to wait, from a Retry-After of either form (RFC 9110 10.2.3)."""
    return GatewayUnavailable("rate limited", http_status=429, retry_after=_seconds(header, now), debug_id=debug_id)


def _seconds(header: str | None, now: datetime) -> int:
    wait = asked_seconds(header, now=now)
    return RETRY_AFTER_DEFAULT if wait is None else min(max(wait, 1), RETRY_AFTER_LONGEST)

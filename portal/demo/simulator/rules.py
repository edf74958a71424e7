"""What can be made to go wrong, where, and how often."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

OPERATIONS: Final = (
    "any",
    "token",
    "list",
    "show",
    "cancel",
    "suspend",
    "activate",
    "capture",
    "create",
    "list_plans",
    "show_plan",
    "transactions",
    "refund",
    "show_refund",
    "list_webhooks",
    "create_webhook",
    "show_webhook",
    "change_webhook",
    "delete_webhook",
    "event_types",
    "simulate_event",
    "list_events",
    "show_event",
    "resend_event",
    "verify_message",
    "certificate",
    "nvp_get",
    "nvp_manage",
    "nvp_balance",
    "ipn_postback",
)
ACTS: Final = ("cancel", "suspend", "activate", "capture", "create", "nvp_manage", "refund")


class Behaviour(StrEnum):
    """How a matching call is answered. Only `silent` and `cut` on a GET, and `stale`, let the call happen."""

    NORMAL = "normal"  # only later, by `latency`; other rules still count
    SERVER_ERROR = "500"
    SERVICE_UNAVAILABLE = "503"
    RATE_LIMITED = "429"  # Retry-After: retry_after, left out when 0
    TIMEOUT = "timeout"  # nothing happens, no answer for `seconds`, then the connection closes
    CUT = "cut"  # a GET is answered by half, an act is not carried out; then the connection closes
    SILENT = "silent"  # the act IS carried out, then as `timeout`
    KEY_REFUSED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    BAD_REQUEST = "400"
    CONFLICT = "409"  # another call on it is under way
    ACCOUNT_CLOSED = "422-account-closed"
    STATUS_INVALID = "422-status-invalid"
    CANNOT_BE_ACTIVATED = "422-cannot-be-activated"
    PLAN_STATUS_INVALID = "422-plan-status-invalid"
    PAYER_LOCKED = "422-payer-locked"
    NOTHING_OUTSTANDING = "422-zero-outstanding"
    TOO_MUCH = "422-amount-greater"
    OTHER_CURRENCY = "422-currency-mismatch"
    ACCEPTED = "202"  # a capture alone: accepted, and never carried out
    STALE = "stale"  # set on an act: it works, but the next `reads` reads still show the state before
    HTML = "html-502"
    EMPTY = "empty-200"
    ARRAY = "array-200"
    OTHER_ID = "other-id"  # the right shape about another subscription
    NVP_INTERNAL = "nvp-10001"  # classic API only: 200 with the error inside, as the two below
    NVP_AWAY = "nvp-10101"
    NO_ACK = "nvp-no-ack"


# What no PayPal specification describes; answers carry a header that says so, and no contract is checked.
OFF_CONTRACT: Final = frozenset(
    {Behaviour.CUT, Behaviour.HTML, Behaviour.EMPTY, Behaviour.ARRAY, Behaviour.TIMEOUT, Behaviour.SILENT}
)
# What makes sense for an act alone; set on "any", reads and tokens stay normal.
ONLY_ACTS: Final = frozenset(
    {
        Behaviour.SILENT,
        Behaviour.BAD_REQUEST,
        Behaviour.CONFLICT,
        Behaviour.ACCOUNT_CLOSED,
        Behaviour.STATUS_INVALID,
        Behaviour.PLAN_STATUS_INVALID,
        Behaviour.CANNOT_BE_ACTIVATED,
        Behaviour.PAYER_LOCKED,
        Behaviour.NOTHING_OUTSTANDING,
        Behaviour.TOO_MUCH,
        Behaviour.OTHER_CURRENCY,
        Behaviour.ACCEPTED,
        Behaviour.STALE,
    }
)


@dataclass
class Rule:
    """One thing set to go wrong. `times` None is until cleared; the first `skip` matching calls pass."""

    operation: str
    behaviour: Behaviour
    times: int | None = None
    skip: int = 0
    seconds: float = 30.0
    retry_after: int = 30
    reads: int = 2
    only: str | None = None  # a subscription or plan id; of a refund, its subscription's
    probability: float = 1.0  # of hitting a matching call, drawn with `seed`
    seed: int = 0
    latency: int = 0  # milliseconds before the answer

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)  # noqa: S311 - no secret: a run can be repeated
        if not 0 < self.probability <= 1 or self.latency < 0:
            raise ValueError("a probability is above 0 and at most 1, a latency not below 0")
        if self.operation not in OPERATIONS:
            raise ValueError(f"no operation {self.operation!r}: one of {', '.join(OPERATIONS)}")
        if self.behaviour in ONLY_ACTS and self.operation not in ("any", *ACTS):
            raise ValueError(f"{self.behaviour} is for {', '.join(ACTS)} or any, not {self.operation}")

    def claims(self, operation: str, provider_id: str) -> bool:
        """Tell whether this call is to be disturbed, counting it if so."""
        if self.operation not in ("any", operation) or self.only not in (None, provider_id):
            return False
        if self.behaviour is Behaviour.STALE and operation not in ACTS:
            return False
        if self.behaviour in ONLY_ACTS and operation not in ACTS:
            return False
        if self.times == 0:
            return False
        if self.probability < 1 and self._chance.random() >= self.probability:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


def chosen(rules: Iterable[Rule], operation: str, provider_id: str) -> tuple[Rule | None, float]:
    """Return the first rule that disturbs this call, and how many seconds those before it that only delay add up to."""
    late = 0
    for rule in rules:
        if rule.claims(operation, provider_id):
            late += rule.latency
            if rule.behaviour is not Behaviour.NORMAL:
                return rule, late / 1000
    return None, late / 1000

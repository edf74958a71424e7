"""A subscription's life: states, what leads where, and what PayPal's words mean (domain.md)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from portal.domain.errors import DomainError


class Status(StrEnum):
    """Where a subscription stands."""

    PENDING = "pending"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"


class Action(StrEnum):
    """What a person may ask for."""

    CANCEL = "cancel"
    COMPLETE = "complete"
    ABANDON = "abandon"
    PAUSE = "pause"
    RESUME = "resume"


LIVE: Final = frozenset({Status.PENDING, Status.ACTIVE, Status.PAST_DUE, Status.PAUSED})
ENDED: Final = frozenset({Status.COMPLETED, Status.CANCELLED, Status.ABANDONED})

ENDINGS: Final[Mapping[Action, Status]] = {
    Action.CANCEL: Status.CANCELLED,
    Action.COMPLETE: Status.COMPLETED,
    Action.ABANDON: Status.ABANDONED,
}

TRANSITIONS: Final[Mapping[Status, Mapping[Action, Status]]] = {
    Status.PENDING: {Action.CANCEL: Status.CANCELLED, Action.ABANDON: Status.ABANDONED},
    Status.ACTIVE: {Action.PAUSE: Status.PAUSED, **ENDINGS},
    Status.PAST_DUE: {**ENDINGS},
    Status.PAUSED: {Action.RESUME: Status.ACTIVE, **ENDINGS},
    Status.COMPLETED: {},
    Status.CANCELLED: {Action.ABANDON: Status.ABANDONED},
    Status.ABANDONED: {},
}

PROVIDER_MOVES: Final[Mapping[Status, frozenset[Status]]] = {
    # domain.md gives pending → active; the others are what PayPal may show when an event was missed in between.
    Status.PENDING: frozenset({Status.ACTIVE, Status.PAST_DUE, Status.PAUSED, Status.CANCELLED, Status.COMPLETED}),
    Status.ACTIVE: frozenset({Status.PAST_DUE, Status.PAUSED, Status.CANCELLED, Status.COMPLETED}),
    Status.PAST_DUE: frozenset({Status.ACTIVE, Status.PAUSED, Status.CANCELLED, Status.COMPLETED}),
    Status.PAUSED: frozenset({Status.ACTIVE, Status.PAST_DUE, Status.CANCELLED, Status.COMPLETED}),
    Status.COMPLETED: frozenset(),
    Status.CANCELLED: frozenset(),
    Status.ABANDONED: frozenset(),
}


class ProviderStatus(StrEnum):
    """PayPal's own words (FACTS.md 1.3). Others may come: they are kept as text and raise an alert."""

    APPROVAL_PENDING = "APPROVAL_PENDING"
    APPROVED = "APPROVED"
    PENDING = "PENDING"  # classic only: signed up, begins by itself and cannot be cancelled yet (FACTS.md 3.1)
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


PROVIDER_OVER: Final = frozenset({ProviderStatus.CANCELLED, ProviderStatus.EXPIRED})
PROVIDER_NOT_STARTED: Final = frozenset({ProviderStatus.APPROVAL_PENDING, ProviderStatus.APPROVED})


class IllegalTransition(DomainError):
    """The state does not allow the action."""

    def __init__(self, status: Status, action: Action) -> None:
        super().__init__(f"{action} is refused when {status}")
        self.status = status
        self.action = action


def transition(status: Status, action: Action) -> Status:
    """Return the status `action` leads to; raise IllegalTransition if it leads nowhere."""
    try:
        return TRANSITIONS[status][action]
    except KeyError:
        raise IllegalTransition(status, action) from None


def actions_from(status: Status) -> tuple[Action, ...]:
    """Return the actions the state allows, whoever asks, in the order of `Action`."""
    return tuple(action for action in Action if action in TRANSITIONS[status])


def status_from_provider(word: str, *, failed_payments: int) -> Status | None:
    """Return what PayPal's word means; None for a word nobody has seen (keep it, alert, change nothing).

    Failed payments make an active or suspended subscription *past due* (FACTS.md 1.4, suggested mapping).  One that is
    over stays over: EXPIRED is *completed* (domain.md), also with its last payments unpaid.  The term has run out, and
    what is owed stays beside it as the outstanding amount, which PayPal still lets the merchant take.
    """
    late = failed_payments > 0
    meanings: Mapping[str, Status] = {
        ProviderStatus.APPROVAL_PENDING: Status.PENDING,
        ProviderStatus.APPROVED: Status.PENDING,
        ProviderStatus.PENDING: Status.PENDING,
        ProviderStatus.ACTIVE: Status.PAST_DUE if late else Status.ACTIVE,
        ProviderStatus.SUSPENDED: Status.PAST_DUE if late else Status.PAUSED,
        ProviderStatus.CANCELLED: Status.CANCELLED,
        ProviderStatus.EXPIRED: Status.COMPLETED,
    }
    return meanings.get(word)


def follow_provider(status: Status, seen: Status) -> Status:
    """Return the status after PayPal showed `seen`; an ended subscription never comes back (domain.md)."""
    return seen if seen in PROVIDER_MOVES[status] else status


def can_resume(status: Status, *, failed_payments: int, failure_threshold: int) -> bool:
    """Say whether PayPal would accept a resume: not once its failure threshold was reached (FACTS.md 1.4)."""
    over_threshold = failure_threshold > 0 and failed_payments >= failure_threshold
    return Action.RESUME in TRANSITIONS[status] and not over_threshold


def may_invite_back(status: Status, *, relaunch_allowed: bool, is_schedule: bool = False) -> bool:
    """Say whether an invitation to come back may exist: only for *cancelled*, never for *abandoned*.

    A price that was paid in instalments (`is_schedule`) is nothing to take up again: buying it once more is a contract
    of its own, made where it is sold (law.md R-FR-61).
    """
    return status is Status.CANCELLED and relaunch_allowed and not is_schedule

"""A request to end a subscription: its own states, retries and reference (cancellation.md)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from portal.domain.errors import DomainError


class RequestState(StrEnum):
    """Where a request to end stands."""

    RECORDED = "recorded"
    CALLING = "calling"
    VERIFYING = "verifying"
    RETRYING = "retrying"
    NEEDS_MERCHANT = "needs_merchant"
    CONFIRMED = "confirmed"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


OPEN: Final = frozenset(
    {
        RequestState.RECORDED,
        RequestState.CALLING,
        RequestState.VERIFYING,
        RequestState.RETRYING,
        RequestState.NEEDS_MERCHANT,
    }
)

MOVES: Final[Mapping[RequestState, frozenset[RequestState]]] = {
    RequestState.RECORDED: frozenset(
        {RequestState.CALLING, RequestState.CONFIRMED, RequestState.WITHDRAWN, RequestState.NEEDS_MERCHANT}
    ),
    RequestState.CALLING: frozenset(
        {
            RequestState.CALLING,
            RequestState.VERIFYING,
            RequestState.RETRYING,
            RequestState.NEEDS_MERCHANT,
            RequestState.CONFIRMED,
        }
    ),
    RequestState.VERIFYING: frozenset(
        {RequestState.CALLING, RequestState.RETRYING, RequestState.NEEDS_MERCHANT, RequestState.CONFIRMED}
    ),
    RequestState.RETRYING: frozenset(
        {RequestState.CALLING, RequestState.NEEDS_MERCHANT, RequestState.CONFIRMED, RequestState.WITHDRAWN}
    ),
    RequestState.NEEDS_MERCHANT: frozenset({RequestState.CALLING, RequestState.CONFIRMED, RequestState.WITHDRAWN}),
    RequestState.CONFIRMED: frozenset({RequestState.CLOSED}),
    RequestState.CLOSED: frozenset(),
    RequestState.WITHDRAWN: frozenset(),
}


class IllegalMove(DomainError):
    """A request cannot go from one state to the other; *confirmed* and *closed* never go back."""


def move(state: RequestState, to: RequestState) -> RequestState:
    """Return `to`, or raise IllegalMove when the diagram of cancellation.md has no such arrow."""
    if to not in MOVES[state]:
        raise IllegalMove(f"{state} does not lead to {to}")
    return to


class Channel(StrEnum):
    """Where a request came from."""

    PORTAL = "portal"
    STAFF = "staff"
    PROVIDER = "provider"
    PUBLIC_PAGE = "public_page"
    BULK = "bulk"
    API = "api"
    PORTAL_SESSION = "portal_session"  # the customer, whom the merchant's own server vouched for


class Basis(StrEnum):
    """On what a confirmation rests: never on anything but a read, or on nothing having begun at PayPal."""

    READ_AFTER_CALL = "read_after_call"
    ALREADY_OVER = "already_over"
    NEVER_STARTED = "never_started"  # not approved at PayPal: nothing can be charged
    LOCAL = "local"  # already over here and there: only our own word changes


class Cause(StrEnum):
    """What brought an end about that is no ordinary one."""

    WITHDRAWN = "withdrawn"  # the customer withdrew from the contract (domain/law/withdrawals.py)


class Trouble(StrEnum):
    """Why a request is not confirmed yet: said to staff in words, never shown as « failed »."""

    UNAVAILABLE = "unavailable"
    RATE_LIMITED = "rate_limited"
    STILL_LIVE = "still_live"
    BAD_CREDENTIALS = "bad_credentials"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    ACCOUNT_CLOSED = "account_closed"
    NO_KEY = "no_key"
    UNKNOWN_WORD = "unknown_word"
    REFUSED = "refused"


KEY_TROUBLES: Final = frozenset({Trouble.BAD_CREDENTIALS, Trouble.NO_KEY})  # they stop every request of the merchant

RETRY_DELAYS: Final = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=6),
)
JITTER: Final = 0.1  # of the delay, either way
TRUST_IN_204: Final = timedelta(minutes=10)  # how long to only read after a 204, before calling again
LEASE: Final = timedelta(seconds=120)  # how long one process may hold a request in *calling*
ALARM: Final = timedelta(hours=48)  # before the next payment: the merchant is told
OVERDUE: Final = timedelta(hours=24)  # unconfirmed for so long: the customer gets an honest status
SOON: Final = timedelta(hours=72)  # the next payment is near: say how to stop it oneself


def retry_delay(attempts: int, *, asked: timedelta | None = None) -> timedelta:
    """Return the wait before the next try after `attempts` tries (1, 5, 15 min, 1 h, 3 h, 6 h, then every 6 h).

    With jitter of ±10 %.  A wait that PayPal asked for (429) is honoured when it is longer.
    """
    base = RETRY_DELAYS[min(max(attempts, 1), len(RETRY_DELAYS)) - 1]
    wait = base * (1 + JITTER * (2 * secrets.randbelow(1000) / 999 - 1))
    return max(wait, asked) if asked is not None else wait


def verify_delay(waited: timedelta) -> timedelta:
    """Return the wait before the next read after a 204 that no read shows yet: 5 s, doubling, to one minute."""
    return max(timedelta(seconds=5), min(waited, timedelta(minutes=1)))


REFERENCE_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # no 0/O, no 1/I: it is read aloud


def new_reference() -> str:
    """Return a short, speakable reference such as `K7QM-4TXD` (40 bits, unique by constraint)."""
    letters = "".join(secrets.choice(REFERENCE_ALPHABET) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def can_withdraw(state: RequestState, *, sent_at: datetime | None, cause: Cause | None = None) -> bool:
    """Say whether an undo is still true: only while nothing was sent to PayPal.

    Who has withdrawn from the contract has undone it by saying so: there is nothing to take back.
    """
    return sent_at is None and cause is None and RequestState.WITHDRAWN in MOVES[state]


def is_planned(state: RequestState, due_at: datetime | None, *, now: datetime) -> bool:
    """Say whether a request only waits for a later day: nothing of it was sent, staff may end it at once instead."""
    return state is RequestState.RECORDED and due_at is not None and due_at > now


def is_payment_near(next_payment_at: datetime | None, now: datetime) -> bool:
    """Say whether a payment may come within 72 h: the customer then gets PayPal's own page too."""
    return next_payment_at is not None and next_payment_at - now <= SOON

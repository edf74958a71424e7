"""A settlement: what is outstanding of a late subscription is taken at PayPal because its customer asked for it now.

recorded ─▶ calling ─▶ verifying (PayPal took the call), retrying, needs_merchant ─▶ done
                                      └────────────────────────────────────────────▶ failed

PayPal decides from every open state, whoever reads it.  *Done* rests on a read: the payment is there, or nothing is
outstanding any more.  A call without an answer is not one that took nothing, so only a read ends what may have left.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from portal.domain.errors import DomainError
from portal.domain.money.money import Money
from portal.domain.subscriptions import PROVIDER_OVER, ProviderStatus


class SettlementState(StrEnum):
    """Where a settlement stands."""

    RECORDED = "recorded"
    CALLING = "calling"
    VERIFYING = "verifying"
    RETRYING = "retrying"
    NEEDS_MERCHANT = "needs_merchant"
    DONE = "done"
    FAILED = "failed"


OPEN: Final = frozenset(SettlementState) - {SettlementState.DONE, SettlementState.FAILED}

UNDER_WAY: Final = OPEN - {SettlementState.NEEDS_MERCHANT}  # something may still be sent, or has been just now

_BY_PAYPAL: Final = frozenset({SettlementState.DONE, SettlementState.FAILED})
_BACK: Final = frozenset({SettlementState.CALLING})
MOVES: Final[Mapping[SettlementState, frozenset[SettlementState]]] = {
    SettlementState.RECORDED: _BACK | _BY_PAYPAL,
    SettlementState.CALLING: OPEN - {SettlementState.RECORDED} | _BY_PAYPAL,  # itself, when a process died in it
    SettlementState.VERIFYING: _BACK | _BY_PAYPAL,
    SettlementState.RETRYING: _BACK | _BY_PAYPAL,
    SettlementState.NEEDS_MERCHANT: _BACK | _BY_PAYPAL,
    SettlementState.DONE: frozenset(),
    SettlementState.FAILED: frozenset(),
}


class SettlementRefusal(StrEnum):
    """Why nothing was taken."""

    SUM_CHANGED = "sum_changed"  # another sum is outstanding by now than the customer agreed to
    DECLINED = "declined"  # PayPal could not take it from the card or the account
    PAYER_ACCOUNT = "payer_account"  # the customer's PayPal account is locked, closed or restricted
    ACCOUNT_CLOSED = "account_closed"  # one of the two accounts: PayPal does not say which
    ENDING = "ending"  # an end is asked for, or has come: nobody who leaves is asked for money
    STATUS = "status"  # PayPal's state of the subscription does not allow it
    NO_LINK = "no_link"  # the merchant's key is missing or refused, or does not know the subscription
    NO_ANSWER = "no_answer"  # nothing could be sent for a day
    NOT_TAKEN = "not_taken"  # sent without an answer, and PayPal has shown no payment since
    REFUSED = "refused"  # PayPal refused the call


class NoSettlement(StrEnum):
    """Why it cannot be asked for."""

    CLASSIC = "classic"  # PayPal's classic API has no such call
    NOT_LATE = "not_late"
    NOTHING_OUTSTANDING = "nothing_outstanding"  # PayPal counts a payment only after its last try
    ENDING = "ending"
    NO_KEY = "no_key"
    OTHER_SUM = "other_sum"  # not what the page had shown


class CannotSettle(DomainError):
    """A settlement cannot be asked for, for the reason given."""

    def __init__(self, why: NoSettlement) -> None:
        super().__init__(why.value)
        self.why = why


class IllegalSettlementMove(DomainError):
    """A settlement cannot go from one state to the other; *done* and *failed* never go back."""


class Own(StrEnum):
    """What PayPal shows of the payment that a settlement made."""

    NONE = "none"
    PENDING = "pending"
    CAME = "came"
    DECLINED = "declined"


class Verdict(StrEnum):
    """What a read means for a settlement."""

    DONE = "done"
    FAILED = "failed"
    CALL = "call"
    WAIT = "wait"


CALL_FOR: Final = timedelta(days=1)  # so long after the click money may still be taken; PayPal keeps a call's id three
GIVE_UP: Final = timedelta(days=3)  # what was sent and shows nowhere by then was not taken

Judged = tuple[Verdict, SettlementRefusal | None]


def judge(
    asked: Money,
    *,
    outstanding: Money | None,
    own: Own,
    word: str | None,
    asked_at: datetime,
    is_sent: bool,
    is_accepted: bool,
    now: datetime,
) -> Judged:
    """Return what PayPal's read means for a settlement of `asked`, and why where nothing is taken by it.

    `outstanding`: what PayPal names, None where it names nothing readable; `word`: its state of the subscription;
    `is_sent`: a call left that may have been carried out; `is_accepted`: PayPal took it, and it is only read since.
    """
    if own is Own.PENDING:  # nothing may be outstanding meanwhile, and it has not come
        return Verdict.WAIT, None
    # Of what has ended PayPal asks for nothing any more, paid or not.
    is_nothing_left = outstanding is not None and outstanding.amount <= 0 and word not in PROVIDER_OVER
    if own is Own.CAME or is_nothing_left:
        return Verdict.DONE, None
    if own is Own.DECLINED:
        return Verdict.FAILED, SettlementRefusal.DECLINED
    age = now - asked_at
    if is_sent:
        if age >= GIVE_UP:
            return Verdict.FAILED, SettlementRefusal.NOT_TAKEN
        again = not is_accepted and age < CALL_FOR and is_takeable(word) and outstanding == asked
        return (Verdict.CALL if again else Verdict.WAIT), None
    if not is_takeable(word):
        return Verdict.FAILED, SettlementRefusal.ENDING if word in PROVIDER_OVER else SettlementRefusal.STATUS
    if age >= CALL_FOR:
        return Verdict.FAILED, SettlementRefusal.NO_ANSWER
    if outstanding is None:
        return Verdict.WAIT, None
    return (Verdict.CALL, None) if outstanding == asked else (Verdict.FAILED, SettlementRefusal.SUM_CHANGED)


def is_takeable(word: str | None) -> bool:
    """Say whether something is taken in that state: PayPal would of an expired one too, but it is over here."""
    return word in (ProviderStatus.ACTIVE, ProviderStatus.SUSPENDED)


def outstanding_of(amount: Decimal | None, currency: str | None) -> Money | None:
    """Return what is outstanding as money, None where either is unknown."""
    return Money(amount, currency) if amount is not None and currency else None


def move(state: SettlementState, to: SettlementState) -> SettlementState:
    """Return `to`, or raise IllegalSettlementMove when the diagram has no such arrow."""
    if to not in MOVES[state]:
        raise IllegalSettlementMove(f"{state} does not lead to {to}")
    return to

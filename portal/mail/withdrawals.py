"""What is told of a withdrawal from a contract: its effects to the customer, its refund to the merchant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.domain.law.withdrawals import Verdict
from portal.domain.money.money import Money
from portal.mail.composing import Composed, compose
from portal.mail.letterhead import Clean, Letterhead


@dataclass(frozen=True, kw_only=True)
class WithdrawalFacts(Clean):
    """A withdrawal that was accepted."""

    reference: str
    product: str
    customer_name: str
    customer_email: str | None
    declared_at: datetime
    has_hour: bool  # of what came by letter the day alone is known
    verdict: Verdict
    is_over: bool  # PayPal takes nothing any more: it had ended before
    due: Money | None  # what is to go back; None: nothing was taken, or nothing is known of it
    owed: Money | None  # for the days used, where it was agreed to begin at once
    refund_by: datetime
    path: str
    is_schedule: bool = False  # one price paid in instalments
    are_payments_unknown: bool = False  # it began, and no payment of it was ever seen here


def withdrawal_accepted(head: Letterhead, withdrawal: WithdrawalFacts) -> Composed:
    """Tell the customer what follows: access, PayPal, the refund and its day (law.md, R-FR-33)."""
    return compose("withdrawal_accepted", head, withdrawal=withdrawal)


def merchant_withdrawal(head: Letterhead, withdrawal: WithdrawalFacts) -> Composed:
    """Tell the merchant of a new withdrawal, with the sum that is due and its day."""
    return compose("merchant_withdrawal", head, withdrawal=withdrawal)


def merchant_withdrawal_due(head: Letterhead, withdrawal: WithdrawalFacts, *, days: int) -> Composed:
    """Warn the merchant of a refund that is due in so many days; none are left on the day itself."""
    return compose("merchant_withdrawal_due", head, withdrawal=withdrawal, days=days)

"""What kind of contract a plan makes, as its merchant answers (law.md R-FR-25, R-FR-60); nobody guesses it.

Nothing here decides what the law says of a contract: the cautions tell what to ask counsel about.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from portal.domain.dates.periods import Interval
from portal.domain.errors import DomainError
from portal.domain.law.renewals import Renewing, is_reachable

LONGEST_TERM: Final = 60  # months
LONGEST_NOTICE: Final = 365  # days; one day is the least, so that the last day to refuse lies before the renewal
OUTSIDE_CREDIT: Final = timedelta(days=50)  # a deferred payment wholly made within is no consumer credit (R-FR-60)


class PlanKind(StrEnum):
    """How long the contract lasts."""

    OPEN_ENDED = "open_ended"  # until somebody ends it
    TACIT_RENEWAL = "tacit_renewal"  # a fixed term that renews itself unless somebody refuses
    INSTALMENTS = "instalments"  # one price, spread over payments: it ends with the last


class Supply(StrEnum):
    """What instalments pay for."""

    CONTINUING = "continuing"  # a service that goes on as long as the payments do
    AT_ONCE = "at_once"  # supplied whole at the beginning: payments that follow are deferred


class Wrong(StrEnum):
    """Why an answer cannot be one of this plan."""

    NO_TERM = "no_term"
    NO_NOTICE = "no_notice"
    NO_SUPPLY = "no_supply"
    NEVER_ENDS = "never_ends"  # instalments without a last payment
    ENDS_ITSELF = "ends_itself"  # PayPal ends the plan after its last payment: nothing renews


class WrongKind(DomainError):
    """The answer does not fit the plan, for the reason given. Nothing was written."""

    def __init__(self, why: Wrong) -> None:
        super().__init__(why.value)
        self.why = why


class Caution(StrEnum):
    """What the merchant is told beside an answer, and is to ask counsel about."""

    WINDOW = "window"  # the reminder cannot be sent in its time before every renewal (R-FR-25)
    CREDIT = "credit"  # it may be consumer credit (R-FR-60)


@dataclass(frozen=True, kw_only=True)
class KindAnswer:
    """The merchant's answer about a plan. Term and notice are of a tacit renewal alone, `supply` of instalments."""

    kind: PlanKind
    term_months: int | None = None
    notice_days: int | None = None
    supply: Supply | None = None

    @property
    def renewing(self) -> Renewing | None:
        """Its term and notice; None of a contract that does not renew itself."""
        if self.kind is not PlanKind.TACIT_RENEWAL or self.term_months is None or self.notice_days is None:
            return None
        return Renewing(months=self.term_months, notice_days=self.notice_days)


def check(answer: KindAnswer, *, cycles: int) -> None:
    """Raise WrongKind unless a plan of so many payments (0: without end) can be of that kind."""
    if answer.kind is PlanKind.TACIT_RENEWAL:
        if cycles:
            raise WrongKind(Wrong.ENDS_ITSELF)
        if answer.term_months is None or not 1 <= answer.term_months <= LONGEST_TERM:
            raise WrongKind(Wrong.NO_TERM)
        if answer.notice_days is None or not 1 <= answer.notice_days <= LONGEST_NOTICE:
            raise WrongKind(Wrong.NO_NOTICE)
    if answer.kind is PlanKind.INSTALMENTS:
        if not cycles:
            raise WrongKind(Wrong.NEVER_ENDS)
        if answer.supply is None:
            raise WrongKind(Wrong.NO_SUPPLY)


def cautions(answer: KindAnswer, *, interval: Interval | None, cycles: int) -> tuple[Caution, ...]:
    """Return what the merchant is to be told of the answer, which `check` has let pass."""
    renewing = answer.renewing
    if renewing is not None and not is_reachable(renewing):
        return (Caution.WINDOW,)
    if answer.kind is PlanKind.INSTALMENTS and answer.supply is Supply.AT_ONCE and is_long(interval, cycles):
        return (Caution.CREDIT,)
    return ()


def is_long(interval: Interval | None, cycles: int) -> bool:
    """Say whether the last payment comes more than 50 days after the first; an unknown rhythm may."""
    if interval is None:
        return True
    start = datetime(2027, 1, 1, tzinfo=UTC)
    return interval.after(start, max(cycles - 1, 0)) - start > OUTSIDE_CREDIT

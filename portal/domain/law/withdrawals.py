"""Withdrawal from a distance contract: its last day, what was agreed of it, and what is owed (law.md, R-FR-30 to 35).

Nothing here refuses: a declaration that is late, or of which that is doubtful, is accepted, and its refund is the
merchant's to decide.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_DOWN
from enum import StrEnum
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from holidays import country_holidays

from portal.domain.money.money import Money

DAYS: Final = 14  # after the day of the conclusion, which is not counted (L221-18, L221-19; § 355 BGB)
MONTHS_MORE: Final = 12  # where the information was not given (L221-20; § 356(3) BGB)
REFUND_WITHIN: Final = timedelta(days=14)  # after the trader was told (L221-24)
WARNED_BEFORE: Final = (timedelta(days=7), timedelta(days=3), timedelta(days=1), timedelta(0))
LONGEST: Final = timedelta(days=420)  # no period is longer: a year and 14 days, moved by holidays at both ends
SATURDAY: Final = 5

# Where public holidays are those of a part of a country: by time zone, as nothing else says where a contract is.
# Other zones of Europe have those of France, the law by which the portal was begun.
REGIONS: Final[Mapping[str, tuple[str, str | None]]] = {
    "Europe/Paris": ("FR", None),
    "Europe/Berlin": ("DE", None),
    "Europe/Busingen": ("DE", None),
    "America/Guadeloupe": ("FR", "971"),
    "America/Martinique": ("FR", "972"),
    "America/Cayenne": ("FR", "973"),
    "Indian/Reunion": ("FR", "974"),
    "Indian/Mayotte": ("FR", "976"),
    "America/St_Barthelemy": ("FR", "BL"),
    "America/Marigot": ("FR", "MF"),
    "America/Miquelon": ("FR", "PM"),
    "Pacific/Noumea": ("FR", "NC"),
    "Pacific/Tahiti": ("FR", "PF"),
    "Pacific/Marquesas": ("FR", "PF"),
    "Pacific/Gambier": ("FR", "PF"),
    "Pacific/Wallis": ("FR", "WF"),
}


class ConsentKind(StrEnum):
    """What is said or asked when a contract is concluded, and decides over a withdrawal from it."""

    INFORMED = "informed"  # of the right, with the model form
    EXPRESS_REQUEST = "express_request"  # to begin at once, knowing that what was used is then owed
    WAIVER = "waiver"  # of digital content: it begins at once, and the right is lost
    WAIVER_CONFIRMED = "waiver_confirmed"  # on a durable medium: without it the waiver is void
    CHARGE_TOLD = "charge_told"  # that a free trial becomes a subscription that is paid


class ConsentWay(StrEnum):
    """By which way it was said."""

    ORDER_PAGE = "order_page"  # the portal's own, of who comes back
    SITE = "site"  # the merchant's
    EMAIL = "email"
    PAPER = "paper"
    OTHER = "other"


class RefundDuty(StrEnum):
    """What became of the refund that a withdrawal makes due."""

    OPEN = "open"
    REFUNDED = "refunded"  # through the portal, or seen at PayPal
    OTHERWISE = "otherwise"  # staff say that it was paid another way
    NOTHING = "nothing"  # nothing was taken, nothing was left, or the merchant decided that nothing is owed


@dataclass(frozen=True, kw_only=True)
class Consents:
    """What is known of one contract: the moment of each that was given, and those known not to have been.

    What is neither is unknown: nobody has a proof of it.  `ordered_at`: when it was ordered on the portal's own page,
    which concludes the contract.
    """

    given: Mapping[ConsentKind, datetime]
    missing: frozenset[ConsentKind] = frozenset()
    ordered_at: datetime | None = None

    def has(self, kind: ConsentKind) -> bool:
        """Say whether there is proof of it."""
        return kind in self.given

    @property
    def is_waived(self) -> bool:
        """Whether the right to withdraw from digital content was given up, as L221-28 13° has it: all of it."""
        return self.has(ConsentKind.WAIVER) and self.has(ConsentKind.WAIVER_CONFIRMED)


NO_PROOF: Final = Consents(given={})


@dataclass(frozen=True, kw_only=True)
class Contract:
    """What the period is counted from; `zones`: the merchant's and the customer's, of which the later end counts.

    `charged_since`: when a free trial became paid, None without one.  `informed_since`: the merchant says to have
    informed whoever concluded a contract from that day on; their word stands where nothing is known of this one.
    """

    concluded_at: datetime | None
    zones: tuple[str, ...]
    charged_since: datetime | None = None
    consents: Consents = NO_PROOF
    informed_since: date | None = None


@dataclass(frozen=True, kw_only=True, order=True)
class Deadline:
    """The last day of a period, and the moment at which that day is over."""

    ends_at: datetime
    last_day: date


@dataclass(frozen=True, kw_only=True)
class Period:
    """How long a contract can be withdrawn from: surely, and at most, where what would shorten it has no proof."""

    sure: Deadline
    longest: Deadline


class Verdict(StrEnum):
    """What the dates and the proofs say of a declaration. None of them refuses it."""

    IN_TIME = "in_time"
    DOUBTFUL = "doubtful"  # a date or a proof is missing, or a waiver stands: the merchant decides what goes back
    LATE = "late"


def period(contract: Contract) -> Period | None:
    """Return how long a contract can be withdrawn from; None where nobody knows when it was concluded.

    There is one period of a contract.  A trial that becomes paid begins another only where the customer was not
    clearly told that it would (CJEU C-565/22): where it is unknown, that one is the longest.
    """
    if contract.concluded_at is None:
        return None
    first = _period_from(contract.concluded_at, contract)
    if contract.charged_since is None or contract.consents.has(ConsentKind.CHARGE_TOLD):
        return first
    second = _period_from(contract.charged_since, contract)
    is_untold = ConsentKind.CHARGE_TOLD in contract.consents.missing
    return Period(
        sure=max(first.sure, second.sure) if is_untold else first.sure, longest=max(first.longest, second.longest)
    )


def verdict(contract: Contract, declared_at: datetime) -> Verdict:
    """Return what is to be said of a declaration that was sent at that moment."""
    runs = period(contract)
    if runs is None:
        return Verdict.DOUBTFUL
    if declared_at >= runs.longest.ends_at:
        return Verdict.LATE
    if declared_at >= runs.sure.ends_at or contract.consents.is_waived:
        return Verdict.DOUBTFUL
    return Verdict.IN_TIME


def last_day(concluded_on: date, *, country: str = "FR", part: str | None = None) -> date:
    """Return the last of the 14 days after a conclusion, moved to the next working day."""
    return working_day(concluded_on + timedelta(days=DAYS), country=country, part=part)


def working_day(day: date, *, country: str = "FR", part: str | None = None) -> date:
    """Return the day, or the first after it that is no Saturday, Sunday or public holiday there."""
    while day.weekday() >= SATURDAY or _is_holiday(day, country, part):
        day += timedelta(days=1)
    return day


def used_sum(paid: Money, *, started_on: date, paid_until: date, declared_on: date) -> Money:
    """Return what the days until a withdrawal come to, of what was paid for so many, rounded down.

    The day of the declaration is not counted: days and cents are rounded for the consumer.
    """
    whole = (paid_until - started_on).days
    used = min(max((declared_on - started_on).days, 0), max(whole, 0))
    if whole <= 0:
        return Money(paid.amount * 0, paid.currency)
    return Money((paid.amount * used / whole).quantize(paid.smallest, rounding=ROUND_DOWN), paid.currency)


def warnings_due(due_at: datetime, *, now: datetime) -> tuple[str, ...]:
    """Return the names of the times that have come at which the merchant is warned of a refund that is due."""
    return tuple(f"{before.days}d" for before in WARNED_BEFORE if due_at - before <= now)


def days_left(due_at: datetime, time_zone: str, *, now: datetime) -> int:
    """Return how many days it is until a refund's day, as a calendar of that zone counts; none once it has come.

    A warning may leave later than its time: of what was written down late, or by a machine that stood still.
    """
    zone = ZoneInfo(time_zone)
    return max((due_at.astimezone(zone).date() - now.astimezone(zone).date()).days, 0)


def _period_from(begins_at: datetime, contract: Contract) -> Period:
    ends = [_ends(begins_at, zone, contract) for zone in contract.zones]
    return Period(sure=max(sure for sure, _longest in ends), longest=max(longest for _sure, longest in ends))


def _ends(begins_at: datetime, zone: str, contract: Contract) -> tuple[Deadline, Deadline]:
    """Return the sure end and the latest one in a zone: they differ where nobody knows what was said of the right."""
    consents = contract.consents
    country, part = REGIONS.get(zone, ("FR", None))
    begun_on = begins_at.astimezone(ZoneInfo(zone)).date()
    first = last_day(begun_on, country=country, part=part)
    extended = working_day(_months_later(first, MONTHS_MORE), country=country, part=part)
    if consents.has(ConsentKind.INFORMED):
        told_on = consents.given[ConsentKind.INFORMED].astimezone(ZoneInfo(zone)).date()
        if told_on > begun_on:  # told afterwards: 14 days from then, within the year (L221-20)
            told = last_day(told_on, country=country, part=part)
            first = max(first, min(told, extended))
        return (_deadline(first, zone),) * 2
    is_untold = ConsentKind.INFORMED in consents.missing
    if not is_untold and contract.informed_since is not None and contract.informed_since <= begun_on:
        return (_deadline(first, zone),) * 2
    return _deadline(extended if is_untold else first, zone), _deadline(extended, zone)


def _deadline(day: date, zone: str) -> Deadline:
    midnight = datetime.combine(day + timedelta(days=1), time.min, tzinfo=ZoneInfo(zone))
    return Deadline(ends_at=midnight, last_day=day)


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


@cache
def _holidays(country: str, part: str | None, year: int) -> frozenset[date]:
    return frozenset(country_holidays(country, subdiv=part, years=year))


def _is_holiday(day: date, country: str, part: str | None) -> bool:
    return day in _holidays(country, part, day.year)


def newest(rows: Iterable[tuple[ConsentKind, bool, datetime, ConsentWay]]) -> Consents:
    """Return what is known by rows from the oldest to the newest: the newest word of a kind counts."""
    said = list(rows)
    known = {kind: (is_given, at) for kind, is_given, at, _way in said}
    return Consents(
        given={kind: at for kind, (is_given, at) in known.items() if is_given},
        missing=frozenset(kind for kind, (is_given, _at) in known.items() if not is_given),
        ordered_at=next(
            (
                at
                for kind, _given, at, way in said
                if (kind, way) == (ConsentKind.INFORMED, ConsentWay.ORDER_PAGE)  # written at the approval
            ),
            None,
        ),
    )

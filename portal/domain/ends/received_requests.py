"""Requests to end that came by other ways than the customer's button: nobody who asked is forgotten.

Such a request ends nothing by itself.  It waits until somebody says which subscription it is about, or why it
is about none; the end itself is an ordinary request to end (`domain.end_requests`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from portal.domain.ends.end_requests import Channel
from portal.domain.errors import DomainError
from portal.domain.policies import Actor


class Way(StrEnum):
    """How it reached the merchant."""

    LETTER = "letter"
    EMAIL = "email"
    TELEPHONE = "telephone"
    ACCOUNT_PAGE = "account_page"  # the customer's own form, where self-cancellation is off
    NO_LOGIN = "no_login"  # the log-in page’s form, from somebody who could not log in: nobody has been proven
    PUBLIC_FORM = "public_form"  # the public page for it: anybody may declare, and nobody has been proven
    OTHER = "other"


STAFF_WAYS: Final = (Way.LETTER, Way.EMAIL, Way.TELEPHONE, Way.OTHER)  # what staff may record


def has_hour(way: Way | None) -> bool:
    """Say whether its hour is known: staff record the day on which a letter came, and no hour is made up for it."""
    return way not in STAFF_WAYS


def was_timed(actor: Actor, way: Way | None) -> bool:
    """Say whether the hour of a withdrawal is known that `actor` carried out; `way`: how it was received, if it was.

    One that staff carry out without having recorded it came on a day, as a letter does.
    """
    return has_hour(way) if way is not None else actor is not Actor.STAFF


class ReceivedState(StrEnum):
    """Where it stands."""

    OPEN = "open"
    MATCHED = "matched"  # a request to end stands for it
    DISMISSED = "dismissed"  # with a reason


class AlreadySettled(DomainError):
    """Somebody has matched or dismissed it meanwhile."""


def answers(actor: Actor, channel: Channel, notified_at: datetime | None) -> bool:
    """Say whether an end carries out what its customer had asked before.

    Somebody else acts for them, or it came of their own declaration on the public page; whoever asks for an end by the
    button asks anew.
    """
    return notified_at is not None and (actor is not Actor.CUSTOMER or channel is Channel.PUBLIC_PAGE)


def may_answer(over_since: datetime | None, received_at: datetime) -> bool:
    """Say whether an end may be what a letter asked for: one from long before it is not, who wrote means another.

    Of most letters the day is known, and no hour.
    """
    return over_since is not None and over_since >= received_at - timedelta(days=1)


REMINDED_AFTER: Final = (0, 2, 5)  # working days: at once, and twice more (cancellation.md, The customer's way)
BEFORE_PAYMENT: Final = (timedelta(hours=48), timedelta(hours=24))  # as rule 8 has it for requests that wait
SATURDAY: Final = 5


def working_days_after(at: datetime, days: int, time_zone: str) -> datetime:
    """Return the same hour so many working days later, in a time zone: Monday to Friday, public holidays included."""
    local = at.astimezone(ZoneInfo(time_zone))
    while days:
        local += timedelta(days=1)
        days -= local.weekday() < SATURDAY
    return local.astimezone(at.tzinfo)


def reminders(
    open_since: datetime, next_payment_at: datetime | None, *, time_zone: str, now: datetime
) -> tuple[str, ...]:
    """Return the names of the times that have come at which the merchant is told of one that is open.

    A payment that is to come names its own, so that the one after it is warned of too; one that is past warns no more.
    """
    came = [f"{days}d" for days in REMINDED_AFTER if working_days_after(open_since, days, time_zone) <= now]
    if next_payment_at is not None and next_payment_at > now:
        left = next_payment_at - now
        hours = [before for before in BEFORE_PAYMENT if left <= before]
        came += [f"{before // timedelta(hours=1)}h:{next_payment_at.isoformat()}" for before in hours]
    return tuple(came)

"""What a timeline's fact says in its details, for both faces: a detail is read of the kinds that write it, of no other.

A word that is none of ours (an older release's, or a newer one's) says nothing: a row never breaks a page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar

from flask_babel import gettext as _

from portal.domain.ends.end_requests import Trouble
from portal.domain.ends.pauses import PauseRefusal
from portal.domain.ends.received_requests import Way, has_hour
from portal.domain.money.money import Money
from portal.domain.money.settlements import SettlementRefusal
from portal.domain.subscriptions import Status
from portal.queries.timelines import TimelineEntry, TimelineKind
from portal.web import labels
from portal.web.formatting import formatter
from portal.web.payments import GONE_BACK, REFUNDED

Word = TypeVar("Word", bound=StrEnum)

STATUS_IN: Final[Mapping[TimelineKind, str]] = {
    TimelineKind.STATUS_SEEN: "status",
    TimelineKind.ENDED: "outcome",
    TimelineKind.END_REQUESTED: "outcome",
}
SUM_IN: Final = frozenset(
    {
        TimelineKind.LATE_PAYMENT,
        TimelineKind.REFUND_REQUESTED,
        TimelineKind.REFUNDED,
        TimelineKind.REFUND_FAILED,
        TimelineKind.SETTLEMENT_REQUESTED,
        TimelineKind.SETTLED,
        TimelineKind.SETTLEMENT_FAILED,
    }
)


@dataclass(frozen=True, kw_only=True)
class Happening:
    """One line of a timeline, as the macro wants it."""

    at: datetime
    when: str
    title: str
    detail: str
    actor: str = ""
    status: str


def title(entry: TimelineEntry) -> str:
    """Return what happened, in a few words."""
    if entry.kind is TimelineKind.REFUNDED:
        # `way` is what rows written before 28 November 2026 call it.
        by = entry.details.get("gone_back_by") or entry.details.get("way")
        return str(GONE_BACK.get(str(by), REFUNDED))
    return str(labels.fact(entry.kind, entry.details))


def status(entry: TimelineEntry) -> Status | None:
    """Return the state that was seen, asked for or reached."""
    return _one_of(Status, entry.details.get(STATUS_IN.get(entry.kind, "")))


def way(entry: TimelineEntry) -> str:
    """Return by which way a notification came, where it was no page of ours."""
    found = _way(entry)
    return str(labels.WAY[found]) if found and entry.channel is None else ""


def when(entry: TimelineEntry) -> str:
    """Return when it happened: the day alone of what staff recorded without an hour."""
    return formatter().short(entry.at) if _has_hour(entry) else formatter().short_day(entry.at)


def end_requested(at: datetime | None, entries: Iterable[TimelineEntry]) -> str | None:
    """Return since when an end is asked for, as the timeline's notification of that time says it; None for nothing."""
    if at is None:
        return None
    notified = next((entry for entry in entries if entry.at == at and not _has_hour(entry)), None)
    return when(notified) if notified is not None else formatter().short(at)


def was_withdrawn(entries: Iterable[TimelineEntry]) -> bool:
    """Say whether an end was asked for once and taken back: "not yet" would then deny what the timeline tells."""
    return any(entry.kind is TimelineKind.END_WITHDRAWN for entry in entries)


def wished_end(entry: TimelineEntry) -> str:
    """Return the day on which a customer wished the end."""
    at = _moment(entry.details.get("wished_on"))
    return _("Chosen end date: %(date)s", date=formatter().date(at.date())) if at else ""


def trouble(entry: TimelineEntry) -> str:
    """Return what PayPal said, where the merchant has to act."""
    found = _one_of(Trouble, entry.details.get("trouble"))
    return str(labels.TROUBLE[found]) if found and entry.kind is TimelineKind.NEEDS_MERCHANT else ""


def pause(entry: TimelineEntry) -> str:
    """Return why a pause could not be, else the day on which it ends."""
    refused = _one_of(PauseRefusal, entry.details.get("refused_for"))
    if refused is not None:
        return str(labels.PAUSE_REFUSED[refused])
    until = _moment(entry.details.get("until")) if "pause" in entry.details else None
    return _("Starts again on %(date)s", date=formatter().day(until)) if until else ""


def not_settled(entry: TimelineEntry) -> str:
    """Return why an unpaid amount was not taken."""
    found = _one_of(SettlementRefusal, entry.details.get("failed_for"))
    return str(labels.NOT_SETTLED[found]) if found else ""


def sum_moved(entry: TimelineEntry) -> str:
    """Return how much went which way, and what of the payment is open since."""
    details, say = entry.details, formatter()
    moved, left = (Money.parse(details.get(name), details.get("currency")) for name in ("amount", "left"))
    if moved is None or entry.kind not in SUM_IN:
        return ""
    if left is None or not left.amount:
        return say.money(moved)
    figures = {"amount": say.money(moved), "left": say.money(left)}
    if details.get("is_again"):
        return _("PayPal undid the reversal of %(amount)s; not returned: %(left)s", **figures)
    return _("%(amount)s; not returned: %(left)s", **figures)


def _way(entry: TimelineEntry) -> Way | None:
    return _one_of(Way, entry.details.get("way")) if entry.kind is TimelineKind.NOTIFIED else None


def _has_hour(entry: TimelineEntry) -> bool:
    return has_hour(_way(entry)) and not (
        entry.kind is TimelineKind.WITHDRAWN and entry.details.get("has_hour") is False
    )


def _one_of(words: type[Word], value: object) -> Word | None:
    return words(value) if isinstance(value, str) and value in set(words) else None


def _moment(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return None

"""What a customer may open, and until when: one computation, from dates, at each request (domain.md, Access).

Each content has one window of time.  The page, the recap before a cancel, the proof and any access
check read the same windows, so that what is promised is what happens.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from portal.domain.dates.paid_time import nothing_is_paid
from portal.domain.subscriptions import ENDED, Status


class End(StrEnum):
    """How a window ends."""

    RUNNING = "running"  # as long as the subscription runs
    KEPT = "kept"  # for good
    DATED = "dated"
    UNKNOWN = "unknown"  # the paid time's end is unknown: open, and the merchant is asked


@dataclass(frozen=True, kw_only=True)
class Content:
    """Something a product opens, `unlock_after_days` after the subscription started."""

    key: str
    title: str
    unlock_after_days: int = 0
    link: str = ""  # where it is read: an https address, or nothing


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A product's access rule."""

    contents: tuple[Content, ...]
    keep_after_completion: bool = False
    keep_after_cancellation: bool = False
    stops_at_once: bool = False
    kept_while_paused: bool = False
    grace_days: int = 7

    @cached_property
    def openings(self) -> tuple[tuple[Content, timedelta], ...]:
        """Each content with how long after the start it opens."""
        return tuple((content, timedelta(content.unlock_after_days)) for content in self.contents)


class Facts(NamedTuple):
    """What access depends on in a subscription: a tuple, as the windows are, since five hundred are made at once."""

    status: Status
    started_at: datetime | None
    paid_until: datetime | None
    past_due_since: datetime | None = None
    ended_at: datetime | None = None
    withdrawn_at: datetime | None = None  # the customer withdrew from the contract: nothing of it stays open


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A content or product given by hand, from a date until a date (None: for good)."""

    key: str
    title: str
    since: datetime
    until: datetime | None
    link: str = ""


class Window(NamedTuple):
    """When one content is open: from `since` until `until`; `end` says what the missing `until` means."""

    key: str
    title: str
    since: datetime
    end: End
    until: datetime | None = None
    granted: bool = False
    link: str = ""

    def is_open(self, at: datetime) -> bool:
        """Say whether the content is open at that moment."""
        return self.since <= at and (self.until is None or at < self.until)


def end_facts(facts: Facts, rule: Rule, outcome: Status, at: datetime) -> Facts:
    """Return the facts after an end with `outcome` confirmed at `at`.

    `ended_at` is when the contract is over: the end of the paid time, or at once when the product says so,
    when nothing is paid ahead, or when the subscription never began. The preview and the engine both call this.
    One that is already over keeps its date: only the word changes, and nothing opens or closes (domain.md, local).
    One that never began has no start, whatever start PayPal had planned: ending it must not open anything.
    The same holds for one that PayPal shows as active before its start (docs/decisions/0010).
    A contract that was withdrawn from is over from the declaration on, whatever was paid (docs/decisions/0039).
    """
    if facts.status in ENDED and facts.ended_at is not None:
        over = min(facts.ended_at, facts.withdrawn_at) if facts.withdrawn_at is not None else facts.ended_at
        return facts._replace(status=outcome, ended_at=over)
    is_ahead = facts.started_at is not None and facts.started_at > at
    if facts.status is Status.PENDING or is_ahead:
        return facts._replace(status=outcome, started_at=None, ended_at=at)
    if facts.withdrawn_at is not None:
        return facts._replace(status=outcome, ended_at=facts.withdrawn_at)
    at_once = rule.stops_at_once and outcome is not Status.COMPLETED
    paid_ahead = facts.paid_until if facts.paid_until is not None and facts.paid_until > at else None
    over = at if at_once or paid_ahead is None else paid_ahead
    return facts._replace(status=outcome, ended_at=over)


def windows_given(grants: Iterable[Grant]) -> tuple[Window, ...]:
    """Return the window of each content given by hand; one that was withdrawn before it began has none."""
    return tuple(
        Window(
            key=grant.key,
            title=grant.title,
            since=grant.since,
            until=grant.until,
            end=End.KEPT if grant.until is None else End.DATED,
            granted=True,
            link=grant.link,
        )
        for grant in grants
        if grant.until is None or grant.since < grant.until
    )


def windows(facts: Facts, rule: Rule, grants: tuple[Grant, ...] = ()) -> tuple[Window, ...]:
    """Return the window of each content that is open at some time, in the product's order, grants last."""
    given = windows_given(grants) if grants else ()
    if facts.started_at is None or facts.status is Status.PENDING or _was_never_paid(facts):
        return given
    ended_at = facts.ended_at  # of one that ended early, nothing opens after it
    if ended_at is not None and facts.status not in (Status.CANCELLED, Status.ABANDONED):
        ended_at = None
    is_kept = ended_at is not None and rule.keep_after_cancellation
    end, until = (End.KEPT, None) if is_kept else _closing(facts, rule)
    if facts.withdrawn_at is not None:  # neither paid time nor a rule that keeps content counts
        ended_at, end, until = None, End.DATED, facts.withdrawn_at
    started_at = facts.started_at
    own = [
        Window(content.key, content.title, since, end, until, False, content.link)
        for content, after in rule.openings
        for since in (started_at + after,)
        if (ended_at is None or since <= ended_at) and (until is None or since < until)
    ]
    return (*own, *given)


def access(facts: Facts, rule: Rule, at: datetime, grants: tuple[Grant, ...] = ()) -> tuple[Window, ...]:
    """Return what is open at that moment."""
    return tuple(window for window in windows(facts, rule, grants) if window.is_open(at))


def openings(seen: Iterable[Window]) -> dict[str, datetime]:
    """Return since when each content is open, by its title; one that is also given by hand, since the earlier day."""
    found: dict[str, datetime] = {}
    for window in seen:
        found[window.title] = min(window.since, found.get(window.title, window.since))
    return found


def _was_never_paid(facts: Facts) -> bool:
    """Say whether it is known that nothing was paid: a first payment that never came has no days of grace."""
    return facts.status is not Status.ACTIVE and nothing_is_paid(facts.started_at, facts.paid_until)


def _closing(facts: Facts, rule: Rule) -> tuple[End, datetime | None]:
    """Return when access as a whole closes, apart from content that is kept."""
    match facts.status:
        case Status.ACTIVE:
            return End.RUNNING, None
        case Status.PAST_DUE:
            late_since = facts.past_due_since or facts.paid_until
            if late_since is None:
                return End.RUNNING, None
            grace = late_since + timedelta(days=rule.grace_days)
            return End.DATED, max(grace, facts.paid_until or grace)  # a failed payment takes away nothing paid before
        case Status.PAUSED if rule.kept_while_paused:
            return End.RUNNING, None
        case Status.COMPLETED if rule.keep_after_completion:
            return End.KEPT, None
        case Status.CANCELLED | Status.ABANDONED if rule.stops_at_once and facts.ended_at is not None:
            return End.DATED, facts.ended_at
    if facts.paid_until is None:
        return End.UNKNOWN, None
    return End.DATED, facts.paid_until


@dataclass(frozen=True, kw_only=True)
class EndPreview:
    """What an end would change for the customer: the recap before confirming, and the staff's preview."""

    after: Facts
    stops: tuple[Window, ...]
    stays: tuple[Window, ...]
    never: tuple[Window, ...] = ()  # would have opened later, and now will not

    @property
    def access_until(self) -> datetime | None:
        """The last moment of what stops; None when nothing stops or the date is unknown."""
        return max((window.until for window in self.stops if window.until is not None), default=None)

    @property
    def is_date_unknown(self) -> bool:
        """Whether something stops at a date nobody knows."""
        return any(window.end is End.UNKNOWN for window in self.stops)


def preview_end(facts: Facts, rule: Rule, outcome: Status, at: datetime, grants: tuple[Grant, ...] = ()) -> EndPreview:
    """Return what stops and what stays if the subscription ended with `outcome` at `at`.

    What is already closed is in no list; what would have opened later and now will not is in `never`.
    """
    after = end_facts(facts, rule, outcome, at)
    later = tuple(w for w in windows(after, rule, grants) if w.until is None or w.until > at)
    stays = tuple(w for w in later if w.end is End.KEPT or w.granted)
    stops = [w for w in later if w not in stays]
    listed = {w.key for w in later if not w.granted}
    # Open now and gone at once (the product stops access at once): its last moment is now.
    stops += [w._replace(end=End.DATED, until=at) for w in access(facts, rule, at) if w.key not in listed]
    given = tuple(w for w in stays if w.granted)
    expected = windows(facts, rule)
    return EndPreview(
        after=after,
        stops=tuple(w for w in stops if not _is_covered(w, given)),
        stays=stays,
        never=tuple(w for w in expected if w.since > at and w.key not in {open_.key for open_ in later}),
    )


@dataclass(frozen=True, kw_only=True)
class PausePreview:
    """What a pause would leave open: what stops, with its last moment, and what stays.

    `kept_by_cancelling`: what stops, and what a cancellation at that moment would have left open for good.
    """

    stops: tuple[Window, ...]
    stays: tuple[Window, ...]
    kept_by_cancelling: tuple[Window, ...]


def preview_pause(facts: Facts, rule: Rule, at: datetime, grants: tuple[Grant, ...] = ()) -> PausePreview:
    """Return what stops and what stays while it is paused from `at`, by the windows that the pages then read."""
    during = windows(facts._replace(status=Status.PAUSED), rule, grants)
    later = tuple(w for w in during if w.until is None or w.until > at)
    stays = tuple(w for w in later if w.end is End.RUNNING or w.granted)
    listed = {w.key for w in later}
    # Open now and gone at once (nothing is paid ahead): its last moment is now.
    gone = tuple(w._replace(end=End.DATED, until=at) for w in access(facts, rule, at) if w.key not in listed)
    stops = tuple(w for w in later if w not in stays) + gone
    kept = {w.key for w in preview_end(facts, rule, Status.CANCELLED, at, grants).stays}
    open_on = {w.key for w in stays}
    lost = tuple(w for w in stops if w.key in kept - open_on)
    return PausePreview(stops=stops, stays=stays, kept_by_cancelling=lost)


def _is_covered(window: Window, given: tuple[Window, ...]) -> bool:
    """Say whether a grant of the same content is open when `window` closes: the customer then loses nothing there."""
    same = (grant for grant in given if grant.key == window.key)
    return any(grant.until is None if window.until is None else grant.is_open(window.until) for grant in same)

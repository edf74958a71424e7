"""What somebody may open, as the outside sees it: from the windows that the pages, the recap and the proof read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from portal.domain.access import End, Window
from portal.domain.public_ids import Kind, shown
from portal.services.resources.values import Resource, moment

LASTS: Final = {End.KEPT: 3, End.RUNNING: 2, End.UNKNOWN: 1, End.DATED: 0}


class Checked(NamedTuple):
    """One product asked about for one customer: the windows of each subscription, and of what was given by hand.

    The ids are those that the outside sees.
    """

    customer: str
    product: str
    subscriptions: Sequence[tuple[str, Sequence[Window]]]
    grants: Sequence[tuple[str, Sequence[Window]]]


def access(checked: Checked, *, with_contents: bool = True, now: datetime) -> Resource:
    """Return whether anything of the product is open now, until when, from what, what of it, and what comes next.

    `until` is null while nothing closes it: it runs on with the subscription, is kept for good, or nobody knows
    (`until_is` says which).  Of several windows of one content the longest counts.  `contents` may be left out.
    """
    every: list[Window] = []
    longest: list[Window] = []  # of each that opens something now
    sources: list[Resource] = []
    for kind, held in (("subscription", checked.subscriptions), ("grant", checked.grants)):
        for key, windows in held:
            every += windows
            last = _longest([window for window in windows if window.is_open(now)])
            if last is not None:
                longest.append(last)
                sources.append({"type": kind, "id": key, "until": moment(last.until), "until_is": last.end})
    return {
        "object": "access",
        "customer": checked.customer,
        "product": checked.product,
        **summary(longest),
        "from": sources,
        "next_change_at": moment(_next(every, now=now)),
    } | ({"contents": _contents(every, now=now)} if with_contents else {})


def summary(is_open: Sequence[Window]) -> Resource:
    """Return what is open in three words: whether, until when, and what a missing date means."""
    last = _longest(is_open)
    if last is None:
        return {"allowed": False, "until": None, "until_is": None}
    return {"allowed": True, "until": moment(last.until), "until_is": last.end}


def _contents(every: Sequence[Window], *, now: datetime) -> list[Resource]:
    """Return each content once, in the product's order: what is open, and what will be."""
    of_content: dict[str, list[Window]] = {}
    for window in every:
        of_content.setdefault(window.key, []).append(window)
    contents = []
    for key, windows in of_content.items():
        own = [one for one in windows if one.is_open(now)]
        last = windows[-1]
        contents.append(
            {
                "id": shown(Kind.CONTENT, key),
                "title": last.title,
                "link": last.link or None,
                **summary(own),
                "since": moment(min(one.since for one in own or windows)),
            }
        )
    return contents


def _longest(windows: Sequence[Window]) -> Window | None:
    """Return the window that closes last; one without a date outlasts every other, for good before all."""
    last = None
    for window in windows:
        if last is None or _outlasts(window, last):
            last = window
    return last


def _outlasts(one: Window, other: Window) -> bool:
    if one.end is not other.end:
        return LASTS[one.end] > LASTS[other.end]
    return one.until is not None and other.until is not None and one.until > other.until


def _next(every: Sequence[Window], *, now: datetime) -> datetime | None:
    """Return when anything of it opens or closes next, as far as is known."""
    moments = [at for window in every for at in (window.since, window.until) if at is not None and at > now]
    return min(moments, default=None)

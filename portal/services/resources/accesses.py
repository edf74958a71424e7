"""What somebody may open, as the outside sees it: from the windows that the pages, the recap and the proof read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from portal.domain.access.access import End, Window
from portal.domain.integrations.public_ids import Kind, shown
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


class Seen(NamedTuple):
    """What of a product is open: every window, those that open something now, each by its last, and the last of all."""

    every: Sequence[Window]
    sources: Sequence[tuple[str, str, Window]]
    last: Window | None

    def next_at(self, now: datetime) -> datetime | None:
        """Return when anything of it opens or closes next, as far as is known."""
        moments = [at for window in self.every for at in (window.since, window.until) if at is not None and at > now]
        return min(moments) if moments else None


def seen(checked: Checked, *, now: datetime) -> Seen:
    """Return what of it is open now."""
    every: list[Window] = []
    sources = []
    for kind, held in (("subscription", checked.subscriptions), ("grant", checked.grants)):
        for key, windows in held:
            every += windows
            last = _longest([window for window in windows if window.is_open(now)])
            if last is not None:
                sources.append((kind, key, last))
    return Seen(every, sources, _longest([last for _kind, _id, last in sources]))


def access(checked: Checked, *, now: datetime) -> Resource:
    """Return whether anything of the product is open now, until when, from what, what of it, and what comes next.

    `until` is null while nothing closes it: it runs on with the subscription, is kept for good, or nobody knows
    (`until_is` says which).  Of several windows of one content the longest counts.
    """
    found = seen(checked, now=now)
    return {
        "object": "access",
        "customer": checked.customer,
        "product": checked.product,
        "allowed": found.last is not None,
        **_closes(found.last),
        "from": [{"type": kind, "id": key, **_closes(last)} for kind, key, last in found.sources],
        "next_change_at": moment(found.next_at(now)),
        "contents": contents(found, now=now),
    }


def _closes(last: Window | None) -> Resource:
    """Return until when it is open, and what a missing date means."""
    return {
        "until": moment(last.until) if last is not None else None,
        "until_is": last.end.value if last is not None else None,
    }


def contents(found: Seen, *, now: datetime) -> list[Resource]:
    """Return each content once, in the product's order: what is open, and what will be."""
    of_content: dict[str, list[Window]] = {}
    for window in found.every:
        of_content.setdefault(window.key, []).append(window)
    listed = []
    for key, windows in of_content.items():
        own = [one for one in windows if one.is_open(now)]
        last = windows[-1]
        listed.append(
            {
                "id": shown(Kind.CONTENT, key),
                "title": last.title,
                "link": last.link or None,
                "allowed": bool(own),
                **_closes(_longest(own)),
                "since": moment(min(one.since for one in own or windows)),
            }
        )
    return listed


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

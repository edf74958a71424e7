"""What somebody may open, as the outside sees it: from the windows that the pages, the recap and the proof read."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from portal.domain.access import End, Window
from portal.domain.public_ids import Kind, public
from portal.services.resources.values import Resource, moment

LASTS: Final = {End.KEPT: 3, End.RUNNING: 2, End.UNKNOWN: 1, End.DATED: 0}


@dataclass(frozen=True, kw_only=True)
class Checked:
    """One product asked about for one customer: the windows of each subscription, and of what was given by hand."""

    customer_id: uuid.UUID
    product_id: uuid.UUID
    subscriptions: Sequence[tuple[uuid.UUID, Sequence[Window]]]
    grants: Sequence[tuple[uuid.UUID, Sequence[Window]]]


def access(checked: Checked, *, with_contents: bool = True, now: datetime) -> Resource:
    """Return whether anything of the product is open now, until when, from what, what of it, and what comes next.

    `until` is null while nothing closes it: it runs on with the subscription, is kept for good, or nobody knows
    (`until_is` says which).  Of several windows of one content the longest counts.  `contents` may be left out.
    """
    every = [window for _id, windows in (*checked.subscriptions, *checked.grants) for window in windows]
    is_open = [window for window in every if window.is_open(now)]
    return {
        "object": "access",
        "customer": public(Kind.CUSTOMER, checked.customer_id),
        "product": public(Kind.PRODUCT, checked.product_id),
        **summary(is_open),
        "from": [
            *_sources(Kind.SUBSCRIPTION, checked.subscriptions, now=now),
            *_sources(Kind.GRANT, checked.grants, now=now),
        ],
        "next_change_at": moment(_next(every, now=now)),
    } | ({"contents": _contents(every, now=now)} if with_contents else {})


def summary(is_open: Sequence[Window]) -> Resource:
    """Return what is open in three words: whether, until when, and what a missing date means."""
    last = _longest(is_open)
    if last is None:
        return {"allowed": False, "until": None, "until_is": None}
    return {"allowed": True, "until": moment(last.until), "until_is": last.end.value}


def _sources(kind: Kind, held: Sequence[tuple[uuid.UUID, Sequence[Window]]], *, now: datetime) -> list[Resource]:
    """Return what of it is open now, each with its own last moment."""
    found = []
    for key, windows in held:
        last = _longest([window for window in windows if window.is_open(now)])
        if last is not None:
            source: Resource = {"type": "grant" if kind is Kind.GRANT else "subscription", "id": public(kind, key)}
            found.append(source | {"until": moment(last.until), "until_is": last.end.value})
    return found


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
                "id": _content_id(key),
                "title": last.title,
                "link": last.link or None,
                **summary(own),
                "since": moment(min(one.since for one in own or windows)),
            }
        )
    return contents


def _content_id(key: str) -> str:
    return public(Kind.CONTENT, uuid.UUID(key))


def _longest(windows: Sequence[Window]) -> Window | None:
    """Return the window that closes last; one without a date outlasts every other, for good before all."""
    return max(windows, key=_lasts, default=None) if len(windows) != 1 else windows[0]


def _lasts(window: Window) -> tuple[int, float]:
    return LASTS[window.end], window.until.timestamp() if window.until else 0.0


def _next(every: Sequence[Window], *, now: datetime) -> datetime | None:
    """Return when anything of it opens or closes next, as far as is known."""
    moments = [at for window in every for at in (window.since, window.until) if at is not None and at > now]
    return min(moments, default=None)

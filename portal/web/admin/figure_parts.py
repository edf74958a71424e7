"""What the figures of the desk's home are made of: words, addresses and plots, nothing to compute in a template."""

from __future__ import annotations

from dataclasses import dataclass

from portal.web import plots


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a number, with its own list. `mark` is its shape in the plot, `share` its part of the greatest."""

    label: str
    number: str
    url: str
    mark: str = ""
    share: str = ""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How something stands, and how it stood at the ends of the months."""

    title: str
    number: str
    url: str
    note: str
    parts: tuple[Part, ...]
    plot: plots.Curve
    rows: tuple[tuple[str, str], ...]  # day, number; the oldest first
    means: str = ""  # how it is counted, where its name does not say it


@dataclass(frozen=True, kw_only=True)
class Moves:
    """What began and ended in thirty days."""

    number: str
    begun: Part
    ended: Part
    later: Part | None  # who has cancelled already, and ends on a day to come
    kinds: tuple[Part, ...]
    plot: plots.Moves
    days: tuple[str, str]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Wait:
    """From asking to PayPal's confirmation, in words; `url` leads to the one that took longest.

    `list_url` to all that it is about, None where these are but the last of more.
    """

    median: str
    slowest: str
    url: str
    note: str
    list_url: str | None


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a customer wrote; `about` names the reason and the day, and leads to the subscription."""

    text: str
    about: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Figures:
    """All of them."""

    live: Standing
    revenue: tuple[Standing, ...]
    moves: Moves
    reasons: tuple[Part, ...]
    reasons_later: tuple[Part, ...]  # of those who end on a day to come
    comments: tuple[Said, ...]
    wait: Wait | None
    since: str | None  # days before it are reckoned, None where none is shown
    tests_url: str | None  # the list of tests that are counted beside what is live, None without any

"""Where the marks of a small plot stand: numbers for SVG attributes, no style, no script (components/figures.html).

A plot shows the shape alone: its numbers are in words beside it and in the table beneath, so it is hidden from whoever
does not see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

WIDTH, HEIGHT = 460, 130
EDGE: Final = 8  # left of the first point and right of the last one
TOP, BOTTOM = 16, 114  # of a curve
AXIS: Final = 78  # between what begins, above, and what ends
GAP: Final = 2
ABOVE, BELOW = 70, 46  # the room on either side of the axis
SHARE: Final = 0.71  # of a day's width that its mark takes


@dataclass(frozen=True)
class Curve:
    """A line through points; `first` and `last` are its ends."""

    points: str
    first: tuple[str, str]
    last: tuple[str, str]


@dataclass(frozen=True)
class Arch:
    """What began on a day: a door, as wide as its day and as tall as they were many."""

    path: str


@dataclass(frozen=True)
class Bar:
    """What ended on a day, of one kind."""

    kind: str
    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True)
class Moves:
    """What began and what ended, day by day."""

    arches: tuple[Arch, ...]
    bars: tuple[Bar, ...]


def curve(values: Sequence[Decimal]) -> Curve:
    """Return the line through these values; from their least to their greatest, since there is no ground below it."""
    low, high = min(values), max(values)
    step = (WIDTH - 2 * EDGE) / max(len(values) - 1, 1)
    rise = float(high - low)
    points = [
        (_said(EDGE + number * step), _said(BOTTOM - (BOTTOM - TOP) * (float(value - low) / rise if rise else 0.5)))
        for number, value in enumerate(values)
    ]
    return Curve(" ".join(f"{x},{y}" for x, y in points), points[0], points[-1])


def moves(begun: Sequence[int], ended: Sequence[Sequence[tuple[str, int]]]) -> Moves:
    """Return the marks of as many days; both sides of the axis have one scale."""
    day = WIDTH / max(len(begun), 1)
    width = day * SHARE
    most_above = max(begun, default=0)
    most_below = max((sum(number for _kind, number in kinds) for kinds in ended), default=0)
    scale = min(ABOVE / max(most_above, 1), BELOW / max(most_below, 1), 13)
    arches = tuple(
        Arch(_arch(number * day + (day - width) / 2, width, many * scale)) for number, many in enumerate(begun) if many
    )
    bars: list[Bar] = []
    for number, kinds in enumerate(ended):
        y = float(AXIS + GAP)
        for kind, many in kinds:
            height = many * scale
            x = number * day + (day - width) / 2
            bars.append(Bar(kind, _said(x), _said(y), _said(width), _said(max(height - 1, 0.5))))
            y += height
    return Moves(arches, tuple(bars))


def _arch(x: float, width: float, height: float) -> str:
    foot, bend = AXIS - GAP, min(width / 2, height)
    rise, radius = _said(height - bend), f"{_said(width / 2)} {_said(bend)}"
    return f"M{_said(x)} {foot}v-{rise}a{radius} 0 0 1 {_said(width)} 0v{rise}z"


def percent(part: Decimal | int, whole: Decimal | int) -> str:
    """Return a share as a length of SVG: « 37.5% »."""
    return f"{_said(float(part) / float(whole) * 100 if whole else 0)}%"


def _said(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")

"""A merchant's accent: the shades that are made of it by day and by night, and whether each can be read.

The style sheet makes the same shades with the browser's own arithmetic (static/css/tokens.css); a test holds the
numbers of both to each other.  Emails, and browsers that cannot derive a colour, use the accent as it is given.
Contrast is WCAG 2.2's: 4.5 to 1 for text, 3 to 1 for what bounds a control.  Lightness is OKLCH's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import atan2, cos, hypot, sin
from typing import Final

TEXT: Final = 4.5
EDGE: Final = 3.0
DEFAULT: Final = "#4a2e99"  # school violet, until the merchant chooses
DEFAULT_AT_NIGHT: Final = "#bda9fb"
BLACK, WHITE = "#000000", "#ffffff"
HEX: Final = re.compile(r"#?([0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)
STEP: Final = 0.005  # of lightness: smaller than anybody sees
MIDDLE: Final = 0.6  # a field lighter than this carries black, a darker one white


@dataclass(frozen=True, kw_only=True)
class Theme:
    """What the shades lie on, and how they are kept off it."""

    name: str
    paper: str
    raised: str
    wash: float  # the share of the accent in its wash


DAY: Final = Theme(name="day", paper="#f6f5f1", raised=WHITE, wash=0.10)
NIGHT: Final = Theme(name="night", paper="#14111c", raised="#1d1928", wash=0.13)
DEEPEST: Final = 0.48  # by day, text is never lighter
PALEST: Final = 0.79  # by night, never darker
CALMEST: Final = 0.12  # nor more colourful
FIELD: Final = (0.52, 0.68)  # by day a field is out of the middle, where neither black nor white can be read
NIGHT_FIELD: Final = 0.36


@dataclass(frozen=True, kw_only=True)
class Shades:
    """The accent's shades in one theme: text, its ground, the cover and the main button with what lies on each."""

    ink: str
    wash: str
    cover: str
    on_cover: str
    fill: str
    on_fill: str


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two colours that meet: how far apart they are, and how far they have to be."""

    theme: str
    upper: str
    ground: str
    needed: float

    @property
    def ratio(self) -> float:
        """Their contrast."""
        return contrast(self.upper, self.ground)


def parse(typed: str) -> str | None:
    """Return a colour as #rrggbb in small letters; None for what is none. `0c5d6d`, `#0C5D6D` and `#abc` are some."""
    found = HEX.fullmatch(typed.strip())
    if found is None:
        return None
    digits = found[1].lower()
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


def luminance(colour: str) -> float:
    """Return the relative luminance (WCAG 2.2), 0 for black to 1 for white."""
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def by_day(accent: str) -> Shades:
    """Return the shades on light paper."""
    light, chroma, hue = _oklch(accent)
    ink = _colour(min(light, DEEPEST), chroma, hue)
    field = max(light, FIELD[1]) if light > MIDDLE else min(light, FIELD[0])
    cover, on_cover = _colour(field, chroma, hue), BLACK if light > MIDDLE else WHITE
    return Shades(ink=ink, wash=_washed(ink, DAY), cover=cover, on_cover=on_cover, fill=cover, on_fill=on_cover)


def by_night(accent: str) -> Shades:
    """Return the shades on dark paper."""
    light, chroma, hue = _oklch(accent)
    ink = _colour(max(light, PALEST), min(chroma, CALMEST), hue)
    cover = _colour(min(light, NIGHT_FIELD), chroma, hue)
    wash = _washed(ink, NIGHT)
    return Shades(ink=ink, wash=wash, cover=cover, on_cover=WHITE, fill=ink, on_fill=NIGHT.paper)


def unreadable(accent: str) -> list[Pair]:
    """Return the pairs that are too close, the worst first; none for a colour that may be an accent."""
    wrong = [pair for pair in _pairs(accent) if pair.ratio < pair.needed]
    return sorted(wrong, key=lambda pair: pair.ratio / pair.needed)


def nearest(accent: str) -> str:
    """Return the colour of the same hue that can be read and is closest in lightness: itself, if it can."""
    light, chroma, hue = _oklch(accent)
    while unreadable(accent) and light > 0:
        light = max(light - STEP, 0)
        accent = _within(light, chroma, hue)
    return accent


def _pairs(accent: str) -> Iterator[Pair]:
    as_given = [(accent, ground) for ground in (DAY.paper, DAY.raised, _washed(accent, DAY))]
    for theme, shades, given in ((DAY, by_day(accent), as_given), (NIGHT, by_night(accent), [])):
        grounds = (theme.paper, theme.raised, shades.wash)
        texts = [*given, *((shades.ink, ground) for ground in grounds)]
        texts += [(shades.on_cover, shades.cover), (shades.on_fill, shades.fill)]
        yield from (Pair(theme=theme.name, upper=upper, ground=ground, needed=TEXT) for upper, ground in texts)
        # Focus, a ticked box, the border of the main button.
        edges = (theme.paper, theme.raised)
        yield from (Pair(theme=theme.name, upper=shades.ink, ground=ground, needed=EDGE) for ground in edges)


def _washed(ink: str, theme: Theme) -> str:
    mixed = [
        theme.wash * one + (1 - theme.wash) * other
        for one, other in zip(_oklab(ink), _oklab(theme.raised), strict=True)
    ]
    return _from_oklab(*mixed)


def _linear(colour: str) -> tuple[float, float, float]:
    red, green, blue = (_straight(int(colour[place : place + 2], 16) / 255) for place in (1, 3, 5))
    return red, green, blue


def _straight(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _curved(value: float) -> float:
    return value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def _oklab(colour: str) -> tuple[float, float, float]:
    """The matrices are those of https://www.w3.org/TR/css-color-4/#color-conversion-code, by Björn Ottosson."""
    red, green, blue = _linear(colour)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    middle = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def _oklch(colour: str) -> tuple[float, float, float]:
    light, a, b = _oklab(colour)
    return light, hypot(a, b), atan2(b, a)


def _rgb(light: float, a: float, b: float) -> tuple[float, float, float]:
    """Return the three parts of light, linear; outside 0 to 1 where no screen of sRGB shows the colour."""
    long = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (light - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )


def _from_oklab(light: float, a: float, b: float) -> str:
    """Return the colour as #rrggbb; what no screen shows is cut off, as browsers do."""
    parts = (round(255 * _curved(min(max(part, 0), 1))) for part in _rgb(light, a, b))
    return "#" + "".join(f"{part:02x}" for part in parts)


def _colour(light: float, chroma: float, hue: float) -> str:
    return _from_oklab(light, chroma * cos(hue), chroma * sin(hue))


def _within(light: float, chroma: float, hue: float) -> str:
    """Return the colour with as much of its chroma as a screen shows: cut off, it would be of another hue."""
    while chroma > 0.001:
        parts = _rgb(light, chroma * cos(hue), chroma * sin(hue))
        if all(-0.001 <= part <= 1.001 for part in parts):
            break
        chroma *= 0.97
    return _colour(light, chroma, hue)

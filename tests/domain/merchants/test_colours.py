"""An accent can be read, or the nearest that can is named: WCAG's own arithmetic, over the whole circle of colours."""

from __future__ import annotations

import colorsys
import re
from pathlib import Path

import pytest

from portal.domain.merchants import colours

TOKENS = (Path(__file__).resolve().parents[3] / "static/css/tokens.css").read_text()
CIRCLE = [
    "#" + "".join(f"{round(255 * part):02x}" for part in colorsys.hls_to_rgb(hue / 24, light / 10, strength))
    for hue in range(24)
    for light in range(11)
    for strength in (0.25, 1)
]
# Of https://webaim.org/resources/contrastchecker and the recommendation itself.
KNOWN = [
    ("#000000", "#ffffff", 21.0),
    ("#767676", "#ffffff", 4.54),
    ("#777777", "#ffffff", 4.48),
    ("#0000ff", "#ffffff", 8.59),
    ("#ff0000", "#ffffff", 4.00),
    ("#f4c20d", "#ffffff", 1.67),
]


def ratio(one, other):
    """The recommendation's text, once more and by another hand."""
    light = []
    for colour in (one, other):
        parts = [int(pair, 16) / 255 for pair in re.findall(r"[0-9a-f]{2}", colour)]
        red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        light.append(red * 0.2126 + green * 0.7152 + blue * 0.0722 + 0.05)
    return max(light) / min(light)


@pytest.mark.parametrize(("one", "other", "expected"), KNOWN)
def test_known_contrasts(one, other, expected):
    assert colours.contrast(one, other) == colours.contrast(other, one) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("#0C5D6D", "#0c5d6d"), ("0c5d6d", "#0c5d6d"), (" #abc ", "#aabbcc"), ("fff", "#ffffff"),
        ("", None), ("#", None), ("red", None), ("#12345", None), ("#1234567", None), ("#12345g", None),
        ("#0c5d6d;", None), ("٠٠٠", None),
    ],
)  # fmt: skip
def test_what_is_a_colour(typed, meant):
    assert colours.parse(typed) == meant


def test_there_are_good_ones_and_bad_ones():
    bad = [colour for colour in CIRCLE if colours.unreadable(colour)]
    assert len(CIRCLE) / 4 < len(bad) < len(CIRCLE) * 3 / 4
    assert not colours.unreadable(colours.DEFAULT)
    for pale in ("#f4c20d", "#ffd1dc", "#ffffff", "#777777"):
        assert colours.unreadable(pale), pale
    for strong in ("#0c5d6d", "#000000", "#c2185b"):
        assert colours.unreadable(strong) == [], strong


@pytest.mark.law("R-AC-6")
def test_what_is_taken_can_be_read_as_it_is_and_in_every_shade():
    for colour in CIRCLE:
        if colours.unreadable(colour):
            continue
        day, night = colours.by_day(colour), colours.by_night(colour)
        assert ratio(colour, "#ffffff") >= 4.5, "in an email: text on white, and white on the button"
        assert ratio(colour, "#f6f5f1") >= 4.5
        assert min(ratio(day.ink, ground) for ground in ("#f6f5f1", "#ffffff", day.wash)) >= 4.5, colour
        assert min(ratio(night.ink, ground) for ground in ("#14111c", "#1d1928", night.wash)) >= 4.5, colour
        for shades in (day, night):
            assert ratio(shades.on_cover, shades.cover) >= 4.5, colour
            assert ratio(shades.on_fill, shades.fill) >= 4.5, colour


def test_the_nearest_can_be_read_is_of_the_same_hue_and_only_as_much_darker_as_it_must_be():
    for colour in CIRCLE:
        offered = colours.nearest(colour)
        assert colours.unreadable(offered) == [], colour
        assert colours.nearest(offered) == offered
        assert (offered == colour) == (colours.unreadable(colour) == [])
        if offered != colour:
            assert ratio(offered, "#ffffff") < 6, f"{colour} became {offered}: darker than needed"
    yellow = colours.nearest("#f4c20d")
    red, green, blue = (int(yellow[place : place + 2], 16) for place in (1, 3, 5))
    assert red > green > blue, "a dark yellow is still no blue"


def test_a_contrast_that_is_too_low_is_told_worst_first():
    found = colours.unreadable("#f4c20d")
    assert found[0].ratio / found[0].needed == min(pair.ratio / pair.needed for pair in found)
    assert found[0].needed == 4.5


def token(name, *, night=False):
    """The value of a token in the style sheet, by day the first and by night the second that stands there."""
    return re.findall(rf"--{name}: (#\w{{6}}|[\d.]+%?)", TOKENS)[int(night)]


def test_the_style_sheet_derives_the_same_shades():
    """Two who reckon the same: a number changed in one of them would make the check lie."""
    assert (token("accent"), token("accent", night=True)) == (colours.DEFAULT, colours.DEFAULT_AT_NIGHT)
    for night, theme in enumerate((colours.DAY, colours.NIGHT)):
        assert (token("paper", night=night), token("raised", night=night)) == (theme.paper, theme.raised)
        assert token("wash", night=night) == f"{theme.wash:.0%}"
    assert float(token("deepest")) == colours.DEEPEST
    low, high = colours.FIELD
    assert (
        f"calc(min(l, {low}) + clamp(0, (l - {colours.MIDDLE}) * 1000, 1) * (max(l, {high}) - min(l, {low})))" in TOKENS
    )
    assert f"--accent-ink: oklch(from var(--accent) max(l, {colours.PALEST}) min(c, {colours.CALMEST}) h);" in TOKENS
    assert f"--cover: oklch(from var(--accent) min(l, {colours.NIGHT_FIELD}) c h);" in TOKENS
    assert token("on-accent", night=True) == colours.NIGHT.paper

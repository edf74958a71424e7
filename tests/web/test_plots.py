"""Small plots: every mark stands inside its frame, as large as its number, whatever the numbers are."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.web import plots

NUMBERS = st.lists(st.integers(0, 100_000), min_size=1, max_size=31)


@given(values=NUMBERS)
def test_a_curve_stays_in_its_frame_and_rises_where_the_numbers_do(values):
    curve = plots.curve([Decimal(value) for value in values])
    points = [tuple(map(float, point.split(","))) for point in curve.points.split(" ")]
    assert len(points) == len(values)
    assert all(0 <= x <= plots.WIDTH and 0 <= y <= plots.HEIGHT for x, y in points)
    for (_x, y), value in zip(points, values, strict=True):
        assert all((other_y <= y) or (other <= value) for (_x, other_y), other in zip(points, values, strict=True))


def test_a_curve_that_does_not_move_lies_in_the_middle():
    assert plots.curve([Decimal(5)] * 3).points == "8,65 230,65 452,65"


@given(begun=NUMBERS, data=st.data())
def test_what_began_and_ended_stays_in_its_frame(begun, data):
    days = len(begun)
    ended = [
        [(kind, data.draw(st.integers(1, 5000))) for kind in data.draw(st.sets(st.sampled_from("abc")))]
        for _day in range(days)
    ]
    marks = plots.moves(begun, ended)
    assert len(marks.arches) == sum(number > 0 for number in begun)
    assert len(marks.bars) == sum(map(len, ended))
    for bar in marks.bars:
        assert float(bar.y) > plots.AXIS
        assert float(bar.y) + float(bar.height) <= plots.HEIGHT
        assert float(bar.x) + float(bar.width) <= plots.WIDTH + 0.1
    for arch in marks.arches:
        rise, bend = re.search(r"v-([\d.]+)a[\d.]+ ([\d.]+)", arch.path).groups()
        assert plots.AXIS - float(rise) - float(bend) >= 0


@pytest.mark.parametrize(("part", "whole", "said"), [(1, 4, "25%"), (3, 8, "37.5%"), (0, 0, "0%"), (7, 7, "100%")])
def test_a_share(part, whole, said):
    assert plots.percent(part, whole) == said

"""A QR code as a part of the page: the modules of the text's code, with the light border that phones want."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
import segno
from PIL import Image

from portal.web.qr_codes import file_of, in_fours, picture


@pytest.mark.parametrize("text", ["http://portal.test/account/atelier/login", "otpauth://totp/é?secret=ABC", "x"])
def test_every_dark_module_is_drawn_once_and_four_light_ones_lie_around(text):
    code = segno.make(text, error="m", micro=False)
    drawn = str(picture(text))
    size = int(re.search(r'viewBox="0 0 (\d+) \1"', drawn)[1])
    places = [(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", drawn)]
    assert size == len(code.matrix) + 8
    assert len(places) == len(set(places)) == sum(sum(1 for module in row if module) for row in code.matrix)
    assert {min(x for x, _ in places), min(y for _, y in places)} == {4}
    assert max(max(place) for place in places) == size - 5


@pytest.mark.parametrize("text", ["http://portal.test/account/atelier/login", "http://portal.test/account/été/login"])
def test_the_file_has_the_same_modules_as_the_page(text):
    drawn = str(picture(text))
    size = int(re.search(r'viewBox="0 0 (\d+)', drawn)[1])
    seen = Image.open(BytesIO(file_of(text))).convert("1")
    assert seen.width == seen.height >= 700, "sharp on a poster"
    step = seen.width // size
    dark = {(x, y) for x in range(size) for y in range(size) if not seen.getpixel((x * step + 1, y * step + 1))}
    assert dark == {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", drawn)}


def test_a_key_is_shown_in_fours():
    assert in_fours("ABCDEFGHIJ") == "ABCD EFGH IJ"

"""What comes out is a small PNG of ours whatever came in, or one of five reasons why nothing does."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from portal.services.pictures import BadPicture, Flaw, cleaned
from tests.services import made_pictures as made


def opened(content):
    picture = Image.open(BytesIO(content))
    picture.load()
    return picture


@pytest.mark.parametrize(
    ("content", "size", "colour"),
    [
        (made.png(), (320, 160), (200, 0, 0, 128)),
        (made.png((4000, 100)), (480, 12), (200, 0, 0, 128)),
        (made.png((1, 4000)), (1, 160), (200, 0, 0, 128)),
        (made.png((20, 10)), (20, 10), (200, 0, 0, 128)),
        (made.jpeg(), (80, 160), (0, 0, 200, 255)),
        (made.webp(), (40, 20), (0, 128, 0, 255)),
    ],
    ids=["png", "wide", "high", "small", "jpeg on its side", "webp of two"],
)
def test_it_is_shrunk_and_written_anew_with_nothing_else_of_the_file(content, size, colour):
    ours = cleaned(content)
    picture = opened(ours)
    assert (picture.format, picture.size, getattr(picture, "n_frames", 1)) == ("PNG", size, 1)
    place = tuple(length // 2 for length in size)
    assert all(abs(one - other) < 6 for one, other in zip(picture.getpixel(place), colour, strict=True))
    assert picture.info == {}
    assert not picture.getexif()
    for left in (made.SECRET.encode(), b"profile", b"script", b"Comment"):
        assert left not in ours
    assert ours.startswith(b"\x89PNG")
    assert ours.endswith(b"IEND\xaeB`\x82")


@pytest.mark.parametrize(
    ("content", "flaw"),
    [
        (bytes(20 * 1024 * 1024), Flaw.TOO_LARGE),
        (made.png() + bytes(2 * 1024 * 1024), Flaw.TOO_LARGE),
        (made.SVG, Flaw.SVG),
        (made.PAGE, Flaw.NO_PICTURE),
        (b"", Flaw.NO_PICTURE),
        (made.gif(), Flaw.NO_PICTURE),
        (b"%!PS-Adobe-3.0 EPSF-3.0", Flaw.NO_PICTURE),
        (made.promising(50_000, 50_000), Flaw.TOO_MANY_PIXELS),
        (made.promising(10_000, 10_000), Flaw.TOO_MANY_PIXELS),
        (made.promising(4_001, 4_001), Flaw.TOO_MANY_PIXELS),
        (made.promising(300, 300), Flaw.BROKEN),
        (made.jpeg()[:700], Flaw.BROKEN),
        (made.webp()[:60], Flaw.BROKEN),
    ],
    ids=lambda one: str(one) if isinstance(one, Flaw) else "",
)
def test_what_is_refused(content, flaw):
    with pytest.raises(BadPicture) as refused:
        cleaned(content)
    assert refused.value.flaw is flaw

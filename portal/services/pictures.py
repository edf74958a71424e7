"""A picture from outside, made into one of ours: decoded, shrunk, written anew as PNG.

Nothing else of the file is kept: no place where it was taken, no name, no second picture or page behind the first.
"""

from __future__ import annotations

from enum import StrEnum
from io import BytesIO
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS: Final = ("PNG", "JPEG", "WEBP")
MOST_BYTES: Final = 2 * 1024 * 1024
MOST_PIXELS: Final = 16_000_000  # as RGBA 64 MB: what a small file may unfold to
BOX: Final = (480, 160)  # twice what a page shows, for fine screens


class Flaw(StrEnum):
    """Why a file is no logo."""

    TOO_LARGE = "too_large"
    SVG = "svg"
    NO_PICTURE = "no_picture"
    TOO_MANY_PIXELS = "too_many_pixels"
    BROKEN = "broken"


class BadPicture(Exception):
    """The file is refused; nothing of it was kept."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw


def cleaned(content: bytes) -> bytes:
    """Return the picture as a PNG that fits into BOX; raise BadPicture."""
    if len(content) > MOST_BYTES:
        raise BadPicture(Flaw.TOO_LARGE)
    try:
        return _written(_decoded(content))
    except BadPicture:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadPicture(Flaw.TOO_MANY_PIXELS) from error
    except UnidentifiedImageError as error:
        raise BadPicture(Flaw.SVG if b"<svg" in content[:4096].lower() else Flaw.NO_PICTURE) from error
    except Exception as error:  # a decoder raises whatever it stumbles over
        raise BadPicture(Flaw.BROKEN) from error


def _decoded(content: bytes) -> Image.Image:
    with Image.open(BytesIO(content), formats=FORMATS) as opened:  # reads the head alone
        if opened.width * opened.height > MOST_PIXELS:
            raise BadPicture(Flaw.TOO_MANY_PIXELS)
        return ImageOps.exif_transpose(opened).convert("RGBA")


def _written(picture: Image.Image) -> bytes:
    picture.thumbnail(BOX)
    picture.info.clear()  # a colour profile would be written again
    target = BytesIO()
    picture.save(target, "PNG", optimize=True)
    return target.getvalue()

"""Pictures as people and as attackers bring them."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

from PIL import Image
from PIL.PngImagePlugin import PngInfo

SECRET = "48.8566 N, 2.3522 E"
PAGE = b"<!doctype html><title>x</title><script>alert(1)</script>"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def png(size=(600, 300), **options):
    """A red PNG with a remark in it and something behind its end."""
    remark = PngInfo()
    remark.add_text("Comment", SECRET)
    return _saved(Image.new("RGBA", size, (200, 0, 0, 128)), "PNG", pnginfo=remark, **options) + PAGE


def jpeg(size=(600, 300), orientation=6):
    """A JPEG that a telephone took on its side, with where that was."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = orientation, SECRET
    return _saved(Image.new("RGB", size, (0, 0, 200)), "JPEG", exif=exif, icc_profile=b"a profile of somebody")


def webp():
    """A WebP of two pictures."""
    frames = [Image.new("RGB", (40, 20), colour) for colour in ("green", "white")]
    return _saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)


def gif():
    return _saved(Image.new("P", (10, 10)), "GIF")


def promising(width, height):
    """A PNG of some bytes that says it is that large."""
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def _saved(picture, kind, **options):
    target = BytesIO()
    picture.save(target, kind, **options)
    return target.getvalue()

"""QR codes as a part of the page: shapes without a style of their own: the content policy has nothing to allow."""

from __future__ import annotations

from io import BytesIO

from flask import Flask
from markupsafe import Markup

DOTS: int = 24  # a module's in a file: an address makes some thousand in all
QUIET: int = 4  # light modules around it, as ISO/IEC 18004 wants


def install(app: Flask) -> None:
    """Give templates `qr`, the picture of a text, and `in_fours`, a key as one copies it by hand."""
    app.jinja_env.filters.update(qr=picture, in_fours=in_fours)


def picture(text: str) -> Markup:
    """Return an SVG whose one path is the dark modules of the text's QR code (correction level M)."""
    import segno  # few pages show one

    code = segno.make(text, error="m", micro=False)
    size = code.symbol_size(border=QUIET)[0]
    dark = "".join(
        f"M{x + QUIET} {y + QUIET}h1v1h-1z"
        for y, row in enumerate(code.matrix)
        for x, module in enumerate(row)
        if module
    )
    return Markup('<svg viewBox="0 0 {0} {0}" aria-hidden="true" focusable="false"><path d="{1}"/></svg>').format(
        size, dark
    )


def file_of(text: str) -> bytes:
    """Return the same code as a PNG, to print or to put into a document."""
    import segno

    file = BytesIO()
    segno.make(text, error="m", micro=False).save(file, kind="png", scale=DOTS, border=QUIET)
    return file.getvalue()


def in_fours(key: str) -> str:
    """Return a key in groups of four; an app takes it with or without the spaces."""
    return " ".join(key[place : place + 4] for place in range(0, len(key), 4))

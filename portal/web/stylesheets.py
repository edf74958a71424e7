"""One stylesheet a face, put together from the files of static/css: a page asks for one, and there is no build step.

A merchant's accent is a part of the address, and the sheet of that address ends with it: the policy of no inline style
holds, and a changed accent is another address.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from flask import Flask, Response, abort, current_app, request, url_for

from portal.domain.merchants import colours

SHARED: Final = ("tokens", "base", "layout")
WORDS: Final = ("text", "states", "controls")
THINGS: Final = ("cards", "thread", "pairs", "timeline", "tables")
FACES: Final = {
    "customer": (*SHARED, "cover", *WORDS, *THINGS, "print"),
    "door": (*SHARED, "door", *WORDS, "pictures", "print"),
    "desk": (
        *(*SHARED, "spine", "columns", "rules", *WORDS, *THINGS),
        *("entries", "figures", "lists", "progress", "steps", "sample", "pictures", "print"),
    ),
}
COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
# No name and no selector has one of these inside; a rule's last declaration needs no end, 0.5 no zero.
NEEDLESS: Final = re.compile(r";?\s*(})\s*|\s*([{;,>])\s*|(?<=:)\s+|(?<=[:\s(,-])0(?=\.\d)")
ACCENT: Final = re.compile(r"[0-9a-f]{6}")
# Where a browser derives nothing, night has its own value: the accent as given could not be read there.
DRESS: Final = (
    "@layer tokens{{:root{{--accent:{accent}}}@media screen and (prefers-color-scheme:dark){{"
    "@supports not (color:oklch(from red min(l,0.5) c h)){{:root{{--accent:{night}}}}}}}}}"
)


def install(app: Flask) -> None:
    """Serve a face's stylesheet, and let pages name it: `stylesheet("customer", merchant.accent)` is its address."""
    app.add_url_rule("/css/<face>.css", "stylesheet", _serve)
    app.context_processor(lambda: {"stylesheet": _address})


def _address(face: str, accent: str = "") -> str:
    digits = accent.removeprefix("#")
    return url_for("stylesheet", face=face, accent=digits or None, v=_of(face, digits)[1])


def _serve(face: str) -> Response:
    accent = request.args.get("accent", "")
    if not _exists(face, accent):
        abort(404)
    content, version = _of(face, accent)
    is_packed = request.accept_encodings["gzip"] > 0
    response = Response(_packed(content) if is_packed else content, mimetype="text/css")
    if is_packed:  # it holds no secret whose length could tell something, and a proxy in front need not do it
        response.content_encoding = "gzip"
    response.vary.add("Accept-Encoding")
    response.set_etag(f"{version}-gzip" if is_packed else version)
    response.make_conditional(request)
    return response


def is_current(face: str, accent: str, version: str | None) -> bool:
    """Say whether an address names the stylesheet as it is now: then it may be kept for long."""
    return _exists(face, accent) and version == _of(face, accent)[1]


def _exists(face: str, accent: str) -> bool:
    return face in FACES and (not accent or ACCENT.fullmatch(accent) is not None)


def _of(face: str, accent: str) -> tuple[str, str]:
    folder = Path(current_app.static_folder or "") / "css"
    files = [folder / f"{part}.css" for part in FACES[face]]
    return _worn(tuple(files), tuple(file.stat().st_mtime_ns for file in files), accent)


@lru_cache(maxsize=128)
def _worn(files: tuple[Path, ...], changed: tuple[int, ...], accent: str) -> tuple[str, str]:
    """Return the files as one text in that accent, and its version."""
    content = _joined(files, changed)
    if accent:
        colour = f"#{accent}"
        content += DRESS.format(accent=colour, night=colours.by_night(colour).ink)
    return content, hashlib.sha256(content.encode()).hexdigest()[:12]


@lru_cache(maxsize=128)
def _packed(content: str) -> bytes:
    return gzip.compress(content.encode(), compresslevel=9, mtime=0)


@cache
def _joined(files: tuple[Path, ...], _changed: tuple[int, ...]) -> str:
    """Return the files as one text without comments and needless spaces."""
    return "\n".join(
        NEEDLESS.sub(lambda found: found[1] or found[2] or "", COMMENT.sub("", file.read_text())).strip()
        for file in files
    )

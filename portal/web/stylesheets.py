"""One stylesheet a face, put together from the files of static/css: a page asks for one, and there is no build step."""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Final

from flask import Flask, Response, abort, current_app, request, url_for

SHARED: Final = ("tokens", "base", "layout")
WORDS: Final = ("text", "states", "controls")
THINGS: Final = ("cards", "entries", "tables")
FACES: Final = {
    "customer": (*SHARED, "cover", *WORDS, *THINGS, "print"),
    "door": (*SHARED, "door", *WORDS, "pictures"),
    "desk": (*SHARED, "spine", "columns", *WORDS, *THINGS, "progress", "steps", "pictures", "print"),
}
COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
SPACE: Final = re.compile(r"\s*([{};,])\s*|(?<=:)\s+")  # no name and no selector has one of these inside


def install(app: Flask) -> None:
    """Serve a face's stylesheet, and let pages name it: `stylesheet("desk")` is its address."""
    app.add_url_rule("/css/<face>.css", "stylesheet", _serve)
    app.context_processor(lambda: {"stylesheet": _address})


def _address(face: str) -> str:
    return url_for("stylesheet", face=face, v=_of(face)[1])


def _serve(face: str) -> Response:
    if face not in FACES:
        abort(404)
    content, version = _of(face)
    is_packed = request.accept_encodings["gzip"] > 0
    response = Response(_packed(content) if is_packed else content, mimetype="text/css")
    if is_packed:  # it holds no secret whose length could tell something, and a proxy in front need not do it
        response.content_encoding = "gzip"
    response.vary.add("Accept-Encoding")
    response.set_etag(f"{version}-gzip" if is_packed else version)
    response.make_conditional(request)
    return response


def is_current(face: str, version: str | None) -> bool:
    """Say whether an address names the stylesheet as it is now: then it may be kept for long."""
    return face in FACES and version == _of(face)[1]


def _of(face: str) -> tuple[str, str]:
    folder = Path(current_app.static_folder or "") / "css"
    files = [folder / f"{part}.css" for part in FACES[face]]
    return _joined(tuple(files), tuple(file.stat().st_mtime_ns for file in files))


@cache
def _packed(content: str) -> bytes:
    return gzip.compress(content.encode(), compresslevel=9, mtime=0)


@cache
def _joined(files: tuple[Path, ...], _changed: tuple[int, ...]) -> tuple[str, str]:
    """Return the files as one text without comments and needless spaces, and its version."""
    content = "\n".join(
        SPACE.sub(lambda found: found[1] or "", COMMENT.sub("", file.read_text())).strip() for file in files
    )
    return content, hashlib.sha256(content.encode()).hexdigest()[:12]

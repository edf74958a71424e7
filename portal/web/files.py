"""Answers that are files: saved by the browser, never shown inside the portal's pages."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Response

from portal.documents.printing import File


def handed_over(file: File) -> Response:
    """Return the file as a download."""
    return download(file.content, name=file.name, media_type=file.media_type)


def download(
    content: bytes | Iterable[str] | Iterable[bytes],
    *,
    name: str,
    media_type: str = "text/csv",
    size: int | None = None,
) -> Response:
    """Return what is whole, or comes in pieces of so many bytes together, as a file of that name."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if size is not None:  # a browser then shows how far it is, and notices one that breaks off
        headers["Content-Length"] = str(size)
    return Response(content, mimetype=media_type, headers=headers)

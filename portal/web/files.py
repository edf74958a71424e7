"""Answers that are files: saved by the browser, never shown inside the portal's pages."""

from __future__ import annotations

from flask import Response

from portal.documents.pdf import File


def handed_over(file: File) -> Response:
    """Return the file as a download."""
    return Response(
        file.content,
        mimetype=file.media_type,
        headers={"Content-Disposition": f'attachment; filename="{file.name}"'},
    )

"""A staff member’s own sessions: seen and ended by their owner (ASVS 7.5.2)."""

from __future__ import annotations

import uuid

from flask.typing import ResponseReturnValue

from portal.web import session_pages
from portal.web.admin import bp


@bp.get("/sessions")
def sessions() -> ResponseReturnValue:
    """List them."""
    return session_pages.show("auth/staff_sessions.html")


@bp.post("/sessions/<uuid:session_id>/end")
def session_end(session_id: uuid.UUID) -> ResponseReturnValue:
    """End one."""
    return session_pages.end(session_id, ".sessions")


@bp.post("/sessions/others/end")
def other_sessions_end() -> ResponseReturnValue:
    """End all but this one."""
    return session_pages.end_others(".sessions")

"""The desk. Who may come, and with which role, is decided by portal/web/access.py."""

from flask import Blueprint

from portal.web import sessions

bp = Blueprint("admin", __name__, url_prefix="/admin")
sessions.add_to(bp, "auth/staff_sessions.html")

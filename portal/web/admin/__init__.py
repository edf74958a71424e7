"""The desk. Who may come, and with which role, is decided by portal/web/access.py."""

from flask import Blueprint

bp = Blueprint("admin", __name__, url_prefix="/admin")

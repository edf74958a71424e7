"""The customer's pages of one merchant. Who may come is decided by portal/web/access.py: its customers only."""

from flask import Blueprint

from portal.web import sessions

bp = Blueprint("customer", __name__, url_prefix="/account/<merchant_slug>")
sessions.add_to(bp, "auth/customer_sessions.html")
